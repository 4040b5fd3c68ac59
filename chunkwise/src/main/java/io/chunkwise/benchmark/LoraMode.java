package io.chunkwise.benchmark;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** How the update of an adapter comes to its base projection. */
public enum LoraMode {
    /** There is no adapter: rank 0. */
    NONE,
    /** The update is part of the projection's work. */
    FUSED,
    /** Down and up product are ops of their own behind the projection. */
    UNFUSED,
    /** The update is part of a copy of the weights, rounded to their number format; nothing is left to do. */
    MERGED;

    /** What an adapter of a rank above 0 may be run as. */
    public static final List<LoraMode> ADAPTED = List.of(FUSED, UNFUSED, MERGED);

    /** As the command line and JSON spell it. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** @throws IllegalArgumentException naming the modes that there are */
    public static LoraMode parse(String word) {
        return ADAPTED.stream().filter(mode -> mode.word().equalsIgnoreCase(word)).findFirst()
                .orElseThrow(() -> new IllegalArgumentException("there is no LoRA mode '" + word + "'; use "
                        + String.join(", ", Arrays.stream(values()).filter(mode -> mode != NONE).map(LoraMode::word).toList())));
    }
}
