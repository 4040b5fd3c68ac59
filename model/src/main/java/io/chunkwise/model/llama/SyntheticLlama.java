package io.chunkwise.model.llama;

import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.adapter.AdapterSite;
import io.chunkwise.model.adapter.LowRankPair;
import io.chunkwise.model.format.RandomContent;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.format.TensorView;
import io.chunkwise.model.forward.WeightRole;
import io.chunkwise.model.tokenizer.Tokenizer;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;

/**
 * Models with seeded random weights of any size and number format: what benchmarks and agreement tests run on. Weights are scaled
 * so that activations neither vanish nor explode; the "text" is meaningless. They are {@link RandomContent}: making a model costs
 * nothing, and a weight takes host memory only once somebody wants its bytes.
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
        LlamaWeights weights = LlamaWeights.collect("synthetic model", config,
                (role, layer) -> tensor(config, role, layer, type, seed, memory));
        return new LlamaModel(Path.of("synthetic"), config, new NumberTokenizer(config.vocabSize()), weights, memory);
    }

    /** A random adapter of one rank on all seven projections, one component group; its update is small beside the base. */
    public static Adapter adapter(LlamaConfig config, int rank, long seed) {
        Map<AdapterSite, LowRankPair> sites = new ConcurrentHashMap<>();
        IntStream.range(0, config.layers() * WeightRole.ADAPTABLE.size()).parallel().forEach(number -> {
            WeightRole role = WeightRole.ADAPTABLE.get(number % WeightRole.ADAPTABLE.size());
            int outputs = Math.toIntExact(role.shape(config).get(0));
            int inputs = Math.toIntExact(role.shape(config).get(1));
            float[] down = new float[Math.multiplyExact(rank, inputs)];
            float[] up = new float[Math.multiplyExact(outputs, rank)];
            RandomContent.fill(down, seed(seed, 2 * number), 1 / Math.sqrt(inputs));
            RandomContent.fill(up, seed(seed, 2 * number + 1), 0.3 / Math.sqrt(rank));
            sites.put(new AdapterSite(number / WeightRole.ADAPTABLE.size(), role), new LowRankPair(rank, inputs, outputs, down, up));
        });
        return new Adapter("synthetic-r" + rank, 1, sites);
    }

    // All layers of a role share a seed: together they are one matrix of random numbers, as a device wants it.
    private static TensorView tensor(LlamaConfig config, WeightRole role, int layer, TensorType type, long seed, Arena memory) {
        List<Long> shape = role.shape(config);
        boolean isMatrix = shape.size() == 2;
        long elements = shape.stream().reduce(1L, Math::multiplyExact);
        double mean = switch (role) {
            case ATTENTION_NORM, FFN_NORM, FINAL_NORM -> 1;
            case EMBEDDING, QUERY, QUERY_BIAS, KEY, KEY_BIAS, VALUE, VALUE_BIAS, ATTENTION_OUTPUT, GATE, UP, DOWN, OUTPUT -> 0;
        };
        TensorType stored = isMatrix ? type : TensorType.F32;
        return new TensorView(role + "." + layer, stored, shape, new RandomContent(stored, elements, seed(seed, role.ordinal()),
                Math.multiplyExact(layer, elements), mean, isMatrix ? 1 / Math.sqrt(shape.get(1)) : 0.1, memory));
    }

    private static int seed(long seed, int of) {
        return RandomContent.mix(RandomContent.mix((int) seed + 31 * (int) (seed >> 32)) + of);
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
