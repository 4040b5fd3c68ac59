package io.chunkwise.runner.options;

import io.chunkwise.model.kv.KvType;
import java.util.Arrays;

/** The words of {@code --kv-type}. */
final class KvTypes {
    static final String LABEL = "f32|f16";

    private KvTypes() {
    }

    /** @throws IllegalArgumentException naming the option and the words that there are */
    static KvType parse(String word) {
        return Arrays.stream(KvType.values()).filter(type -> type.name().equalsIgnoreCase(word)).findFirst()
                .orElseThrow(() -> new IllegalArgumentException("--kv-type " + word + ": expected f32 or f16"));
    }
}
