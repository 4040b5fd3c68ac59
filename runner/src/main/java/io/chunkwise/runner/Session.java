package io.chunkwise.runner;

import io.chunkwise.model.Progress;
import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.adapter.AdapterFiles;
import io.chunkwise.model.forward.ForwardExecutor;
import io.chunkwise.model.forward.ForwardExecutors;
import io.chunkwise.model.forward.ForwardExecutors.Choice;
import io.chunkwise.model.kv.KvReservation;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.model.llama.ModelFiles;
import io.chunkwise.policy.KvPolicy;
import io.chunkwise.runner.options.AdapterOptions;
import io.chunkwise.runner.options.ExecutorOptions;
import io.chunkwise.runner.options.ModelOptions;
import io.chunkwise.runner.options.OutputOptions;
import io.chunkwise.runner.report.Quantities;
import io.chunkwise.runner.terminal.ProgressBars;
import io.chunkwise.runner.terminal.Terminal;
import io.chunkwise.schedule.ChunkScheduler;
import java.util.Optional;
import picocli.CommandLine;

/** A model on an executor with its adapter attached: what a command needs to run passes. */
final class Session implements AutoCloseable {
    /** Long contexts take memory that most texts do not need. */
    private static final int DEFAULT_CONTEXT = 4096;

    private final LlamaModel model;
    private final Choice choice;
    private final ForwardExecutor executor;
    private final ChunkScheduler scheduler;
    private final int rank;
    private final long loadNanos;

    private Session(LlamaModel model, Choice choice, ForwardExecutor executor, ActiveAdapter active, long loadNanos) {
        this.model = model;
        this.choice = choice;
        this.executor = executor;
        scheduler = new ChunkScheduler(executor, new ChunkScheduler.Setup(model.config(), active.policy(), new KvPolicy.Full(), active.selector()));
        this.rank = active.rank();
        this.loadNanos = loadNanos;
    }

    /** What the command line says. */
    record Options(ModelOptions model, AdapterOptions adapter, ExecutorOptions executor, OutputOptions output) {

        /** @throws CommandLine.ParameterException if options contradict each other or are out of range */
        void check() {
            adapter.check();
            executor.check();
        }
    }

    /**
     * Loads everything that the options name; the choice of the executor is remarked on standard error.
     *
     * @param progress told of loading
     */
    static Session open(Options options, Terminal terminal, Progress progress) {
        long start = System.nanoTime();
        Choice choice = executors().choose(options.executor().executor(), options.executor().device());
        if (options.output().remarks()) {
            terminal.err().println("executor " + choice.provider().name() + " on " + choice.device().selector() + " (" + choice.device().name()
                    + "): " + choice.reason());
            terminal.err().flush();
        }
        LlamaModel model = ModelFiles.open(options.model().model(), progress);
        ForwardExecutor executor = null;
        try {
            ActiveAdapter active = adapter(options, terminal, model, progress);
            executor = choice.provider().open(model, executorOptions(options, terminal, model, choice, progress));
            return new Session(model, choice, executor, active, System.nanoTime() - start);
        } catch (RuntimeException | Error e) {
            if (executor != null) {
                executor.close();
            }
            model.close();
            throw e;
        }
    }

    /** The executors of this start: the launcher leaves TornadoVM's flags out where they would be of no use. */
    static ForwardExecutors executors() {
        String aside = System.getProperty("chunkwise.tornado.aside");
        return aside == null ? ForwardExecutors.load() : ForwardExecutors.load().without("tornado", aside);
    }

    private static ActiveAdapter adapter(Options options, Terminal terminal, LlamaModel model, Progress progress) {
        if (options.adapter().adapter().isEmpty()) {
            return ActiveAdapter.none();
        }
        Adapter plain = AdapterFiles.open(options.adapter().adapter().get(), model.config(), progress);
        return ActiveAdapter.of(plain, model.config(), options.adapter(), options.output(), terminal, progress);
    }

    private static io.chunkwise.model.forward.ExecutorOptions executorOptions(
            Options options, Terminal terminal, LlamaModel model, Choice choice, Progress progress) {
        int modelContext = model.config().contextLength();
        int context = options.executor().context().orElse(Math.min(modelContext, DEFAULT_CONTEXT));
        if (context > modelContext && !options.output().quiet()) {
            terminal.err().println("warning: a context of " + context + " is longer than the model was made for (" + modelContext + ")");
        }
        return new io.chunkwise.model.forward.ExecutorOptions(context, Math.min(context, options.executor().batch()), KvReservation.full(context),
                Optional.of(choice.device().selector()), options.executor().threads(), progress);
    }

    /** Progress for people, where they want it and can see it. */
    static Optional<ProgressBars> progressBars(Terminal terminal, OutputOptions output) {
        return terminal.errIsTerminal() && !output.quiet() ? Optional.of(new ProgressBars(terminal)) : Optional.empty();
    }

    LlamaModel model() {
        return model;
    }

    ForwardExecutor executor() {
        return executor;
    }

    String reason() {
        return choice.reason();
    }

    ChunkScheduler scheduler() {
        return scheduler;
    }

    /** Components in use; 0 without adapter. */
    int rank() {
        return rank;
    }

    long loadNanos() {
        return loadNanos;
    }

    /** "cpu on cpu:0, loaded in 120 ms". */
    String description() {
        return executor.name() + " on " + executor.device().selector() + ", loaded in " + Quantities.time(loadNanos);
    }

    @Override
    public void close() {
        executor.close();
        model.close();
    }
}
