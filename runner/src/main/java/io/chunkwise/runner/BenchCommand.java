package io.chunkwise.runner;

import io.chunkwise.benchmark.Bench;
import io.chunkwise.benchmark.BenchPlan;
import io.chunkwise.benchmark.LoraMode;
import io.chunkwise.benchmark.ModelShape;
import io.chunkwise.model.HostMemory;
import io.chunkwise.model.Progress;
import io.chunkwise.model.format.FormatException;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.forward.ActivationFormat;
import io.chunkwise.model.forward.ExecutorOptions;
import io.chunkwise.model.forward.ForwardExecutors.Choice;
import io.chunkwise.model.forward.WeightRole;
import io.chunkwise.model.kv.KvReservation;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.model.llama.ModelFiles;
import io.chunkwise.model.llama.SyntheticLlama;
import io.chunkwise.runner.bench.BenchComparison;
import io.chunkwise.runner.bench.BenchOutput;
import io.chunkwise.runner.options.BenchOptions;
import io.chunkwise.runner.options.DeviceOptions;
import io.chunkwise.runner.options.OutputOptions;
import io.chunkwise.runner.report.Json;
import io.chunkwise.runner.terminal.OutputClosedException;
import io.chunkwise.runner.terminal.Terminal;
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
@Command(name = "bench", description = "Measures tokens per second, with adapters and without, beside what the memory's bandwidth allows.",
        sortOptions = false, optionListHeading = "%nOptions:%n", footerHeading = "%n",
        footer = {
            "Every combination of the comma-separated lists is measured. Tests are named as llama-bench does:",
            "pp128 reads a prompt of 128 tokens, tg32 writes 32 tokens, both behind --context-depth tokens.",
            "All combinations of a number format and a plain read of memory take turns in every repetition.",
            "'to base' is the speed relative to rank 0 in the same repetition: the median and, from 6 repetitions",
            "on, an interval that holds it with a confidence of 95 %%. 'x floor' is the time of a written token",
            "over the time that reading its weights, adapter and KV cache takes (median).",
            "A merged adapter is added to a copy of the weights, which is rounded to their format again: one",
            "copy, of the highest rank, serves all ranks.",
            "",
            "Examples:",
            "  chunkwise bench",
            "  chunkwise bench --shape tinyllama-1.1b --type q8_0,q4_0 --rank 0,64 --threads 1,2 --json > a.json",
            "  chunkwise bench --shape llama-7b --executor tornado --lora-mode merged,fused --profile",
            "  chunkwise bench --compare a.json b.json",
            "",
            "JSON: rows[] of model, type, executor, device, threads, test, contextDepth, kvPolicy, kvType,",
            "rank, loraMode, tokensPerSecond (mean), stddev, median, toBase, floorMultiple, readBandwidthGBps,",
            "launchesPerToken, peakDeviceBytes, firstTokenSeconds and more; see docs/json.md."
        })
final class BenchCommand implements Callable<Integer> {
    private final Terminal terminal;

    @Spec
    private CommandSpec command;

    @Mixin
    private BenchOptions options;

    @Mixin
    private DeviceOptions where;

    @Option(names = {"-o", "--output"}, paramLabel = "md|csv|json|jsonl", order = 88,
            description = "Form of the result (default: md). --json is short for --output json.")
    private String form;

    @Option(names = "--compare", paramLabel = "FILE FILE", arity = "2", hideParamSyntax = true, order = 89,
            description = "Measure nothing; compare two results that were saved with --json: first, second.")
    private List<Path> compared;

    @Mixin
    private OutputOptions output;

    BenchCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    /** A model that is opened when its turn comes: not all of them need to fit into memory at once. */
    private record Subject(String name, Supplier<LlamaModel> opener) {
    }

