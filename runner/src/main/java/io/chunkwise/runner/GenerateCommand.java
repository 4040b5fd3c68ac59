package io.chunkwise.runner;

import io.chunkwise.generate.ChunkwiseGenerator;
import io.chunkwise.generate.GenerationListener;
import io.chunkwise.generate.GenerationRequest;
import io.chunkwise.generate.GenerationResult;
import io.chunkwise.generate.SamplingOptions;
import io.chunkwise.model.Progress;
import io.chunkwise.runner.options.AdapterOptions;
import io.chunkwise.runner.options.ExecutorOptions;
import io.chunkwise.runner.options.ModelOptions;
import io.chunkwise.runner.options.OutputOptions;
import io.chunkwise.runner.options.SamplingParameters;
import io.chunkwise.runner.report.Json;
import io.chunkwise.runner.report.Quantities;
import io.chunkwise.runner.terminal.OutputClosedException;
import io.chunkwise.runner.terminal.ProgressBars;
import io.chunkwise.runner.terminal.Terminal;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Continues a text. */
@Command(name = "generate", description = "Continues a text.", sortOptions = false,
        customSynopsis = "chunkwise generate -m MODEL [-a ADAPTER] [-p TEXT | -f PATH] [options]",
        optionListHeading = "%nOptions:%n", footerHeading = "%n",
        footer = {
            "The text streams to standard output; remarks and timings go to standard error.",
            "",
            "Examples:",
            "  chunkwise generate -m models/stories -p \"Once upon a time\"",
            "  chunkwise generate -m llama.gguf -a my-adapter --rank 8 -T 0 -n 100 -p \"Dear\"",
            "  chunkwise generate -m models/stories --json < prompt.txt",
            "",
            "JSON: text, tokens (new ids), promptTokens (how many), stopReason, executor, device,",
            "deviceName, reason, rank, seed, timings (loadMs, prefillMs, decodeMsPerToken: null",
            "where one token was all)."
        })
final class GenerateCommand implements Callable<Integer> {
    private final Terminal terminal;

    @Spec
    private CommandSpec command;

    @Mixin
    private ModelOptions model;

    @Mixin
    private AdapterOptions adapter;

    @Option(names = {"-p", "--prompt"}, paramLabel = "TEXT", order = 20,
            description = "Text to continue; - reads standard input, as does a pipe without --prompt.")
    private String prompt;

    @Option(names = {"-f", "--prompt-file"}, paramLabel = "PATH", order = 21,
            description = "File with the text to continue; a line feed at its end is left out.")
    private Path promptFile;

    @Option(names = {"-n", "--max-tokens"}, paramLabel = "N", order = 30, defaultValue = "256",
            description = "New tokens at most (default: ${DEFAULT-VALUE}).")
    private int maxTokens;

    @Option(names = "--stop", paramLabel = "TEXT", order = 31, description = "Stop before this text; may be given several times.")
    private List<String> stopStrings = new ArrayList<>();

    @Option(names = "--ignore-end", order = 32, description = "Go on where the model ends its text.")
    private boolean ignoreEnd;

    @Option(names = "--echo", order = 33, description = "Print the prompt before the text.")
    private boolean echo;

    @Mixin
    private SamplingParameters sampling;

    @Mixin
    private ExecutorOptions executor;

    @Mixin
    private OutputOptions output;

    GenerateCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() {
        Session.Options options = new Session.Options(model, adapter, executor, output);
        options.check();
        GenerationRequest request = request();
        String text = promptText();
        Optional<ProgressBars> bars = Session.progressBars(terminal, output);
        Progress progress = bars.<Progress>map(shown -> shown).orElse(Progress.NONE);
        try (Session session = Session.open(options, terminal, progress)) {
            int[] ids = session.model().tokenizer().encode(text, true);
            checkRoom(ids.length, session.executor().contextLength());
            Listener listener = new Listener(progress, echo ? text : "");
            GenerationResult result = new ChunkwiseGenerator(session.scheduler(), session.model().tokenizer()).generate(ids, request, listener);
            bars.ifPresent(ProgressBars::close);
            listener.onText("");
            report(session, request.sampling(), result);
        } finally {
            bars.ifPresent(ProgressBars::close);
        }
        return 0;
    }

