package io.chunkwise.model.llama;

import com.fasterxml.jackson.databind.JsonNode;
import io.chunkwise.model.format.FormatException;
import io.chunkwise.model.format.JsonFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Reads {@code config.json} as transformers writes it, up to version 4 ({@code rope_theta}, {@code rope_scaling}) and from
 * version 5 on ({@code rope_parameters}). Keys that are absent have the defaults of transformers; what asks for arithmetic
 * that the forward pass does not have is refused by name.
 */
final class HuggingFaceConfig {
    private static final int LARGEST = 1 << 24; // of any size: keeps products of two inside a long, and nonsense out

    private final String file;
    private final JsonNode root;

    private HuggingFaceConfig(Path file) {
        this.file = file.toString();
        root = JsonFile.readObject(file);
    }

    /**
     * The configuration of a model directory: config.json, and the end tokens of generation_config.json if it is there.
     *
     * @throws FormatException if it is malformed or asks for what we do not do
     */
    static LlamaConfig read(Path directory) {
        Set<Integer> generationEnds = new LinkedHashSet<>();
        Path generation = directory.resolve("generation_config.json");
        if (Files.exists(generation)) {
            generationEnds.addAll(new HuggingFaceConfig(generation).tokens("eos_token_id", -1));
        }
        return new HuggingFaceConfig(directory.resolve("config.json")).toConfig(generationEnds);
    }

    private LlamaConfig toConfig(Set<Integer> generationEnds) {
        LlamaArchitecture architecture = architecture();
        refuseForeignArithmetic(architecture);
        int hiddenSize = size("hidden_size");
        int heads = size("num_attention_heads");
        int kvHeads = isNull("num_key_value_heads") ? heads : size("num_key_value_heads", defaultKvHeads(architecture, heads));
        int headDim = size("head_dim", hiddenSize / heads);
        if (!isSet("head_dim") && hiddenSize % heads != 0) {
            throw problem("'hidden_size' " + hiddenSize + " is not a multiple of 'num_attention_heads' " + heads
                    + ", and there is no 'head_dim'");
        }
        int vocabSize = size("vocab_size");
        Set<Integer> ends = new LinkedHashSet<>(tokens("eos_token_id", architecture == LlamaArchitecture.QWEN2 ? -1 : 2));
        ends.addAll(generationEnds);
        int bos = tokens("bos_token_id", architecture == LlamaArchitecture.QWEN2 ? -1 : 1).stream().findFirst().orElse(-1);
        for (int token : ends) {
            requireToken("eos_token_id", token, vocabSize);
        }
        requireToken("bos_token_id", bos, vocabSize);
        try {
            return new LlamaConfig(architecture, hiddenSize, size("num_hidden_layers"), heads, kvHeads, headDim, size("intermediate_size"),
                    vocabSize, size("max_position_embeddings", defaultContext(architecture)), number(root, "rms_norm_eps", 1e-6f),
                    ropeBase(), ropeScaling(), RotaryPairing.HALVES, slidingWindow(architecture), architecture == LlamaArchitecture.QWEN2,
                    bool("tie_word_embeddings", false), bos, ends);
        } catch (IllegalArgumentException e) {
            throw new FormatException(file, e.getMessage(), e);
        }
    }

    private LlamaArchitecture architecture() {
        JsonNode names = root.path("architectures");
        LlamaArchitecture byName = null;
        if (!names.isMissingNode() && !names.isNull()) {
            String name = names.path(0).asText();
            byName = switch (name) {
                case "LlamaForCausalLM" -> LlamaArchitecture.LLAMA;
                case "MistralForCausalLM" -> LlamaArchitecture.MISTRAL;
                case "Qwen2ForCausalLM" -> LlamaArchitecture.QWEN2;
                default -> throw unsupported("architectures", names);
            };
        }
        JsonNode type = root.path("model_type");
        LlamaArchitecture byType = switch (type.asText()) {
            case "llama" -> LlamaArchitecture.LLAMA;
            case "mistral" -> LlamaArchitecture.MISTRAL;
            case "qwen2" -> LlamaArchitecture.QWEN2;
            case "" -> byName;
            default -> throw unsupported("model_type", type);
        };
        if (byType == null) {
            throw problem("has neither 'architectures' nor 'model_type'");
        }
        if (byName != null && byName != byType) {
            throw problem("'architectures' " + names + " and 'model_type' " + type + " contradict each other");
        }
        return byType;
    }

