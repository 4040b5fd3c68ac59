package io.chunkwise.benchmark;

import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.forward.WeightRole;
import io.chunkwise.model.llama.LlamaArchitecture;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.RopeScaling;
import io.chunkwise.model.llama.RotaryPairing;
import java.util.Arrays;
import java.util.Set;
import java.util.stream.Collectors;

/** Sizes of well-known models, to be filled with random weights: speed does not depend on the values. */
public enum ModelShape {
    TINY("tiny", 64, 2, 4, 2, 96, 256, true, 10_000f),
    LLAMA_110M("llama-110m", 768, 12, 12, 12, 2048, 32_000, true, 10_000f),
    TINYLLAMA_1B("tinyllama-1.1b", 2048, 22, 32, 4, 5632, 32_000, false, 10_000f),
    LLAMA_7B("llama-7b", 4096, 32, 32, 32, 11_008, 32_000, false, 10_000f),
    LLAMA_8B("llama-8b", 4096, 32, 32, 8, 14_336, 128_256, false, 500_000f);

    private final String word;
    private final LlamaConfig config;

    ModelShape(String word, int hiddenSize, int layers, int heads, int kvHeads, int ffnSize, int vocabSize, boolean tied, float ropeBase) {
        this.word = word;
        config = new LlamaConfig(LlamaArchitecture.LLAMA, hiddenSize, layers, heads, kvHeads, hiddenSize / heads, ffnSize, vocabSize,
                Integer.MAX_VALUE / 2, 1e-5f, ropeBase, new RopeScaling.None(), RotaryPairing.HALVES, 0, false, tied, 1, Set.of(2));
    }

    /** As the command line spells it. */
    public String word() {
        return word;
    }

    /** Any context. */
    public LlamaConfig config() {
        return config;
    }

    /** Every word, as a list for people. */
    public static String words() {
        return Arrays.stream(values()).map(ModelShape::word).collect(Collectors.joining(", "));
    }

    /** @throws IllegalArgumentException naming the shapes that there are */
    public static ModelShape parse(String word) {
        return Arrays.stream(values()).filter(shape -> shape.word.equalsIgnoreCase(word)).findFirst()
                .orElseThrow(() -> new IllegalArgumentException("there is no shape '" + word + "'; use " + words()));
    }

    /** Bytes of all weights, with matrices in a number format and norms in F32. */
    public long weightBytes(TensorType type) {
        long bytes = 0;
        for (WeightRole role : WeightRole.values()) {
            if (role.isPresent(config)) {
                long elements = role.shape(config).stream().reduce(1L, Math::multiplyExact);
                TensorType stored = role.shape(config).size() == 2 ? type : TensorType.F32;
                bytes += stored.bytesFor(elements) * (role.isPerLayer() ? config.layers() : 1);
            }
        }
        return bytes;
    }
}