    private GenerationRequest request() {
        SamplingOptions options = sampling.options();
        try {
            return new GenerationRequest(maxTokens, stopStrings, ignoreEnd, options);
        } catch (IllegalArgumentException e) {
            throw usage(e.getMessage());
        }
    }

    private String promptText() {
        if (prompt != null && promptFile != null) {
            throw usage("--prompt and --prompt-file exclude each other");
        }
        if (promptFile != null) {
            return TextSource.withoutLastLineFeed(TextSource.read(promptFile));
        }
        if (prompt != null && !prompt.equals("-")) {
            return prompt;
        }
        if (prompt == null && terminal.inIsTerminal()) {
            throw usage("no prompt: give one with --prompt TEXT or --prompt-file PATH, or pipe it in");
        }
        return TextSource.withoutLastLineFeed(TextSource.read(terminal));
    }

    private void checkRoom(int promptTokens, int contextLength) {
        if (promptTokens > contextLength) {
            throw usage("the prompt has " + promptTokens + " tokens, but the context has room for " + contextLength
                    + "; shorten it, or raise --context to " + (promptTokens + maxTokens));
        }
    }

    private void report(Session session, SamplingOptions used, GenerationResult result) {
        if (output.json()) {
            Json.print(terminal, json -> {
                json.writeStringField("text", result.text());
                json.writeFieldName("tokens");
                json.writeArray(result.tokens(), 0, result.tokens().length);
                json.writeNumberField("promptTokens", result.promptTokens());
                json.writeStringField("stopReason", result.stopReason().name().toLowerCase(Locale.ROOT));
                json.writeStringField("executor", session.executor().name());
                json.writeStringField("device", session.executor().device().selector());
                json.writeStringField("deviceName", session.executor().device().name());
                json.writeStringField("reason", session.reason());
                json.writeNumberField("rank", session.rank());
                json.writeNumberField("seed", used.seed());
                json.writeObjectFieldStart("timings");
                Json.number(json, "loadMs", session.loadNanos() * 1e-6, 3);
                Json.number(json, "prefillMs", result.prefillNanos() * 1e-6, 3);
                Json.number(json, "decodeMsPerToken", result.decodeMillisPerToken().orElse(Double.NaN), 4);
                json.writeEndObject();
            });
            return;
        }
        write("\n");
        if (output.remarks()) {
            String decode = result.decodeMillisPerToken().isEmpty() ? ""
                    : " (" + Quantities.rate(1000 / result.decodeMillisPerToken().getAsDouble()) + "/s)";
            terminal.err().println(result.promptTokens() + " prompt tokens in " + Quantities.time(result.prefillNanos()) + " ("
                    + Quantities.rate(result.prefillTokensPerSecond()) + "/s), " + result.tokens().length + " new in "
                    + Quantities.time(result.decodeNanos()) + decode + "; " + session.description() + stopRemark(result));
        }
    }

    private static String stopRemark(GenerationResult result) {
        return switch (result.stopReason()) {
            case CONTEXT_FULL -> "; stopped because the context is full (--context)";
            case END_OF_TEXT, STOP_STRING, MAX_TOKENS -> "";
        };
    }

    private void write(String text) {
        terminal.out().print(text);
        if (terminal.out().checkError()) { // flushes, and tells where nobody reads any more
            throw new OutputClosedException();
        }
    }

    private ParameterException usage(String problem) {
        return new ParameterException(command.commandLine(), problem);
    }

    private final class Listener implements GenerationListener {
        private final Progress prefill;
        private String before; // what stands before the text; not earlier, for the line belongs to the progress of the prefill

        Listener(Progress prefill, String before) {
            this.prefill = prefill;
            this.before = before;
        }

        @Override
        public void onText(String text) {
            if (!output.json()) {
                write(before + text);
                before = "";
            }
        }

        @Override
        public Progress prefill() {
            return prefill;
        }
    }
}
