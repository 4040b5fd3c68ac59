package io.chunkwise.runner;

import com.fasterxml.jackson.core.JsonGenerator;
import io.chunkwise.evaluate.Configuration;
import io.chunkwise.evaluate.Fingerprint;
import io.chunkwise.ladder.LadderBuilder;
import io.chunkwise.ladder.LadderFile;
import io.chunkwise.ladder.RankLadder;
import io.chunkwise.model.Progress;
import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.adapter.AdapterFiles;
import io.chunkwise.model.forward.ForwardExecutor;
import io.chunkwise.model.forward.ForwardExecutors.Choice;
import io.chunkwise.model.kv.KvReservation;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.model.llama.ModelFiles;
import io.chunkwise.runner.options.ExecutorOptions;
import io.chunkwise.runner.options.LadderOptions;
import io.chunkwise.runner.options.ModelOptions;
import io.chunkwise.runner.options.OutputOptions;
import io.chunkwise.runner.terminal.Terminal;
import io.chunkwise.schedule.PolicyTrials;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/** A model with one adapter and its ladder on an open executor, for commands that run many policies on it. */
final class AdapterSession implements AutoCloseable {
    static final int DEFAULT_WINDOW = 512;

    private final LlamaModel model;
    private final Path adapterFile;
    private final String adapterHash;
    private final Adapter adapter;
    private final RankLadder ladder;
    private final Optional<Path> ladderFile;
    private final Choice choice;
    private final ForwardExecutor executor;
    private final ExecutorOptions opened;

    private AdapterSession(LlamaModel model, Path adapterFile, String adapterHash, Adapter adapter, RankLadder ladder,
            Optional<Path> ladderFile, Choice choice, ForwardExecutor executor, ExecutorOptions opened) {
        this.model = model;
        this.adapterFile = adapterFile;
        this.adapterHash = adapterHash;
        this.adapter = adapter;
        this.ladder = ladder;
        this.ladderFile = ladderFile;
        this.choice = choice;
        this.executor = executor;
        this.opened = opened;
    }

    /** What the command line says. */
    record Options(ModelOptions model, LadderOptions adapter, ExecutorOptions executor, OutputOptions output) {
    }

    /**
     * Loads everything that the options name; the choice of the executor is remarked on standard error.
     *
     * @param windowTokens that texts have to be read in; empty for what the context has, at most {@value #DEFAULT_WINDOW}
     * @param quantizable  whether KV policies will be tried that keep pages in fewer bits
     * @throws ParameterException if the context has no room for a window
     */
    static AdapterSession open(Options options, CommandSpec command, OptionalInt windowTokens, boolean quantizable, Terminal terminal,
            Progress progress) {
        Choice choice = Session.choose(options.executor(), options.output(), terminal);
        LlamaModel model = ModelFiles.open(options.model().model(), progress);
        try {
            int context = options.executor().context()
                    .orElse(Math.min(model.config().contextLength(), windowTokens.orElse(DEFAULT_WINDOW)));
            if (windowTokens.orElse(0) > context) {
                throw new ParameterException(command.commandLine(), "--window " + windowTokens.getAsInt() + ": the context has room for "
                        + context + "; use a smaller window or raise --context");
            }
            Path file = options.adapter().adapter();
            String hash = AdapterFiles.hash(file);
            Adapter adapter = AdapterFiles.open(file, model.config(), progress);
            Path saved = options.adapter().ladder().orElseGet(() -> LadderFile.beside(file));
            boolean isSaved = options.adapter().ladder().isPresent() || Files.exists(saved);
            RankLadder ladder = isSaved ? LadderFile.load(saved, model.config(), hash) : LadderBuilder.build(adapter, progress);
            KvReservation kv = quantizable ? new KvReservation(context, context, context) : KvReservation.full(context);
            ForwardExecutor executor = choice.provider().open(model, options.executor().opening(context,
                    Math.min(context, options.executor().batch()), kv, choice.device(), progress));
            return new AdapterSession(model, file, hash, adapter, ladder, isSaved ? Optional.of(saved) : Optional.empty(), choice,
                    executor, options.executor());
        } catch (RuntimeException | Error e) {
            model.close();
            throw e;
        }
    }

    LlamaModel model() {
        return model;
    }

    ForwardExecutor executor() {
        return executor;
    }

    String adapterHash() {
        return adapterHash;
    }

    Adapter adapter() {
        return adapter;
    }

    RankLadder ladder() {
        return ladder;
    }

    /** The file that the ladder is from; empty where it was built in memory. */
    Optional<Path> ladderFile() {
        return ladderFile;
    }

    PolicyTrials trials() {
        return new PolicyTrials(executor, model.config(), adapter, ladder);
    }

    /** What results go by, beside data and policies. */
    Configuration configuration(Configuration data) {
        Configuration files = data.with("model", name(model.source())).with("modelSha256", Fingerprint.ofModel(model))
                .with("adapter", name(adapterFile)).with("adapterSha256", adapterHash)
                .with("ladder", ladderFile.map(AdapterSession::name).orElse(""))
                .with("ladders", ladderFile.map(file -> List.of(Fingerprint.ofFile(file))).orElse(List.of()));
        return SessionConfiguration.with(files, executor, opened);
    }

    /** {@code model}, {@code adapter} and {@code ladder}: names without folders, or null. */
    static void writeNames(JsonGenerator json, Configuration configuration) throws IOException {
        json.writeStringField("model", EvaluationReport.text(configuration, "model"));
        json.writeStringField("adapter", EvaluationReport.text(configuration, "adapter"));
        String ladder = EvaluationReport.text(configuration, "ladder");
        json.writeStringField("ladder", ladder.isEmpty() ? null : ladder);
    }

    /** Where it ran. */
    static void writePlace(JsonGenerator json, Configuration configuration) throws IOException {
        for (String field : List.of("executor", "device", "deviceName")) {
            json.writeStringField(field, EvaluationReport.text(configuration, field));
        }
    }

    /** "cpu on cpu:0". */
    String description() {
        return choice.provider().name() + " on " + executor.device().selector();
    }

    private static String name(Path path) {
        return String.valueOf(path.toAbsolutePath().normalize().getFileName());
    }

    @Override
    public void close() {
        executor.close();
        model.close();
    }
}
