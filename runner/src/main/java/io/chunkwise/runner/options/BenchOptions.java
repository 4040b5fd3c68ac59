package io.chunkwise.runner.options;

import io.chunkwise.benchmark.BenchPlan;
import io.chunkwise.benchmark.LoraMode;
import io.chunkwise.benchmark.ModelShape;
import io.chunkwise.benchmark.SpeedTest;
import io.chunkwise.benchmark.Variant;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.policy.KvBounds;
import io.chunkwise.policy.KvPolicy;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import picocli.CommandLine.Option;

/** The matrix of a benchmark, as lists. */
public final class BenchOptions {

    @Option(names = {"-s", "--shape"}, paramLabel = "NAME", order = 0,
            description = "Sizes of a model with random weights, nothing to download: llama-110m (the default), tinyllama-1.1b, llama-7b, "
                    + "llama-8b (3.1), or tiny to try out.")
    private String shape;

    @Option(names = {"-m", "--model"}, paramLabel = "PATH", order = 1,
            description = "Measure this model instead: a Hugging Face directory or a GGUF file.")
    private Path model;

    @Option(names = "--type", paramLabel = "LIST", order = 2, split = ",", hideParamSyntax = true,
            description = "Number formats of the random weights: f32, f16, bf16, q8_0, q4_0 (default: q8_0).")
    private List<String> types = List.of();

    @Option(names = {"-p", "--prompt-tokens"}, paramLabel = "LIST", order = 10, split = ",", hideParamSyntax = true,
            defaultValue = "128",
            description = "Tokens of a prompt to read (test ppN); 0 for no such test (default: ${DEFAULT-VALUE}).")
    private List<Integer> promptTokens;

    @Option(names = {"-n", "--new-tokens"}, paramLabel = "LIST", order = 11, split = ",", hideParamSyntax = true,
            defaultValue = "32",
            description = "Tokens to write one by one (test tgN); 0 for no such test (default: ${DEFAULT-VALUE}).")
    private List<Integer> newTokens;

    @Option(names = {"-r", "--rank"}, paramLabel = "LIST", order = 12, split = ",", hideParamSyntax = true,
            defaultValue = "0,8,64",
            description = "Ranks of random adapters on all seven projections; 0 is the base alone (default: ${DEFAULT-VALUE}).")
    private List<Integer> ranks;

    @Option(names = "--lora-mode", paramLabel = "LIST", order = 13, split = ",", hideParamSyntax = true,
            defaultValue = "fused",
            description = "How adapters are run: fused into the projections, unfused (ops of their own), merged (into a copy of the "
                    + "weights) (default: ${DEFAULT-VALUE}).")
    private List<String> modes;

    @Option(names = "--context-depth", paramLabel = "LIST", order = 14, split = ",", hideParamSyntax = true,
            defaultValue = "0",
            description = "Tokens that are in the KV cache before a test (default: ${DEFAULT-VALUE}).")
    private List<Integer> depths;

    @Option(names = "--kv-policy", paramLabel = "LIST", order = 15, split = ",", hideParamSyntax = true,
            defaultValue = "full",
            description = "What becomes of these: full, q8, adaptive (default: ${DEFAULT-VALUE}).")
    private List<String> kvPolicies;

    @Option(names = "--kv-type", paramLabel = "LIST", order = 16, split = ",", hideParamSyntax = true,
            defaultValue = "f32",
            description = "Number formats of full pages of the KV cache: f32, f16 (default: ${DEFAULT-VALUE}).")
    private List<String> kvTypes;

    @Option(names = {"-t", "--threads"}, paramLabel = "LIST", order = 17, split = ",", hideParamSyntax = true,
            defaultValue = "0",
            description = "Threads of the cpu executor; 0: one per core (default: ${DEFAULT-VALUE}).")
    private List<Integer> threads;

    @Option(names = {"-b", "--batch"}, paramLabel = "N", order = 18, defaultValue = "128",
            description = "Tokens of a prompt that are read in one pass (default: ${DEFAULT-VALUE}).")
    private int batch;

    @Option(names = "--repetitions", paramLabel = "N", order = 19, defaultValue = "5",
            description = "Repetitions after warming up (default: ${DEFAULT-VALUE}).")
    private int repetitions;

    @Option(names = "--profile", order = 20,
            description = "Afterwards take the time of every kernel in a run of its own (tornado only).")
    private boolean profile;

    /** Empty for a model of a shape. */
    public Optional<Path> model() {
        return Optional.ofNullable(model);
    }

    public boolean profile() {
        return profile;
    }

    /** @throws IllegalArgumentException if there is no such shape, or a model is named, too */
    public ModelShape shape() {
        if (model != null && shape != null) {
            throw new IllegalArgumentException("--shape and --model exclude each other: a model has its own");
        }
        return shape == null ? ModelShape.LLAMA_110M : ModelShape.parse(shape);
    }

    /**
     * Of random weights; of a model's weights, those that it may have.
     *
     * @throws IllegalArgumentException naming the formats that there are
     */
    public List<TensorType> types() {
        List<TensorType> parsed = types.stream().map(BenchOptions::type).distinct().toList();
        return !parsed.isEmpty() ? parsed : model == null ? List.of(TensorType.Q8_0) : List.of(TensorType.values());
    }

    private static TensorType type(String word) {
        return Arrays.stream(TensorType.values()).filter(type -> type.name().equalsIgnoreCase(word)).findFirst()
                .orElseThrow(() -> new IllegalArgumentException("there is no number format '" + word + "'; use " + Arrays
                        .stream(TensorType.values()).map(type -> type.name().toLowerCase(Locale.ROOT)).collect(Collectors.joining(", "))));
    }

    /** @throws IllegalArgumentException if a value is out of its range, or nothing is left to measure */
    public BenchPlan plan() {
        notNegative("--prompt-tokens", promptTokens);
        notNegative("--new-tokens", newTokens);
        return new BenchPlan(SpeedTest.matrix(promptTokens, newTokens), Variant.matrix(ranks, each(modes, LoraMode::parse)), depths,
                each(kvPolicies, word -> KvPolicy.parse(word, KvBounds.DEFAULT)), each(kvTypes, KvTypes::parse), threads,
                repetitions, batch, profile);
    }

    private static void notNegative(String option, List<Integer> values) {
        for (int value : values) {
            if (value < 0) {
                throw new IllegalArgumentException(option + " " + value + ": expected a number from 1 up, or 0 for no such test");
            }
        }
    }

    private static <T> List<T> each(List<String> words, Function<String, T> parse) {
        return words.stream().map(parse).toList();
    }
}
