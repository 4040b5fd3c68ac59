package io.chunkwise.runner;

import com.fasterxml.jackson.core.JsonGenerator;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.model.tokenizer.Tokenizer;
import io.chunkwise.runner.options.AdapterOptions;
import io.chunkwise.runner.options.ChunkingOptions;
import io.chunkwise.runner.options.ExecutorOptions;
import io.chunkwise.runner.options.ModelOptions;
import io.chunkwise.runner.options.OutputOptions;
import io.chunkwise.runner.report.Json;
import io.chunkwise.runner.report.Quantities;
import io.chunkwise.runner.report.Table;
import io.chunkwise.runner.terminal.OutputClosedException;
import io.chunkwise.runner.terminal.Terminal;
import io.chunkwise.runner.trace.TraceJson;
import io.chunkwise.score.Score;
import io.chunkwise.score.Scorer;
import io.chunkwise.score.TokenScore;
import io.chunkwise.trace.ChunkTrace;
import io.chunkwise.trace.SequenceTrace;
import io.chunkwise.trace.TokenTrace;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Says how likely a model finds a text. */
@Command(name = "score", description = "Says how likely a model finds a text, token by token.", sortOptions = false,
        customSynopsis = "chunkwise score -m MODEL [-a ADAPTER] (--text TEXT | --file PATH | --tokens IDS) [options]",
        optionListHeading = "%nOptions:%n", footerHeading = "%n",
        footer = {
            "Log-probabilities are natural logarithms. nll is the mean negative log-probability per",
            "scored token, perplexity is exp(nll). The first token is not scored: nothing precedes it.",
            "",
            "Examples:",
            "  chunkwise score -m models/stories --text \"Once upon a time\" --top 3",
            "  chunkwise score -m models/stories -a my-adapter --file book.txt --window 512 --summary",
            "",
            "JSON: tokens[] of position, id, logprob (null where not scored), top[] of id and logprob",
            "(for the next position), signals and components; nll, perplexity, scored, executor, device,",
            "rank, mergedComponents, policy, kvPolicy, chunks[], meanComponents, memory: docs/json.md."
        })
final class ScoreCommand implements Callable<Integer> {
    private final Terminal terminal;

    @Spec
    private CommandSpec command;

    @Mixin
    private ModelOptions model;

    @Mixin
    private AdapterOptions adapter;

    @ArgGroup(multiplicity = "1", order = 20)
    private Source source;

    @Option(names = "--top", paramLabel = "N", order = 30, defaultValue = "0",
            description = "Also show the N most likely tokens of each next position (default: ${DEFAULT-VALUE}).")
    private int top;

    @Option(names = "--window", paramLabel = "N", order = 31,
            description = "Score the text in windows of N tokens, each starting afresh; the first token of each is not scored "
                    + "(default: one window).")
    private Integer window;

    @Option(names = "--summary", order = 32, description = "No table of tokens: nll and perplexity only.")
    private boolean summary;

    @Mixin
    private ChunkingOptions chunking;

    @Mixin
    private ExecutorOptions executor;

    @Mixin
    private OutputOptions output;

    /** What is scored; exactly one. */
    private static final class Source {
        @Option(names = "--text", paramLabel = "TEXT", required = true, order = 20,
                description = "Text to score, with the special tokens that the model expects around a text; - reads standard input.")
        private String text;

        @Option(names = "--file", paramLabel = "PATH", required = true, order = 21, description = "File with the text to score.")
        private Path file;

        @Option(names = "--tokens", paramLabel = "1,2,3", required = true, order = 22,
                description = "Token ids to score, just as they are.")
        private String tokens;
    }

    ScoreCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() {
        Session.Options options = new Session.Options(model, adapter, chunking, executor, output);
        options.check();
        if (top < 0) {
            throw usage("--top " + top + ": expected a number from 0 up");
        }
        if (window != null && window < 2) {
            throw usage("--window " + window + ": expected a number from 2 up; the first token of a window is not scored");
        }
        Optional<int[]> ids = source.tokens == null ? Optional.empty() : Optional.of(parseIds(source.tokens));
        Optional<String> text = ids.isPresent() ? Optional.empty() : Optional.of(text());
        try (ShownProgress progress = ShownProgress.of(terminal, output);
                Session session = Session.open(options, output.json(), terminal, progress)) {
            int[] tokens = ids.orElseGet(() -> session.model().tokenizer().encode(text.orElseThrow(), true));
            check(tokens, session);
            long start = System.nanoTime();
            Score score = new Scorer(session.scheduler())
                    .score(tokens, window == null ? tokens.length : window, Math.min(top, session.model().config().vocabSize()), progress);
            long nanos = System.nanoTime() - start;
            progress.end();
            report(session, score);
            if (output.remarks()) {
                terminal.err().println(tokens.length + " tokens in " + Quantities.time(nanos) + " ("
                        + Quantities.rate(tokens.length / (nanos * 1e-9))
                        + "/s); " + session.description());
            }
        }
        return 0;
    }

    private String text() {
        if (source.file != null) {
            return TextSource.read(source.file);
        }
        return source.text.equals("-") ? TextSource.read(terminal) : source.text;
    }

    private int[] parseIds(String list) {
        String[] parts = list.split(",", -1);
        int[] ids = new int[parts.length];
        for (int i = 0; i < parts.length; i++) {
            try {
                ids[i] = Integer.parseInt(parts[i].strip());
            } catch (NumberFormatException e) {
                throw usage("--tokens: '" + parts[i] + "' is not a token id; expected numbers such as 1,403,407");
            }
        }
        return ids;
    }

