package io.chunkwise.runner;

import io.chunkwise.generate.ChunkwiseGenerator;
import io.chunkwise.generate.GenerationListener;
import io.chunkwise.generate.GenerationRequest;
import io.chunkwise.generate.GenerationResult;
import io.chunkwise.generate.SamplingOptions;
import io.chunkwise.model.Progress;
import io.chunkwise.runner.options.AdapterOptions;
import io.chunkwise.runner.options.ChunkingOptions;
import io.chunkwise.runner.options.ExecutorOptions;
import io.chunkwise.runner.options.JournalOptions;
import io.chunkwise.runner.options.ModelOptions;
import io.chunkwise.runner.options.OutputOptions;
import io.chunkwise.runner.options.SamplingParameters;
import io.chunkwise.runner.options.TraceOptions;
import io.chunkwise.runner.report.Json;
import io.chunkwise.runner.terminal.OutputClosedException;
import io.chunkwise.runner.terminal.Terminal;
import io.chunkwise.runner.trace.ChunkTable;
import io.chunkwise.runner.trace.ColouredText;
import io.chunkwise.runner.trace.RungColours;
import io.chunkwise.runner.trace.TokenTexts;
import io.chunkwise.runner.trace.TracePage;
import io.chunkwise.schedule.AdapterUse;
import io.chunkwise.schedule.ChunkScheduler;
import io.chunkwise.schedule.Decision;
import io.chunkwise.selection.RungSelector;
import io.chunkwise.trace.SequenceTrace;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Continues a text. */
@Command(name = "generate", description = "Continues a text.", sortOptions = false,
        customSynopsis = {"chunkwise generate -m MODEL [-a ADAPTER]... [-p TEXT | -f PATH] [options]",
            "chunkwise generate -m MODEL [-a ADAPTER]... --input FILE --output FILE [options]"},
        optionListHeading = "%nOptions:%n", footerHeading = "%n",
        footer = {
            "The text streams to standard output; remarks and timings go to standard error.",
            "",
            "Examples:",
            "  chunkwise generate -m models/stories -p \"Once upon a time\"",
            "  chunkwise generate -m llama.gguf -a my-adapter --rank 8 -T 0 -n 100 -p \"Dear\"",
            "  chunkwise generate -m llama.gguf -a my-adapter --policy adaptive --trace -p \"Dear\"",
            "  chunkwise generate -m llama.gguf -a calm=a -a wild=b@100 -a calm@200 -p \"Dear\"",
            "  chunkwise generate -m models/stories --json < prompt.txt",
            "  chunkwise generate -m llama.gguf -n 100 --input prompts.jsonl --output results.jsonl",
            "",
            "Each line of --input is a JSON object with a prompt and, if wanted, what differs from the command",
            "line, such as",
            "  {\"prompt\": \"Dear\", \"id\": \"a\", \"maxTokens\": 9, \"stop\": [\"!\"], \"temperature\": 0, \"seed\": 7}",
            "Its result is a line of --output. A prompt that does not fit the context has an error there, and",
            "the exit code is 1 in the end. A prompt without a seed has one of its own, made of --seed and id.",
            "The same command goes on where a run was killed.",
            "",
            "JSON: text, newIds (of the new tokens), promptTokens (how many), stopReason, executor,",
            "device, deviceName, reason, rank, mergedComponents, policy, kvPolicy, seed, timings (loadMs,",
            "prefillMs, decodeMsPerToken: null where one token was all), tokens[], chunks[],",
            "meanComponents, memory. With --input: prompts, errors, promptTokens, newTokens, meanComponents,",
            "kvBytes, msPerToken, executor to kvPolicy, items to version: docs/json.md."
        })
final class GenerateCommand implements Callable<Integer> {
    private final Terminal terminal;
    private final Sessions sessions;

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

    @Option(names = "--input", paramLabel = "FILE", order = 22,
            description = "Continue many prompts, a JSON object per line (see below); results go to --output.")
    private Path input;

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
    private ChunkingOptions chunking;

    @Mixin
    private TraceOptions trace;

    @Mixin
    private JournalOptions journal;

    @Mixin
    private ExecutorOptions executor;

    @Mixin
    private OutputOptions output;

    GenerateCommand(Terminal terminal, Sessions sessions) {
        this.terminal = terminal;
        this.sessions = sessions;
    }