    private void refuseForeignArithmetic(LlamaArchitecture architecture) {
        if (isSet("hidden_act") && !Set.of("silu", "swish").contains(root.path("hidden_act").asText())) {
            throw unsupported("hidden_act", root.path("hidden_act"));
        }
        for (String key : List.of("attention_bias", "mlp_bias", "use_qk_norm", "qk_layernorm")) {
            if (bool(key, false)) {
                throw unsupported(key, root.path(key));
            }
        }
        if (isSet("quantization_config")) {
            throw problem("'quantization_config' (" + root.path("quantization_config").path("quant_method").asText("unknown method")
                    + ") is not supported; use the unquantized model, or a GGUF file in Q8_0 or Q4_0");
        }
        for (String key : List.of("num_local_experts", "num_experts", "n_routed_experts")) {
            if (isSet(key) && root.path(key).asLong() != 0) {
                throw unsupported(key, root.path(key));
            }
        }
        if (number(root, "partial_rotary_factor", 1) != 1) {
            throw unsupported("partial_rotary_factor", root.path("partial_rotary_factor"));
        }
        if (architecture == LlamaArchitecture.QWEN2 && bool("use_sliding_window", false)) {
            throw unsupported("use_sliding_window", root.path("use_sliding_window"));
        }
        boolean isWindowed = architecture == LlamaArchitecture.MISTRAL && isSet("sliding_window");
        String onlyLayerType = isWindowed ? "sliding_attention" : "full_attention";
        for (JsonNode layerType : root.path("layer_types")) {
            if (!layerType.asText().equals(onlyLayerType)) {
                throw unsupported("layer_types", layerType);
            }
        }
    }

    private int slidingWindow(LlamaArchitecture architecture) {
        return switch (architecture) {
            case MISTRAL -> isNull("sliding_window") ? 0 : size("sliding_window", 4096);
            case QWEN2 -> 0; // use_sliding_window is off
            case LLAMA -> {
                if (isSet("sliding_window")) {
                    throw unsupported("sliding_window", root.path("sliding_window"));
                }
                yield 0;
            }
        };
    }

    private float ropeBase() {
        return number(root.path("rope_parameters"), "rope_theta", number(root, "rope_theta", 10_000));
    }

    private RopeScaling ropeScaling() {
        boolean isNewForm = isSet("rope_parameters");
        boolean isOldForm = isSet("rope_scaling");
        RopeScaling scaling = isNewForm ? ropeScaling("rope_parameters") : isOldForm ? ropeScaling("rope_scaling") : new RopeScaling.None();
        if (isNewForm && isOldForm && !scaling.equals(ropeScaling("rope_scaling"))) {
            throw problem("'rope_parameters' and 'rope_scaling' contradict each other");
        }
        return scaling;
    }

    private RopeScaling ropeScaling(String key) {
        JsonNode rope = root.path(key);
        if (!rope.isObject()) {
            throw problem("'" + key + "' is " + shorten(rope) + ", expected an object");
        }
        if (number(rope, "partial_rotary_factor", 1) != 1) {
            throw unsupported("partial_rotary_factor", rope.path("partial_rotary_factor"));
        }
        for (JsonNode inner : rope) {
            if (inner.isObject()) {
                throw problem("'" + key + "' has different values for different layers, which is not supported");
            }
        }
        JsonNode type = rope.hasNonNull("rope_type") ? rope.path("rope_type") : rope.path("type");
        return switch (type.isMissingNode() ? "default" : type.asText()) {
            case "default" -> new RopeScaling.None();
            case "linear" -> new RopeScaling.Linear(factor(rope, "factor", key));
            case "llama3" -> {
                float low = factor(rope, "low_freq_factor", key);
                float high = factor(rope, "high_freq_factor", key);
                if (low >= high) {
                    throw problem("'low_freq_factor' " + low + " of '" + key + "' is not below 'high_freq_factor' " + high);
                }
                yield new RopeScaling.Llama3(factor(rope, "factor", key), low, high,
                        size(rope, "original_max_position_embeddings", 0));
            }
            default -> throw unsupported("rope_type", type);
        };
    }

