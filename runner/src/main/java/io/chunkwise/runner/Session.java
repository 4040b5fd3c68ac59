package io.chunkwise.runner;

import com.fasterxml.jackson.core.JsonGenerator;
import io.chunkwise.model.Progress;
import io.chunkwise.model.forward.ForwardExecutor;
import io.chunkwise.model.forward.ForwardExecutors;
import io.chunkwise.model.forward.ForwardExecutors.Choice;
import io.chunkwise.model.kv.KvPage;
import io.chunkwise.model.kv.KvReservation;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.model.llama.ModelFiles;
import io.chunkwise.policy.KvBounds;
import io.chunkwise.policy.KvPolicy;
import io.chunkwise.runner.options.AdapterOptions;
import io.chunkwise.runner.options.ChunkingOptions;
import io.chunkwise.runner.options.ExecutorOptions;
import io.chunkwise.runner.options.ModelOptions;
import io.chunkwise.runner.options.OutputOptions;
import io.chunkwise.runner.report.Quantities;
import io.chunkwise.runner.terminal.Terminal;
import io.chunkwise.runner.trace.TraceReport;
import io.chunkwise.schedule.ChunkScheduler;
import io.chunkwise.trace.SequenceTrace;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import picocli.CommandLine;

/** A model on an executor with its adapters, and the scheduler that runs sequences on it as the policy says. */
final class Session implements AutoCloseable {
    /** Long contexts take memory that most texts do not need. */
    private static final int DEFAULT_CONTEXT = 4096;

    private final Options options;
    private final LlamaModel base;
    private final LoadedAdapters adapters;
    private final Choice choice;
    private final ForwardExecutor executor;
    private final ChunkScheduler scheduler;
    private final long loadNanos;
    private final boolean lent; // somebody else closes it

    private Session(Options options, LlamaModel base, LoadedAdapters adapters, Choice choice, ForwardExecutor executor,
            ChunkScheduler scheduler, long loadNanos, boolean lent) {
        this.options = options;
        this.base = base;
        this.adapters = adapters;
        this.choice = choice;
        this.executor = executor;
        this.scheduler = scheduler;
        this.loadNanos = loadNanos;
        this.lent = lent;
    }

    /** What the command line says. */
    record Options(ModelOptions model, AdapterOptions adapter, ChunkingOptions chunking, ExecutorOptions executor, OutputOptions output) {

        /** @throws CommandLine.ParameterException if options contradict each other or are out of range */
        void check() {
            adapter.check();
            chunking.check(adapter);
            executor.check();
        }
    }

    /**
     * Loads everything that the options name; the choice of the executor is remarked on standard error.
     *
     * @param options   checked already
     * @param keepTrace whether the scheduler's traces will be asked for
     * @param progress  told of loading
     */
    static Session open(Options options, boolean keepTrace, Terminal terminal, Progress progress) {
        long start = System.nanoTime();
        Choice choice = choose(options.executor(), options.output(), terminal);
        LlamaModel base = ModelFiles.open(options.model().model(), progress);
        Optional<LlamaModel> merged = Optional.empty();
        ForwardExecutor executor = null;
        try {
            int context = context(options, base, terminal);
            LoadedAdapters adapters = LoadedAdapters.load(options, base, terminal, progress);
            merged = adapters.merged();
            if (options.output().remarks()) {
                adapters.remarkScores(options.chunking().policy(), terminal);
            }
            LlamaModel model = merged.orElse(base);
            executor = choice.provider().open(model, executorOptions(options, context, choice, progress));
            ChunkScheduler scheduler = new ChunkScheduler(executor, new ChunkScheduler.Setup(model.config(), model.weights().bytes(),
                    options.chunking().policy(), options.chunking().kvPolicy(), adapters.uses(), keepTrace));
            return new Session(options, base, adapters, choice, executor, scheduler, System.nanoTime() - start, false);
        } catch (RuntimeException | Error e) {
            if (executor != null) {
                executor.close();
            }
            merged.ifPresent(LlamaModel::close);
            base.close();
            throw e;
        }
    }

    /** The executors of this start: the launcher leaves TornadoVM's flags out where they would be of no use. */
    static ForwardExecutors executors() {
        String aside = System.getProperty("chunkwise.tornado.aside");
        return aside == null ? ForwardExecutors.load() : ForwardExecutors.load().without("tornado", aside);
    }

