package io.chunkwise.model.llama;

import io.chunkwise.model.format.BlockCodec;
import io.chunkwise.model.format.FormatException;
import io.chunkwise.model.format.TensorView;
import io.chunkwise.model.format.gguf.GgufFile;
import io.chunkwise.model.forward.WeightRole;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Reads the configuration out of a GGUF file's metadata. What asks for arithmetic that the forward pass does not have is
 * refused by name.
 */
final class GgufConfig {
    private static final int LARGEST = 1 << 24; // of any size: keeps products of two inside a long, and nonsense out

    private final GgufFile file;
    private final String prefix; // architecture of the file, which begins the names of its keys

    private GgufConfig(GgufFile file) {
        this.file = file;
        prefix = file.string("general.architecture").orElseThrow(() -> problem("'general.architecture' is missing"));
    }

    /**
     * The configuration of a model.
     *
     * @throws FormatException if it is malformed or asks for what we do not do
     */
    static LlamaConfig read(GgufFile file) {
        return new GgufConfig(file).toConfig();
    }

    private LlamaConfig toConfig() {
        boolean isQwen2 = switch (prefix) {
            case "llama" -> false;
            case "qwen2" -> true;
            default -> throw unsupported("general.architecture", "'" + prefix + "'");
        };
        refuseForeignFiles();
        int hiddenSize = size("embedding_length");
        int heads = size("attention.head_count");
        int kvHeads = size("attention.head_count_kv", heads);
        int headDim = headDim(hiddenSize, heads);
        int vocabSize = vocabSize();
        long window = file.integer(key("attention.sliding_window")).orElse(0L);
        if (window < 0 || window > LARGEST || window > 0 && isQwen2) {
            throw unsupported(key("attention.sliding_window"), window);
        }
        float epsilon = file.floating(key("attention.layer_norm_rms_epsilon"))
                .orElseThrow(() -> problem("'" + key("attention.layer_norm_rms_epsilon") + "' is missing"));
        try {
            return new LlamaConfig(isQwen2 ? LlamaArchitecture.QWEN2 : LlamaArchitecture.LLAMA, hiddenSize, size("block_count"), heads,
                    kvHeads, headDim, size("feed_forward_length"), vocabSize, size("context_length"), epsilon,
                    file.floating(key("rope.freq_base")).orElse(10_000f), ropeScaling(headDim),
                    isQwen2 ? RotaryPairing.HALVES : RotaryPairing.NEIGHBOURS, (int) window, isQwen2,
                    !file.hasTensor(LlamaTensorNames.gguf(WeightRole.OUTPUT, 0)), bos(vocabSize), ends(vocabSize));
        } catch (IllegalArgumentException e) {
            throw new FormatException(file.name(), e.getMessage(), e);
        }
    }

    private void refuseForeignFiles() {
        String type = file.string("general.type").orElse("model");
        if (!type.equals("model")) {
            throw problem("'general.type' is '" + type + "', expected a model"
                    + (type.equals("adapter") ? "; give it as the adapter" : ""));
        }
        long parts = file.integer("split.count").orElse(1L);
        if (parts > 1) {
            throw problem("is one of " + parts + " parts ('split.count'), which is not supported; merge them into one file");
        }
        for (String name : List.of("expert_count", "expert_used_count")) {
            long experts = file.integer(key(name)).orElse(0L);
            if (experts != 0) {
                throw unsupported(key(name), experts);
            }
        }
    }

    private int headDim(int hiddenSize, int heads) {
        int keys = size("attention.key_length", hiddenSize / heads);
        int values = size("attention.value_length", hiddenSize / heads);
        if (keys != values) {
            throw problem("'" + key("attention.key_length") + "' " + keys + " and '" + key("attention.value_length") + "' " + values
                    + " differ, which is not supported");
        }
        if (file.integer(key("attention.key_length")).isEmpty() && hiddenSize % heads != 0) {
            throw problem("'" + key("embedding_length") + "' " + hiddenSize + " is not a multiple of '" + key("attention.head_count") + "' "
                    + heads);
        }
        int rotated = size("rope.dimension_count", keys);
        if (rotated != keys) {
            throw problem("'" + key("rope.dimension_count") + "' is " + rotated + ", but heads have " + keys
                    + " elements; rotating a part of a head is not supported");
        }
        return keys;
    }

    /** Rows of the embedding: the key is often absent, and says the same where it is there. */
    private int vocabSize() {
        TensorView embedding = file.tensor(LlamaTensorNames.gguf(WeightRole.EMBEDDING, 0));
        long rows = embedding.shape().getFirst();
        if (rows > LARGEST) {
            throw problem("'" + embedding.name() + "' has " + rows + " rows, expected at most " + LARGEST);
        }
        Optional<Long> stated = file.integer(key("vocab_size"));
        if (stated.isPresent() && stated.get() != rows) {
            throw problem("'" + key("vocab_size") + "' is " + stated.get() + ", but '" + embedding.name() + "' has " + rows + " rows");
        }
        return (int) rows;
    }