    private float factor(JsonNode rope, String key, String where) {
        float factor = number(rope, key, 0);
        if (factor <= 0) {
            throw problem("'" + key + "' of '" + where + "' is " + shorten(rope.path(key)) + ", expected a positive number");
        }
        return factor;
    }

    // Defaults of transformers' configuration classes; Llama's own is "as many as query heads".
    private static int defaultKvHeads(LlamaArchitecture architecture, int heads) {
        return switch (architecture) {
            case LLAMA -> heads;
            case MISTRAL -> 8;
            case QWEN2 -> 32;
        };
    }

    private static int defaultContext(LlamaArchitecture architecture) {
        return switch (architecture) {
            case LLAMA -> 2048;
            case MISTRAL -> 131_072;
            case QWEN2 -> 32_768;
        };
    }

    /** Whether a key is there and not null. */
    private boolean isSet(String key) {
        return root.hasNonNull(key);
    }

    /** Whether a key is there and null, which for some keys differs from an absent one. */
    private boolean isNull(String key) {
        return root.path(key).isNull();
    }

    private int size(String key) {
        return size(root, key, 0);
    }

    private int size(String key, int absent) {
        return size(root, key, absent);
    }

    /** A size from 1 on; {@code absent} if the key is not there or null, which is an error if that is 0. */
    private int size(JsonNode object, String key, int absent) {
        JsonNode node = object.path(key);
        if (node.isMissingNode() || node.isNull()) {
            if (absent == 0) {
                throw problem("'" + key + "' is missing");
            }
            return absent;
        }
        if (!node.isIntegralNumber() || !node.canConvertToInt() || node.intValue() < 1 || node.intValue() > LARGEST) {
            throw problem("'" + key + "' is " + shorten(node) + ", expected an integer from 1 to " + LARGEST);
        }
        return node.intValue();
    }

    private float number(JsonNode object, String key, float absent) {
        JsonNode node = object.path(key);
        if (node.isMissingNode() || node.isNull()) {
            return absent;
        }
        if (!node.isNumber() || !Float.isFinite(node.floatValue())) {
            throw problem("'" + key + "' is " + shorten(node) + ", expected a number");
        }
        return node.floatValue();
    }

    private boolean bool(String key, boolean absent) {
        JsonNode node = root.path(key);
        if (node.isMissingNode() || node.isNull()) {
            return absent;
        }
        if (!node.isBoolean()) {
            throw problem("'" + key + "' is " + shorten(node) + ", expected true or false");
        }
        return node.booleanValue();
    }

    /** A token id or an array of them; null and -1 mean none. */
    private Set<Integer> tokens(String key, int absent) {
        JsonNode node = root.path(key);
        Set<Integer> tokens = new LinkedHashSet<>();
        if (node.isMissingNode()) {
            tokens.add(absent);
        } else if (!node.isNull()) {
            for (JsonNode token : node.isArray() ? node : List.of(node)) {
                if (!token.isIntegralNumber() || !token.canConvertToInt()) {
                    throw problem("'" + key + "' is " + shorten(node) + ", expected a token id or an array of them");
                }
                tokens.add(token.intValue());
            }
        }
        tokens.remove(-1);
        return tokens;
    }

    private void requireToken(String key, int token, int vocabSize) {
        if (token < -1 || token >= vocabSize) {
            throw problem("'" + key + "' is " + token + ", which is not in the vocabulary of " + vocabSize);
        }
    }

    private FormatException unsupported(String key, JsonNode value) {
        return problem("'" + key + "' is " + shorten(value)
                + ", which is not supported (supported: Llama, Mistral and Qwen2 models, see the README)");
    }

    private static String shorten(JsonNode node) {
        String text = node.isMissingNode() ? "missing" : node.toString();
        return text.length() <= 80 ? text : text.substring(0, 80) + "…";
    }

    private FormatException problem(String text) {
        return new FormatException(file, text);
    }
}
