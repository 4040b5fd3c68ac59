package io.chunkwise.model.adapter;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.NullNode;
import io.chunkwise.model.format.FormatException;
import io.chunkwise.model.format.JsonFile;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * {@code adapter_config.json} of a LoRA adapter (PEFT's {@code LoraConfig}), as far as it says how to use one. Fields that
 * change what the adapter computes, and that we do not implement, are refused by name; so is a field that we do not know,
 * unless it is null, false or empty.
 */
final class PeftConfig {
    static final String FILE = "adapter_config.json";
    private static final int DEFAULT_RANK = 8; // of LoraConfig, as is the next
    private static final float DEFAULT_ALPHA = 8;
    private static final int LARGEST_RANK = 1 << 20;

    /** How the adapter was made, for which model and by whom: nothing that changes what it computes. */
    private static final Set<String> HARMLESS = Set.of("auto_mapping", "base_model_name_or_path", "ensure_weight_tying", "eva_config",
            "inference_mode", "layers_pattern", "loftq_config", "lora_dropout", "megatron_core", "peft_version", "qalora_group_size",
            "revision", "runtime_config", "velora_config");

    /** Fields that we do not implement, and what they mean. */
    private static final Map<String, String> UNSUPPORTED = Map.ofEntries(
            Map.entry("alora_invocation_tokens", "activated LoRA, which switches on in the middle of a text"),
            Map.entry("arrow_config", "routing between adapters by Arrow"),
            Map.entry("corda_config", "CorDA, which changes the base model's weights"),
            Map.entry("fan_in_fan_out", "base weights stored as [inputs, outputs], which no projection of this family is"),
            Map.entry("kasa_config", "KaSA, which changes the base model's weights and adds a diagonal"),
            Map.entry("layer_replication", "a base model with repeated layers"),
            Map.entry("lora_bias", "a trained bias beside B"),
            Map.entry("lora_ga_config", "LoRA-GA, which changes the base model's weights"),
            Map.entry("megatron_config", "Megatron's parallel layers"),
            Map.entry("modules_to_save", "modules that were trained in full; merge them into the base model"),
            Map.entry("monteclora_config", "sampled adapters (MonteCLoRA)"),
            Map.entry("target_parameters", "adapters of single parameters instead of projections"),
            Map.entry("trainable_token_indices", "trained rows of the embedding"),
            Map.entry("use_bdlora", "block-diagonal adapters (BD-LoRA)"),
            Map.entry("use_dora", "DoRA (magnitudes beside the low-rank update)"),
            Map.entry("use_qalora", "QA-LoRA (adapters over pooled inputs)"));

    private static final Set<String> HARMLESS_INITIALISATIONS = Set.of("gaussian", "eva", "loftq", "orthogonal", "mica");

    private final String file;
    private final JsonNode json;
    private final Set<String> unread = new TreeSet<>();
    private final int rank;
    private final float alpha;
    private final boolean rankStabilized;
    private final Map<ModulePattern, Integer> rankPattern;
    private final Map<ModulePattern, Float> alphaPattern;
    private final Predicate<String> targets;
    private final Predicate<String> excludes;
    private final Set<Integer> layers;

    private PeftConfig(String file, JsonNode json) {
        this.file = file;
        this.json = json;
        json.fieldNames().forEachRemaining(unread::add);
        unread.removeAll(HARMLESS);

        expectText("peft_type", "LORA", false, "other kinds of adapter are not supported");
        expectText("task_type", "CAUSAL_LM", true, "only adapters of text generation are supported");
        expectText("bias", "none", true, "trained biases are not supported");
        checkInitialisation();
        UNSUPPORTED.keySet().stream().sorted().forEach(this::refuse);

        JsonNode r = field("r");
        rank = r.isNull() ? DEFAULT_RANK : rank("'r'", r);
        JsonNode loraAlpha = field("lora_alpha");
        alpha = loraAlpha.isNull() ? DEFAULT_ALPHA : alpha("'lora_alpha'", loraAlpha);
        rankStabilized = flag("use_rslora");
        rankPattern = patterns("rank_pattern", this::rank);
        alphaPattern = patterns("alpha_pattern", this::alpha);
        targets = modules("target_modules");
        excludes = modules("exclude_modules");
        layers = layers("layers_to_transform");

        unread.stream().filter(name -> !isUnset(json.get(name))).forEach(name -> {
            throw problem("'" + name + "' is " + shown(json.get(name)) + ": this field is not known here, and may change what the adapter "
                    + "computes; remove it if it does not");
        });
    }

    /** @throws FormatException if the file is malformed, or the adapter needs what we do not implement */
    static PeftConfig read(Path file) {
        return new PeftConfig(file.toString(), JsonFile.readObject(file));
    }

    /** Rank of a module's pair, by {@code r} and {@code rank_pattern}. */
    int rank(String module) {
        return first(rankPattern, "rank_pattern", module).orElse(rank);
    }

    /** Alpha of a module's pair, by {@code lora_alpha} and {@code alpha_pattern}. */
    float alpha(String module) {
        return first(alphaPattern, "alpha_pattern", module).orElse(alpha);
    }

    /** Whether the scale is α/√r. */
    boolean rankStabilized() {
        return rankStabilized;
    }

    /** The base model's name, where it is given. */
    Optional<String> baseModel() {
        return Optional.ofNullable(json.path("base_model_name_or_path").textValue());
    }

    /** Whether the adapter was made with a pair at a module; false where the file does not say so. */
    boolean targets(String module, int layer) {
        return targets.test(module) && !excludes.test(module) && (layers.isEmpty() || layers.contains(layer));
    }

    private <T> Optional<T> first(Map<ModulePattern, T> patterns, String field, String module) {
        return patterns.entrySet().stream().filter(entry -> matches(entry.getKey(), field, module)).map(Map.Entry::getValue).findFirst();
    }

    private boolean matches(ModulePattern pattern, String field, String module) {
        try {
            return pattern.matches(module);
        } catch (IllegalArgumentException e) {
            throw new FormatException(file, "'" + field + "' has a regular expression that cannot be used: " + e.getMessage(), e);
        }
    }

    private void expectText(String name, String expected, boolean optional, String otherwise) {
        JsonNode value = field(name);
        if (!(optional && value.isNull() || expected.equals(value.textValue()))) {
            throw problem("'" + name + "' is " + shown(value) + ", expected \"" + expected + "\": " + otherwise);
        }
    }

    private void refuse(String name) {
        JsonNode value = field(name);
        if (!isUnset(value)) {
            throw problem("'" + name + "' is " + shown(value) + ": " + UNSUPPORTED.get(name) + " is not supported");
        }
    }

    // Some initialisations subtract from the base weights what they put into the adapter; PEFT resets the field when it
    // saves such an adapter converted for the original base.
    private void checkInitialisation() {
        JsonNode value = field("init_lora_weights");
        if (!value.isNull() && !value.isBoolean() && !HARMLESS_INITIALISATIONS.contains(String.valueOf(value.textValue()))) {
            throw problem("'init_lora_weights' is " + shown(value) + ": such an adapter belongs to a changed base model; save it with "
                    + "PEFT's path_initial_model_for_weight_conversion");
        }
    }

    private int rank(String what, JsonNode value) {
        if (!value.isIntegralNumber() || !value.canConvertToInt() || value.intValue() < 1 || value.intValue() > LARGEST_RANK) {
            throw problem(what + " is " + shown(value) + ", expected a whole number from 1 to " + LARGEST_RANK);
        }
        return value.intValue();
    }

    private float alpha(String what, JsonNode value) {
        if (!value.isNumber() || !Float.isFinite(value.floatValue())) {
            throw problem(what + " is " + shown(value) + ", expected a number");
        }
        return value.floatValue();
    }

    private boolean flag(String name) {
        JsonNode value = field(name);
        if (!value.isNull() && !value.isBoolean()) {
            throw problem("'" + name + "' is " + shown(value) + ", expected true or false");
        }
        return value.booleanValue();
    }

    private interface Value<T> {
        T read(String what, JsonNode value);
    }

    private <T> Map<ModulePattern, T> patterns(String name, Value<T> reader) {
        JsonNode value = field(name);
        if (!value.isNull() && !value.isObject()) {
            throw problem("'" + name + "' is " + shown(value) + ", expected an object from module names to numbers");
        }
        Map<ModulePattern, T> patterns = new LinkedHashMap<>();
        value.properties().forEach(entry -> patterns.put(pattern(name, entry.getKey(), ModulePattern::suffix),
                reader.read("'" + entry.getKey() + "' of '" + name + "'", entry.getValue())));
        return patterns;
    }

    private ModulePattern pattern(String field, String expression, Function<String, ModulePattern> reader) {
        try {
            return reader.apply(expression);
        } catch (IllegalArgumentException e) {
            throw new FormatException(file, "'" + field + "' has a regular expression that cannot be used: " + e.getMessage(), e);
        }
    }

    private Predicate<String> modules(String name) {
        JsonNode value = field(name);
        if (value.isNull()) {
            return module -> false;
        }
        if (value.isTextual()) {
            if (value.textValue().equals("all-linear")) {
                return module -> true;
            }
            ModulePattern whole = pattern(name, value.textValue(), ModulePattern::whole);
            return module -> matches(whole, name, module);
        }
        if (!value.isArray() || !elements(value).allMatch(JsonNode::isTextual)) {
            throw problem("'" + name + "' is " + shown(value) + ", expected a list of module names or a regular expression");
        }
        Set<String> names = new TreeSet<>(elements(value).map(JsonNode::textValue).toList());
        return module -> names.contains(module) || names.stream().anyMatch(target -> module.endsWith("." + target));
    }

    private Set<Integer> layers(String name) {
        JsonNode value = field(name);
        if (value.isNull() || value.isArray() && elements(value).allMatch(PeftConfig::isLayer)) {
            return new TreeSet<>(elements(value).map(JsonNode::intValue).toList());
        }
        if (isLayer(value)) {
            return Set.of(value.intValue());
        }
        throw problem("'" + name + "' is " + shown(value) + ", expected layer numbers");
    }

    private static boolean isLayer(JsonNode value) {
        return value.isIntegralNumber() && value.canConvertToInt() && value.intValue() >= 0;
    }

    private static Stream<JsonNode> elements(JsonNode array) {
        return array.valueStream();
    }

    /** A field's value; null and absent are the same. */
    private JsonNode field(String name) {
        unread.remove(name);
        JsonNode value = json.path(name);
        return value.isMissingNode() ? NullNode.getInstance() : value;
    }

    private static boolean isUnset(JsonNode value) {
        return value.isNull() || value.isBoolean() && !value.booleanValue() || value.isTextual() && value.textValue().isEmpty()
                || value.isContainerNode() && value.isEmpty();
    }

    private static String shown(JsonNode value) {
        String text = value.toString();
        return text.length() <= 60 ? text : text.substring(0, 59) + "…";
    }

    private FormatException problem(String text) {
        return new FormatException(file, text);
    }
}