    private static int context(Options options, LlamaModel model, Terminal terminal) {
        int modelContext = model.config().contextLength();
        int context = options.executor().context().orElse(Math.min(modelContext, DEFAULT_CONTEXT));
        if (context > modelContext && !options.output().quiet()) {
            terminal.err().println("warning: a context of " + context + " is longer than the model was made for (" + modelContext + ")");
        }
        if (options.chunking().kvPolicy() instanceof KvPolicy.Window(int tokens)) {
            long least = (long) tokens + (KvBounds.SINK_PAGES + 1) * KvPage.TOKENS;
            if (least > context) {
                throw options.chunking().problem("--kv-policy window:" + tokens + " takes a context of " + least + " or more, not "
                        + context + "; use a smaller window" + (least <= modelContext ? ", or raise --context" : ""));
            }
        }
        return context;
    }

    private static io.chunkwise.model.forward.ExecutorOptions executorOptions(
            Options options, int context, Choice choice, Progress progress) {
        int rows = Math.min(context, options.executor().batch());
        KvReservation kv = options.chunking().kvPolicy().reservation(options.chunking().policy(), context, rows);
        return options.executor().opening(context, rows, kv, choice.device(), progress);
    }

    /** The executor and device that the options name; the choice is remarked on standard error. */
    static Choice choose(ExecutorOptions executor, OutputOptions output, Terminal terminal) {
        Choice choice = executors().choose(executor.executor(), executor.device());
        if (output.remarks()) {
            terminal.err().println("executor " + choice.provider().name() + " on " + choice.device().selector() + " ("
                    + choice.device().name() + "): " + choice.reason());
            terminal.err().flush();
        }
        return choice;
    }

    LlamaModel model() {
        return base;
    }

    ForwardExecutor executor() {
        return executor;
    }

    ChunkScheduler scheduler() {
        return scheduler;
    }

    /** Whether a text may be longer than the context. */
    boolean endless() {
        return options.chunking().kvPolicy().endless();
    }

    /** Whether the options decide anything about parts of a text, so that it is worth saying what came of it. */
    boolean decides() {
        return options.chunking().policy().estimates() || !(options.chunking().kvPolicy() instanceof KvPolicy.Full);
    }

    /** What every command's JSON says: where it ran, and by which policies. */
    void writeJson(JsonGenerator json) throws IOException {
        json.writeStringField("model", modelName());
        json.writeArrayFieldStart("adapters");
        for (String name : adapters.names()) {
            json.writeString(name);
        }
        json.writeEndArray();
        json.writeStringField("executor", executor.name());
        json.writeStringField("device", executor.device().selector());
        json.writeStringField("deviceName", executor.device().name());
        json.writeStringField("reason", choice.reason());
        json.writeNumberField("rank", adapters.rank());
        json.writeNumberField("mergedComponents", options.adapter().mergedComponents().orElse(0));
        json.writeStringField("policy", options.chunking().description());
        json.writeStringField("kvPolicy", options.chunking().kvPolicy().word());
        json.writeStringField("kvType", options.executor().kvType().name().toLowerCase(Locale.ROOT));
    }

    private String modelName() {
        return String.valueOf(base.source().toAbsolutePath().normalize().getFileName());
    }

    long loadNanos() {
        return loadNanos;
    }

    /** "cpu on cpu:0, loaded in 120 ms". */
    String description() {
        return executor.name() + " on " + executor.device().selector() + ", loaded in " + Quantities.time(loadNanos);
    }

    /** A trace with what has to be said beside it. @param texts [tokens] what each token adds to the text */
    TraceReport report(SequenceTrace trace, List<String> texts) {
        OptionalInt merged = options.adapter().mergedComponents();
        return new TraceReport(modelName(), adapters.names(),
                options.chunking().description() + (merged.isPresent() ? ", rung " + merged.getAsInt() + " merged" : ""),
                options.chunking().kvPolicy().word(), executor.name(), executor.device().selector() + " (" + executor.device().name() + ")",
                adapters.maxComponents(), texts, trace);
    }

    /** The same session for somebody who will close it, which leaves this one open. */
    Session lent() {
        return new Session(options, base, adapters, choice, executor, scheduler, loadNanos, true);
    }

    @Override
    public void close() {
        if (lent) {
            return;
        }
        executor.close();
        adapters.merged().ifPresent(LlamaModel::close);
        base.close();
    }
}