    @Override
    public Integer call() throws IOException {
        Session.Options options = new Session.Options(model, adapter, chunking, executor.fastest(), output);
        options.check();
        trace.check(output);
        if (input != null) {
            return batch(options);
        }
        requireNone("a single text goes to standard output; add --input FILE for many", "--output", "--shard");
        GenerationRequest request = request(sampling.options());
        String text = promptText();
        boolean keepTrace = trace.trace() || trace.page().isPresent() || output.json();
        try (ShownProgress progress = ShownProgress.of(terminal, output);
                Session session = Session.open(options, keepTrace, terminal, progress)) {
            int[] ids = session.model().tokenizer().encode(text, true);
            checkRoom(ids.length, session);
            Listener listener = new Listener(progress, echo ? text : "", colours(session));
            GenerationResult result = new ChunkwiseGenerator(session.scheduler(), session.model().tokenizer())
                    .generate(ids, request, listener);
            progress.end();
            listener.onText("");
            report(session, request.sampling(), result);
        }
        return 0;
    }

    /** Colours without --trace, or where there are none to be had, are no colours. */
    private ColouredText colours(Session session) {
        ChunkScheduler.Setup setup = session.scheduler().setup();
        RungColours colours = trace.trace() ? RungColours.of(terminal) : RungColours.NONE;
        List<RungSelector> selectors = setup.adapters().stream().map(AdapterUse::selector).toList();
        if (colours != RungColours.NONE && !output.quiet()) {
            RungColours onError = terminal.errIsTerminal() ? colours : RungColours.NONE;
            terminal.err().println(ColouredText.of(onError, setup.policy(), selectors).legend());
            terminal.err().flush();
        }
        return ColouredText.of(colours, setup.policy(), selectors);
    }

    private int batch(Session.Options options) {
        requireNone("it belongs to a single text, and --input has many", "--prompt", "--prompt-file", "--echo", "--trace", "--trace-html");
        journal.check();
        if (journal.output().isEmpty()) {
            throw usage("--input needs --output FILE for the results");
        }
        // Seeds that were new each time would make a run that goes on another run.
        return new GenerateBatch(input, request(sampling.options(0)), options, journal).run(terminal, sessions);
    }

    private void requireNone(String reason, String... names) {
        for (String name : names) {
            if (command.commandLine().getParseResult().hasMatchedOption(name)) {
                throw usage(name + ": " + reason);
            }
        }
    }

    private GenerationRequest request(SamplingOptions options) {
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

    private void checkRoom(int promptTokens, Session session) {
        int contextLength = session.executor().contextLength();
        if (promptTokens > contextLength && !session.endless()) {
            throw usage("the prompt has " + promptTokens + " tokens, but the context has room for " + contextLength
                    + "; shorten it, raise --context to " + ((long) promptTokens + maxTokens) + ", or use --kv-policy window:N");
        }
    }

    private void report(Session session, SamplingOptions used, GenerationResult result) throws IOException {
        if (output.json()) {
            Json.print(terminal, json -> GenerationReport.writeJson(json, session, result, used.seed()));
        } else {
            write("\n");
        }
        if (trace.page().isPresent() || trace.trace()) {
            SequenceTrace decided = session.scheduler().trace();
            List<String> texts = TokenTexts.of(session.model().tokenizer(), decided.tokens());
            if (trace.page().isPresent()) {
                TracePage.write(trace.page().get(), session.report(decided, texts));
            }
            if (trace.trace() && !terminal.colours() && !output.quiet()) {
                ChunkTable.lines(decided, texts, terminal.width()).forEach(terminal.err()::println);
            }
        }
        if (output.remarks()) {
            GenerationReport.remarks(session, result).forEach(terminal.err()::println);
        }
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
        private final ColouredText colours;
        private String rung = ""; // of the new token
        private String before; // what stands before the text; not earlier, for the line belongs to the progress of the prefill

        Listener(Progress prefill, String before, ColouredText colours) {
            this.prefill = prefill;
            this.before = before;
            this.colours = colours;
        }

        @Override
        public void onDecision(Decision decision) {
            rung = decision.rung();
        }

        @Override
        public void onText(String text) {
            if (!output.json()) {
                write(before + (text.isEmpty() ? "" : colours.piece(rung, text)));
                before = "";
            }
        }

        @Override
        public Progress prefill() {
            return prefill;
        }
    }
}