    private void check(int[] tokens, Session session) {
        int vocabSize = session.model().config().vocabSize();
        for (int id : tokens) {
            if (id < 0 || id >= vocabSize) {
                throw usage("--tokens: " + id + " is outside the vocabulary of " + vocabSize + " ids");
            }
        }
        if (tokens.length < 2) {
            throw usage("there is nothing to score: " + tokens.length + " token" + (tokens.length == 1 ? "" : "s")
                    + ", and the first is not scored");
        }
        int context = session.executor().contextLength();
        int needed = window == null ? tokens.length : Math.min(window, tokens.length);
        if (needed > context && !session.endless()) {
            throw usage((window == null ? "the text has " + tokens.length + " tokens" : "--window " + window)
                    + ", but the context has room for "
                    + context + "; score it in windows (--window " + context + ") or raise --context");
        }
    }

    private void report(Session session, Score score) {
        if (output.json()) {
            Json.print(terminal, json -> writeJson(json, session, score));
            return;
        }
        if (!summary) {
            table(session.model(), score).lines(terminal.width()).forEach(terminal.out()::println);
            terminal.out().println();
        }
        terminal.out().println(String.format(Locale.ROOT, "nll %.6f per token, perplexity %.4f over %d scored tokens",
                score.nll(), score.perplexity(), score.scored()));
        if (session.decides()) {
            terminal.out().println(GenerationReport.cost(score.cost()));
        }
        if (terminal.out().checkError()) {
            throw new OutputClosedException();
        }
    }

    private Table table(LlamaModel loaded, Score score) {
        Table table = top == 0 ? new Table(">position", ">id", "token", ">logprob")
                : new Table(">position", ">id", "token", ">logprob", "most likely next");
        for (TokenScore token : score.tokens()) {
            String logprob = token.logprob().isEmpty() ? "-" : String.format(Locale.ROOT, "%.4f", token.logprob().getAsDouble());
            String piece = piece(loaded.tokenizer(), token.id());
            String next = token.top().stream().map(other -> piece(loaded.tokenizer(), other.id())
                    + String.format(Locale.ROOT, " %.3f", other.logprob())).collect(Collectors.joining("  "));
            if (top == 0) {
                table.row(Integer.toString(token.position()), Integer.toString(token.id()), piece, logprob);
            } else {
                table.row(Integer.toString(token.position()), Integer.toString(token.id()), piece, logprob, next);
            }
        }
        return table;
    }

    private static String piece(Tokenizer tokenizer, int id) {
        return id < tokenizer.vocabSize() ? Quantities.printable(tokenizer.piece(id)) : "#" + id;
    }

    private void writeJson(JsonGenerator json, Session session, Score score) throws IOException {
        json.writeStringField("kind", "score");
        json.writeArrayFieldStart("tokens");
        for (int start = 0, at = 0; at < score.traces().size(); at++) {
            SequenceTrace decided = score.traces().get(at);
            for (int i = 0; i < decided.tokens().size(); i++) {
                writeToken(json, score.tokens().get(start + i), decided.tokens().get(i));
            }
            start += decided.tokens().size();
        }
        json.writeEndArray();
        Json.number(json, "nll", score.nll(), 9);
        Json.number(json, "perplexity", score.perplexity(), 9);
        json.writeNumberField("scored", score.scored());
        session.writeJson(json);
        json.writeStringField("version", ChunkwiseCommand.Version.text());
        TraceJson.writeChunks(json, chunks(score));
        Json.number(json, "meanComponents", score.cost().meanComponents(), 6);
        SequenceTrace.Memory last = score.traces().getLast().memory();
        TraceJson.writeMemory(json, new SequenceTrace.Memory(score.cost().kvBytes(), score.cost().kvBytesFull(), score.cost().kvBytesPeak(),
                last.adapterBytes(), last.weightBytes()));
    }

    private static void writeToken(JsonGenerator json, TokenScore token, TokenTrace decided) throws IOException {
        json.writeStartObject();
        json.writeNumberField("position", token.position());
        json.writeNumberField("id", token.id());
        Json.number(json, "logprob", token.logprob().orElse(Double.NaN), 9);
        json.writeArrayFieldStart("top");
        for (TokenScore.Alternative other : token.top()) {
            json.writeStartObject();
            json.writeNumberField("id", other.id());
            Json.number(json, "logprob", other.logprob(), 9);
            json.writeEndObject();
        }
        json.writeEndArray();
        TraceJson.writeSignals(json, decided);
        json.writeEndObject();
    }

    /** Of all windows, in positions of the text. */
    private static List<ChunkTrace> chunks(Score score) {
        List<ChunkTrace> chunks = new ArrayList<>();
        int before = 0;
        for (SequenceTrace decided : score.traces()) {
            for (ChunkTrace chunk : decided.chunks()) {
                chunks.add(new ChunkTrace(before + chunk.start(), before + chunk.end(), chunk.band(), chunk.bandIndex(), chunk.bands(),
                        chunk.rung(), chunk.meanComponents(), chunk.scale(), chunk.kvFormat(), chunk.kvPages(), chunk.linearizationError(),
                        chunk.adapter()));
            }
            before += decided.tokens().size();
        }
        return chunks;
    }

    private ParameterException usage(String problem) {
        return new ParameterException(command.commandLine(), problem);
    }
}
