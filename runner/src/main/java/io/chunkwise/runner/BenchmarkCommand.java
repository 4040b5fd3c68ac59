package io.chunkwise.runner;

import com.fasterxml.jackson.core.JsonGenerator;
import io.chunkwise.benchmark.Benchmark;
import io.chunkwise.benchmark.BenchmarkPlan;
import io.chunkwise.benchmark.BenchmarkResult;
import io.chunkwise.benchmark.Spread;
import io.chunkwise.model.Progress;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.forward.ForwardExecutor;
import io.chunkwise.model.forward.ForwardExecutors.Choice;
import io.chunkwise.model.kv.KvReservation;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.model.llama.ModelFiles;
import io.chunkwise.model.llama.SyntheticLlama;
import io.chunkwise.runner.options.ExecutorOptions;
import io.chunkwise.runner.options.OutputOptions;
import io.chunkwise.runner.report.Json;
import io.chunkwise.runner.report.Quantities;
import io.chunkwise.runner.report.Table;
import io.chunkwise.runner.terminal.ProgressBars;
import io.chunkwise.runner.terminal.Terminal;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Measures how fast an executor runs a model, with adapters and without. */
@Command(name = "benchmark", description = "Measures tokens per second of an executor, with adapters and without.", sortOptions = false,
        optionListHeading = "%nOptions:%n", footerHeading = "%n",
        footer = {
            "Without --model, a Llama of 110 M parameters with random weights is measured (768 wide,",
            "12 layers, 12 heads, feed-forward 2048, vocabulary 32000) in every format asked for.",
            "Figures are medians (and extremes) over the repetitions, in which base, adapters and a plain",
            "read of the weights take turns. 'to base' compares within a repetition; 'to bound' is the",
            "time of a decoded token over the time that reading its weights and adapter takes.",
            "",
            "JSON: models[] of model, executor, weightBytes, bytesPerSecond, cases[] of rank, prefill,",
            "decode (tokens per second: min, median, max), prefillToBase, decodeToBase, decodeBound,",
            "decodeTimeToBound."
        })
final class BenchmarkCommand implements Callable<Integer> {
    private final Terminal terminal;

    @Spec
    private CommandSpec command;

    @Option(names = {"-m", "--model"}, paramLabel = "PATH", order = 0,
            description = "Measure this model instead: a Hugging Face directory or a GGUF file.")
    private Path model;

