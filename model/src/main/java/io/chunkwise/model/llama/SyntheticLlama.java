package io.chunkwise.model.llama;

import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.adapter.AdapterSite;
import io.chunkwise.model.adapter.LowRankPair;
import io.chunkwise.model.format.BlockCodec;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.format.TensorView;
import io.chunkwise.model.forward.WeightRole;
import io.chunkwise.model.tokenizer.Tokenizer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;

/**
 * Models with seeded random weights of any size and number format, in memory: what benchmarks and agreement tests run
 * on. Weights are scaled so that activations neither vanish nor explode; the "text" is meaningless.
 */
public final class SyntheticLlama {

    private SyntheticLlama() {
    }

    /** A Llama of the given sizes: no RoPE scaling, no biases, tied embedding, HALVES pairing. */
    public static LlamaConfig config(int hiddenSize, int layers, int heads, int kvHeads, int ffnSize, int vocabSize, int contextLength) {
        return new LlamaConfig(LlamaArchitecture.LLAMA, hiddenSize, layers, heads, kvHeads, hiddenSize / heads, ffnSize, vocabSize,
                contextLength, 1e-5f, 10_000f, new RopeScaling.None(), RotaryPairing.HALVES, 0, false, true, 1, Set.of(2));
    }

    /**
     * @param type number format of the projections and the embedding; norms and biases are F32
     * @return a model that the caller closes
     */
    public static LlamaModel model(LlamaConfig config, TensorType type, long seed) {
        Arena memory = Arena.ofShared();
        Random random = new Random(seed);
        LlamaWeights weights = LlamaWeights.collect("synthetic model", config,
                (role, layer) -> tensor(config, role, layer, type, random, memory));
        return new LlamaModel(Path.of("synthetic"), config, new NumberTokenizer(config.vocabSize()), weights, memory);
    }

    /** A random adapter of one rank on all seven projections, one component group; its update is small beside the base. */
    public static Adapter adapter(LlamaConfig config, int rank, long seed) {
        Random random = new Random(seed);
        Map<AdapterSite, LowRankPair> sites = new HashMap<>();
        for (int layer = 0; layer < config.layers(); layer++) {
            for (WeightRole role : WeightRole.ADAPTABLE) {
                int outputs = Math.toIntExact(role.shape(config).get(0));
                int inputs = Math.toIntExact(role.shape(config).get(1));
                sites.put(new AdapterSite(layer, role), new LowRankPair(rank, inputs, outputs,
                        gaussians(random, rank * inputs, 1 / Math.sqrt(inputs)), gaussians(random, outputs * rank, 0.3 / Math.sqrt(rank))));
            }
        }
        return new Adapter("synthetic-r" + rank, 1, sites);
    }

    private static TensorView tensor(LlamaConfig config, WeightRole role, int layer, TensorType type, Random random, Arena memory) {
        List<Long> shape = role.shape(config);
        boolean isMatrix = shape.size() == 2;
        TensorType stored = isMatrix ? type : TensorType.F32;
        int rows = Math.toIntExact(shape.getFirst());
        int columns = isMatrix ? Math.toIntExact(shape.get(1)) : 1;
        MemorySegment data = memory.allocate(stored.bytesFor((long) rows * columns), 64);
        if (isMatrix) {
            for (int row = 0; row < rows; row++) {
                float[] values = gaussians(random, columns, 1 / Math.sqrt(columns));
                BlockCodec.encode(stored, values, 0, columns, data, stored.bytesFor((long) row * columns));
            }
        } else {
            float[] values = gaussians(random, rows, 0.1);
            if (role == WeightRole.ATTENTION_NORM || role == WeightRole.FFN_NORM || role == WeightRole.FINAL_NORM) {
                for (int i = 0; i < rows; i++) {
                    values[i] += 1;
                }
            }
            BlockCodec.encode(stored, values, 0, rows, data, 0);
        }
        return new TensorView(role + "." + layer, stored, shape, data.asReadOnly());
    }

    private static float[] gaussians(Random random, int count, double deviation) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) (random.nextGaussian() * deviation);
        }
        return values;
    }

    /** "1 2 3" to ids 1, 2, 3 and back: a random model has no words. */
    private record NumberTokenizer(int vocabSize) implements Tokenizer {

        @Override
        public int[] encode(String text, boolean addSpecial) {
            return Arrays.stream(text.trim().split("\\s+")).mapToInt(Integer::parseInt).toArray();
        }

        @Override
        public String decode(int[] ids) {
            StringBuilder text = new StringBuilder();
            for (int id : ids) {
                text.append(piece(id)).append(' ');
            }
            return text.toString();
        }

        @Override
        public String piece(int id) {
            return Integer.toString(id);
        }
    }
}