    @Override
    public Integer call() {
        BenchOutput shown = checked(this::form);
        if (compared != null) {
            return compare(shown);
        }
        where.check(command);
        BenchPlan plan = checked(options::plan);
        ModelShape shape = checked(options::shape);
        List<TensorType> types = checked(options::types);
        Choice choice = Session.executors().choose(where.executor(), where.device());
        checkExecutor(choice.provider().name(), plan);
        if (output.remarks() && shown == BenchOutput.MD) {
            terminal.err().println("executor " + choice.provider().name() + " on " + choice.device().selector()
                    + " (" + choice.device().name() + "; " + choice.device().driver() + "): " + choice.reason());
            terminal.err().flush();
        }
        BenchOutput.Printer printer = new BenchOutput.Printer(shown, terminal, ChunkwiseCommand.Version.text());
        boolean onHost = choice.provider().name().equals("cpu")
                || plan.variants().stream().anyMatch(variant -> variant.mode() == LoraMode.MERGED);
        try (ShownProgress progress = ShownProgress.of(terminal, output)) {
            ExecutorOptions template = new ExecutorOptions(plan.contextLength(), Math.min(plan.contextLength(), plan.batch()),
                    KvReservation.full(plan.contextLength()), Optional.of(choice.device().selector()), 0, where.adapters(),
                    where.activations(ActivationFormat.AUTO), where.cudaGraphs(), where.tensorCores(), false, progress);
            for (Subject subject : subjects(shape, types, onHost, progress)) {
                try (LlamaModel model = subject.opener().get()) {
                    printer.add(new Bench(plan, choice.provider(), choice.device(), template).run(subject.name(), model));
                }
            }
        }
        printer.end();
        return 0;
    }

    private BenchOutput form() {
        if (output.json() && form != null && !form.equalsIgnoreCase("json")) {
            throw new IllegalArgumentException("--json and --output " + form + " exclude each other");
        }
        return output.json() ? BenchOutput.JSON : form == null ? BenchOutput.MD : BenchOutput.parse(form);
    }

    private void checkExecutor(String executor, BenchPlan plan) {
        boolean cpu = executor.equals("cpu");
        if (cpu && plan.profiled()) {
            throw new ParameterException(command.commandLine(), "--profile takes the time of a device's kernels, and the cpu executor has "
                    + "none; use --executor tornado");
        }
        if (!cpu && plan.threads().size() > 1) {
            throw new ParameterException(command.commandLine(), "--threads is for the cpu executor: with " + executor
                    + ", a list of them would measure the same again");
        }
        if (!cpu && command.commandLine().getParseResult().hasMatchedOption("--threads") && output.remarks()) {
            terminal.err().println("--threads is for the cpu executor and changes nothing for " + executor);
        }
    }

    /** @param onHost whether the numbers of a random model are made in this machine's memory, not on a device */
    private List<Subject> subjects(ModelShape shape, List<TensorType> types, boolean onHost, Progress progress) {
        if (options.model().isPresent()) {
            Path path = options.model().get();
            return List.of(new Subject(String.valueOf(path.toAbsolutePath().normalize().getFileName()), () -> open(path, types, progress)));
        }
        List<Subject> subjects = new ArrayList<>();
        for (TensorType type : types) {
            subjects.add(new Subject(shape.word(), () -> {
                if (onHost) {
                    HostMemory.require("the weights of " + shape.word() + " in " + type.name().toLowerCase(Locale.ROOT),
                            shape.weightBytes(type));
                }
                return SyntheticLlama.model(shape.config(), type, 1);
            }));
        }
        return subjects;
    }

    private LlamaModel open(Path path, List<TensorType> types, Progress progress) {
        LlamaModel model = ModelFiles.open(path, progress);
        TensorType type = model.weights().get(WeightRole.QUERY, 0).type();
        if (!types.contains(type)) {
            model.close();
            throw new ParameterException(command.commandLine(), "--type: the model's projections are "
                    + type.name().toLowerCase(Locale.ROOT) + "; leave the option out, or measure a --shape");
        }
        return model;
    }

    private int compare(BenchOutput shown) {
        if (shown == BenchOutput.CSV || shown == BenchOutput.JSONL) {
            throw new ParameterException(command.commandLine(), "--compare is shown as md or json");
        }
        BenchComparison comparison;
        try {
            comparison = BenchComparison.read(compared.get(0), compared.get(1));
        } catch (FormatException e) { // the files are all that there is to get wrong here
            throw new ParameterException(command.commandLine(), e.getMessage(), e);
        }
        if (shown == BenchOutput.JSON) {
            Json.print(terminal, comparison::writeJson);
        } else {
            comparison.lines().forEach(terminal.out()::println);
        }
        if (terminal.out().checkError()) {
            throw new OutputClosedException();
        }
        return 0;
    }

    private <T> T checked(Supplier<T> parsed) {
        try {
            return parsed.get();
        } catch (IllegalArgumentException e) {
            throw new ParameterException(command.commandLine(), e.getMessage(), e);
        }
    }
}