    @Option(names = "--format", paramLabel = "LIST", order = 10, split = ",", defaultValue = "F16,Q8_0,Q4_0",
            description = "Number formats of the synthetic model: ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
    private List<TensorType> formats;

    @Option(names = "--rank", paramLabel = "LIST", order = 11, split = ",", defaultValue = "8,32,64",
            description = "Ranks of random adapters on all projections; 0 for none (default: ${DEFAULT-VALUE}).")
    private List<Integer> ranks;

    @Option(names = "--prompt-tokens", paramLabel = "N", order = 12, defaultValue = "128",
            description = "Tokens per prefill (default: ${DEFAULT-VALUE}).")
    private int promptTokens;

    @Option(names = "--decode-tokens", paramLabel = "N", order = 13, defaultValue = "32",
            description = "Tokens per decode, from an empty cache on (default: ${DEFAULT-VALUE}).")
    private int decodeTokens;

    @Option(names = "--repetitions", paramLabel = "N", order = 14, defaultValue = "7",
            description = "Repetitions after warming up (default: ${DEFAULT-VALUE}).")
    private int repetitions;

    @Mixin
    private ExecutorOptions executor;

    @Mixin
    private OutputOptions output;

    BenchmarkCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    /** A model that is opened when its turn comes: not all of them need to fit into memory at once. */
    private record Subject(String name, Supplier<LlamaModel> opener) {
    }

    @Override
    public Integer call() {
        executor.check();
        BenchmarkPlan plan = plan();
        Choice choice = Session.executors().choose(executor.executor(), executor.device());
        if (output.remarks()) {
            terminal.err().println("executor " + choice.provider().name() + " on " + choice.device().selector()
                    + " (" + choice.device().name() + "; " + choice.device().driver() + "): " + choice.reason());
            terminal.err().flush();
        }
        Optional<ProgressBars> bars = Session.progressBars(terminal, output);
        Progress progress = bars.<Progress>map(shown -> shown).orElse(Progress.NONE);
        List<BenchmarkResult> results = new ArrayList<>();
        try {
            for (Subject subject : subjects(progress)) {
                results.add(measure(subject, plan, choice, progress));
            }
        } finally {
            bars.ifPresent(ProgressBars::close);
        }
        if (output.json()) {
            Json.print(terminal, json -> writeJson(json, results));
        } else {
            results.forEach(this::print);
        }
        return 0;
    }

    private BenchmarkPlan plan() {
        try {
            return new BenchmarkPlan(ranks, promptTokens, decodeTokens, repetitions, executor.threads());
        } catch (IllegalArgumentException e) {
            throw new ParameterException(command.commandLine(), e.getMessage(), e);
        }
    }

    private List<Subject> subjects(Progress progress) {
        if (model != null) {
            return List.of(new Subject(model.getFileName().toString(), () -> ModelFiles.open(model, progress)));
        }
        LlamaConfig config = SyntheticLlama.config(768, 12, 12, 12, 2048, 32_000, Math.max(promptTokens, decodeTokens));
        return formats.stream().distinct()
                .map(format -> new Subject("synthetic 110M " + format, () -> SyntheticLlama.model(config, format, 1))).toList();
    }

    private BenchmarkResult measure(Subject subject, BenchmarkPlan plan, Choice choice, Progress progress) {
        int context = Math.max(promptTokens, decodeTokens);
        var options = new io.chunkwise.model.forward.ExecutorOptions(context, Math.min(context, executor.batch()), KvReservation.full(context),
                Optional.of(choice.device().selector()), executor.threads(), progress);
        try (LlamaModel opened = subject.opener().get(); ForwardExecutor running = choice.provider().open(opened, options)) {
            return new Benchmark(plan, progress).run(subject.name(), opened, running);
        }
    }

    private void print(BenchmarkResult result) {
        terminal.out().println(result.model() + ": " + Quantities.bytes(result.weightBytes()) + " of weights per token, read at "
                + text(result.bytesPerSecond(), 1e-9, "%.1f") + " GB/s");
        Table table = new Table("adapter", ">prefill/s", ">to base", ">decode/s", ">to base", ">bound/s", ">to bound");
        for (BenchmarkResult.Case one : result.cases()) {
            table.row(one.rank() == 0 ? "none" : "rank " + one.rank(), text(one.prefill(), 1, "%.0f"), ratio(one.prefillToBase()),
                    text(one.decode(), 1, "%.1f"), ratio(one.decodeToBase()), ratio(one.decodeBound()), ratio(one.decodeTimeToBound()));
        }
        table.lines(terminal.width()).forEach(terminal.out()::println);
        terminal.out().println();
    }

    private static String text(Spread spread, double unit, String format) {
        return String.format(Locale.ROOT, format + " (" + format + "–" + format + ")", spread.median() * unit, spread.min() * unit,
                spread.max() * unit);
    }

    private static String ratio(double value) {
        return String.format(Locale.ROOT, value < 10 ? "%.2f" : "%.0f", value);
    }

    private static void writeJson(JsonGenerator json, List<BenchmarkResult> results) throws IOException {
        json.writeArrayFieldStart("models");
        for (BenchmarkResult result : results) {
            json.writeStartObject();
            json.writeStringField("model", result.model());
            json.writeStringField("executor", result.executor());
            json.writeNumberField("weightBytes", result.weightBytes());
            write(json, "bytesPerSecond", result.bytesPerSecond(), 0);
            json.writeArrayFieldStart("cases");
            for (BenchmarkResult.Case one : result.cases()) {
                json.writeStartObject();
                json.writeNumberField("rank", one.rank());
                write(json, "prefill", one.prefill(), 2);
                write(json, "decode", one.decode(), 2);
                Json.number(json, "prefillToBase", one.prefillToBase(), 3);
                Json.number(json, "decodeToBase", one.decodeToBase(), 3);
                Json.number(json, "decodeBound", one.decodeBound(), 2);
                Json.number(json, "decodeTimeToBound", one.decodeTimeToBound(), 3);
                json.writeEndObject();
            }
            json.writeEndArray();
            json.writeEndObject();
        }
        json.writeEndArray();
    }

    private static void write(JsonGenerator json, String field, Spread spread, int decimals) throws IOException {
        json.writeObjectFieldStart(field);
        Json.number(json, "min", spread.min(), decimals);
        Json.number(json, "median", spread.median(), decimals);
        Json.number(json, "max", spread.max(), decimals);
        json.writeEndObject();
    }
}
