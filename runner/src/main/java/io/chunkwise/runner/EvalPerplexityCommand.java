package io.chunkwise.runner;

import io.chunkwise.evaluate.Configuration;
import io.chunkwise.evaluate.EvaluationRun;
import io.chunkwise.evaluate.Fingerprint;
import io.chunkwise.evaluate.Item;
import io.chunkwise.evaluate.journal.Journal;
import io.chunkwise.evaluate.perplexity.PerplexityEvaluation;
import io.chunkwise.evaluate.perplexity.PerplexityFigures;
import io.chunkwise.evaluate.perplexity.PerplexityRecipe;
import io.chunkwise.evaluate.perplexity.PerplexityRow;
import io.chunkwise.evaluate.perplexity.TextWindow;
import io.chunkwise.runner.options.AdapterOptions;
import io.chunkwise.runner.options.ChunkingOptions;
import io.chunkwise.runner.options.ExecutorOptions;
import io.chunkwise.runner.options.JournalOptions;
import io.chunkwise.runner.options.ModelOptions;
import io.chunkwise.runner.options.OutputOptions;
import io.chunkwise.runner.report.Json;
import io.chunkwise.runner.terminal.Terminal;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Perplexity of a text, by a recipe that others use, too. */
@Command(name = "perplexity", description = "Measures how well a model predicts a text.", sortOptions = false,
        customSynopsis = "chunkwise eval perplexity -m MODEL [-a ADAPTER] --text FILE --window N [options]",
        optionListHeading = "%nOptions:%n", footerHeading = "%n",
        footer = {
            "Recipes (figures of two recipes do not compare):",
            "  strided    Hugging Face's: ids of the whole text with BOS once; windows of N ids begin every",
            "             S ids. With S = N they do not overlap, and the first id of each is not scored.",
            "             With S < N a window scores the ids that no window before it had.",
            "  llama.cpp  its perplexity tool's: chunks of N ids, the first of each replaced by BOS; only the",
            "             ids behind the middle of a chunk are scored; an incomplete last chunk is not read.",
            "The result is exp of the mean over all scored ids.",
            "",
            "Examples:",
            "  chunkwise eval perplexity -m models/stories --text book.txt --window 512",
            "  chunkwise eval perplexity -m llama.gguf --text wiki.txt --window 512 --recipe llama.cpp",
            "  chunkwise eval perplexity -m models/stories -a my-adapter --policy adaptive --text book.txt \\",
            "      --window 512 --stride 256 --output results.jsonl",
            "",
            "JSON: nll (nats per scored id), perplexity, tokens (ids of the text), scored, windows,",
            "meanComponents, kvBytes (peak), msPerToken, recipe, window, stride, executor, device, rank,",
            "policy, kvPolicy, items, evaluated, resumed, shard, output: docs/json.md."
        })
final class EvalPerplexityCommand implements Callable<Integer> {
    static final String KIND = "perplexity";

    private final Terminal terminal;
    private final Sessions sessions;

    @Spec
    private CommandSpec command;

    @Mixin
    private ModelOptions model;

    @Mixin
    private AdapterOptions adapter;

    @Option(names = "--text", required = true, paramLabel = "FILE", order = 20, description = "Text, UTF-8.")
    private Path text;

    @Option(names = {"-w", "--window"}, required = true, paramLabel = "N", order = 21,
            description = "Ids that are read together; each window starts afresh.")
    private int window;

    @Option(names = "--stride", paramLabel = "N", order = 22,
            description = "Ids from the start of one window to that of the next (default: the window, so that they do not overlap).")
    private Integer stride;

    @Option(names = "--recipe", paramLabel = "strided|llama.cpp", order = 23, defaultValue = "strided",
            description = "How windows are cut and which ids count, see below (default: ${DEFAULT-VALUE}).")
    private String recipeName;

    @Mixin
    private ChunkingOptions chunking;

    @Mixin
    private JournalOptions journal;

    @Mixin
    private ExecutorOptions executor;

    @Mixin
    private OutputOptions output;

    EvalPerplexityCommand(Terminal terminal, Sessions sessions) {
        this.terminal = terminal;
        this.sessions = sessions;
    }

    @Override
    public Integer call() {
        Session.Options options = new Session.Options(model, adapter, chunking, executor, output);
        options.check();
        journal.check();
        PerplexityRecipe recipe = recipe();
        String read = TextSource.read(text);
        try (ShownProgress progress = ShownProgress.of(terminal, output);
                Session session = sessions.open(options, terminal, progress)) {
            if (window > session.executor().contextLength() && !session.endless()) {
                throw usage("--window " + window + ": the context has room for " + session.executor().contextLength()
                        + "; use a smaller window or raise --context");
            }
            int[] ids = session.model().tokenizer().encode(read, true);
            int[] start = session.model().tokenizer().encode("", true);
            List<Item<TextWindow>> windows = recipe.windows(ids, start.length == 0 ? OptionalInt.empty() : OptionalInt.of(start[0]));
            Configuration data = SessionConfiguration.begin(KIND).with("text", String.valueOf(text.getFileName()))
                    .with("idsSha256", Fingerprint.ofIds(ids)).with("tokens", ids.length).with("recipe", recipe.word())
                    .with("window", window).with("stride", stride()).with("items", windows.size());
            try (Journal<PerplexityRow> results = journal.open(SessionConfiguration.with(data, session, options), PerplexityRow.class)) {
                EvaluationRun<PerplexityRow> run = EvaluationRun.of(new PerplexityEvaluation(windows, session.scheduler()), journal.shard(),
                        results, progress);
                progress.end();
                report(session, run, data);
            }
        }
        return 0;
    }

    private PerplexityRecipe recipe() {
        try {
            return switch (recipeName) {
                case "strided" -> new PerplexityRecipe.Strided(window, stride());
                case "llama.cpp" -> {
                    if (stride != null && stride != window) {
                        throw usage("--stride means nothing to llama.cpp's recipe, whose windows do not overlap");
                    }
                    yield new PerplexityRecipe.LlamaCpp(window);
                }
                default -> throw usage("--recipe " + recipeName + ": expected strided or llama.cpp");
            };
        } catch (IllegalArgumentException e) {
            throw usage(e.getMessage());
        }
    }

    private int stride() {
        return stride == null ? window : stride;
    }

    private void report(Session session, EvaluationRun<PerplexityRow> run, Configuration data) {
        PerplexityFigures figures = PerplexityFigures.of(run.rows());
        if (output.json()) {
            Json.print(terminal, json -> {
                EvaluationReport.perplexity(json, figures, data, run.rows().size());
                session.writeJson(json);
                EvaluationReport.run(json, data, journal, run);
            });
            return;
        }
        EvaluationReport.print(terminal, EvaluationReport.text(figures, run.rows().size()));
        if (output.remarks()) {
            EvaluationReport.remarks(journal, run).forEach(terminal.err()::println);
            terminal.err().println(session.description());
        }
    }

    private ParameterException usage(String problem) {
        return new ParameterException(command.commandLine(), problem);
    }
}