    private RopeScaling ropeScaling(int headDim) {
        RopeScaling byKeys = ropeScalingOfKeys();
        if (!file.hasTensor(LlamaTensorNames.GGUF_ROPE_DIVISORS)) {
            return byKeys;
        }
        if (!byKeys.equals(new RopeScaling.None())) {
            throw problem("has both '" + key("rope.scaling.factor") + "' and '" + LlamaTensorNames.GGUF_ROPE_DIVISORS
                    + "', which is not supported");
        }
        TensorView tensor = file.tensor(LlamaTensorNames.GGUF_ROPE_DIVISORS);
        if (!tensor.shape().equals(List.of(headDim / 2L))) {
            throw problem("'" + tensor.name() + "' is " + tensor.shape() + ", expected " + List.of(headDim / 2));
        }
        float[] divisors = BlockCodec.decode(tensor);
        for (int i = 0; i < divisors.length; i++) {
            if (!(divisors[i] > 0) || !Float.isFinite(divisors[i])) {
                throw problem("'" + tensor.name() + "' has " + divisors[i] + " at index " + i + ", expected positive numbers");
            }
        }
        return new RopeScaling.Divisors(IntStream.range(0, divisors.length).mapToObj(i -> divisors[i]).toList());
    }

    private RopeScaling ropeScalingOfKeys() {
        float attention = file.floating(key("rope.scaling.attn_factor")).orElse(1f);
        if (attention != 1) {
            throw unsupported(key("rope.scaling.attn_factor"), attention);
        }
        // Old files have "scale_linear" only; a factor without a type is linear too.
        Optional<Float> factor = file.floating(key("rope.scaling.factor")).or(() -> file.floating(key("rope.scale_linear")));
        String type = file.string(key("rope.scaling.type")).orElse(factor.isPresent() ? "linear" : "none");
        return switch (type) {
            case "none" -> new RopeScaling.None();
            case "linear" -> {
                float divisor = factor.orElseThrow(() -> problem("'" + key("rope.scaling.factor") + "' is missing"));
                if (!(divisor > 0) || !Float.isFinite(divisor)) {
                    throw problem("'" + key("rope.scaling.factor") + "' is " + divisor + ", expected a positive number");
                }
                yield divisor == 1 ? new RopeScaling.None() : new RopeScaling.Linear(divisor);
            }
            default -> throw unsupported(key("rope.scaling.type"), "'" + type + "'");
        };
    }

    /** SentencePiece vocabularies that do not say otherwise begin with unknown, begin of text, end of text. */
    private int bos(int vocabSize) {
        return token("tokenizer.ggml.bos_token_id", vocabSize).orElse(isSentencePiece() && vocabSize > 1 ? 1 : -1);
    }

    private Set<Integer> ends(int vocabSize) {
        Set<Integer> ends = new LinkedHashSet<>();
        token("tokenizer.ggml.eos_token_id", vocabSize).or(() -> isSentencePiece() && vocabSize > 2 ? Optional.of(2) : Optional.empty())
                .ifPresent(ends::add);
        token("tokenizer.ggml.eot_token_id", vocabSize).ifPresent(ends::add);
        token("tokenizer.ggml.eom_token_id", vocabSize).ifPresent(ends::add);
        return ends;
    }

    private boolean isSentencePiece() {
        return file.string("tokenizer.ggml.model").filter("llama"::equals).isPresent();
    }

    private Optional<Integer> token(String key, int vocabSize) {
        Optional<Long> token = file.integer(key);
        // 2^32 - 1 is how writers say "none".
        if (token.isPresent() && token.get() != 0xffff_ffffL && (token.get() < 0 || token.get() >= vocabSize)) {
            throw problem("'" + key + "' is " + token.get() + ", which is not in the vocabulary of " + vocabSize);
        }
        return token.filter(id -> id != 0xffff_ffffL).map(Long::intValue);
    }

    private String key(String name) {
        return prefix + "." + name;
    }

    private int size(String name) {
        return size(name, 0);
    }

    /** A size from 1 on; {@code absent} if the key is not there, which is an error if that is 0. */
    private int size(String name, int absent) {
        Object value = file.metadata().get(key(name));
        if (value instanceof int[] || value instanceof long[]) {
            throw unsupported(key(name), "an array (sizes that differ between layers)");
        }
        long size = file.integer(key(name)).orElse((long) absent);
        if (value == null && size == 0) {
            throw problem("'" + key(name) + "' is missing");
        }
        if (size < 1 || size > LARGEST) {
            throw problem("'" + key(name) + "' is " + size + ", expected 1 to " + LARGEST);
        }
        return (int) size;
    }

    private FormatException unsupported(String key, Object value) {
        return problem("'" + key + "' is " + value
                + ", which is not supported (supported: Llama, Mistral and Qwen2 models, see the README)");
    }

    private FormatException problem(String text) {
        return new FormatException(file.name(), text);
    }
}
