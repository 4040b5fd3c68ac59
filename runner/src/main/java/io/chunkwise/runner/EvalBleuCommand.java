package io.chunkwise.runner;

import io.chunkwise.evaluate.Configuration;
import io.chunkwise.evaluate.EvaluationRun;
import io.chunkwise.evaluate.Fingerprint;
import io.chunkwise.evaluate.answer.AnswerFigures;
import io.chunkwise.evaluate.answer.ModelAnswers;
import io.chunkwise.evaluate.answer.PromptTemplate;
import io.chunkwise.evaluate.bleu.BleuEvaluation;
import io.chunkwise.evaluate.bleu.BleuFigures;
import io.chunkwise.evaluate.bleu.BleuMetric;
import io.chunkwise.evaluate.bleu.BleuRow;
import io.chunkwise.evaluate.bleu.BleuTokenizer;
import io.chunkwise.evaluate.bleu.Segment;
import io.chunkwise.evaluate.journal.Journal;
import io.chunkwise.model.Progress;
import io.chunkwise.model.format.FormatException;
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
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** BLEU and chrF2 of translations, of a model or of a file. */
@Command(name = "bleu", description = "Measures translations by BLEU and chrF2, as sacrebleu does.", sortOptions = false,
        customSynopsis = {"chunkwise eval bleu --reference FILE --hypothesis FILE [options]",
            "chunkwise eval bleu --reference FILE -m MODEL --source FILE --template FILE [options]"},
        optionListHeading = "%nOptions:%n", footerHeading = "%n",
        footer = {
            "Files are UTF-8 with a segment per line; line i of one belongs to line i of the others. Scores",
            "are those of sacrebleu 2.6 with the settings that the signature names (smoothing: exp).",
            "",
            "A model translates greedily, up to the end of the line. The template is a text with {source} in",
            "it, for example",
            "  English: {source}",
            "  German:",
            "",
            "Examples:",
            "  chunkwise eval bleu --reference newstest.de --hypothesis output.de",
            "  chunkwise eval bleu --reference newstest.de -m llama.gguf --source newstest.en \\",
            "      --template en-de.txt --output results.jsonl",
            "",
            "JSON: bleu, signature, chrf2, chrf2Signature, precisions[], brevityPenalty, hypothesisLength,",
            "referenceLength, segments; of a model what it took and where it ran: docs/json.md."
        })
final class EvalBleuCommand implements Callable<Integer> {
    static final String KIND = "bleu";

    private final Terminal terminal;
    private final Sessions sessions;

    @Spec
    private CommandSpec command;

    @ArgGroup(multiplicity = "1", order = 0)
    private Hypotheses hypotheses;

    @Mixin
    private AdapterOptions adapter;

    @Option(names = "--reference", required = true, paramLabel = "FILE", order = 20,
            description = "Expected translations; may be given several times.")
    private List<Path> references;

    @Option(names = "--source", paramLabel = "FILE", order = 21, description = "What the model shall translate.")
    private Path source;

    @Option(names = "--template", paramLabel = "FILE", order = 22, description = "Prompt with {source} in it.")
    private Path template;

    @Option(names = "--tokenize", paramLabel = "13a|none|char|intl", order = 23, defaultValue = "13a",
            description = "How BLEU cuts words: 13a as WMT does, none at white space, char every character, intl at punctuation of all "
                    + "scripts (default: ${DEFAULT-VALUE}).")
    private String tokenizerName;

    @Option(names = "--lowercase", order = 24, description = "Capitals count as small letters.")
    private boolean lowercase;

    @Option(names = {"-n", "--max-tokens"}, paramLabel = "N", order = 25, defaultValue = "256",
            description = "Tokens of a translation at most (default: ${DEFAULT-VALUE}).")
    private int maxTokens;

    @Option(names = "--limit", paramLabel = "N", order = 26, description = "The first N segments only (default: all).")
    private Integer limit;

    @Mixin
    private ChunkingOptions chunking;

    @Mixin
    private JournalOptions journal;

    @Mixin
    private ExecutorOptions executor;

    @Mixin
    private OutputOptions output;

    /** Where translations come from; exactly one. */
    private static final class Hypotheses {
        @Option(names = "--hypothesis", paramLabel = "FILE", required = true, order = 0,
                description = "Translations that are there already.")
        private Path file;

        @Option(names = {"-m", "--model"}, paramLabel = "PATH", required = true, order = 1,
                description = "Model that translates: a Hugging Face directory or a GGUF file.")
        private Path model;
    }

    EvalBleuCommand(Terminal terminal, Sessions sessions) {
        this.terminal = terminal;
        this.sessions = sessions;
    }

    @Override
    public Integer call() {
        journal.check();
        ModelOrFile.requirePositive(command, "--limit", limit);
        ModelOrFile.requirePositive(command, "--max-tokens", maxTokens);
        BleuMetric metric = new BleuMetric(BleuTokenizer.of(tokenizerName)
                .orElseThrow(() -> usage("--tokenize " + tokenizerName + ": expected 13a, none, char or intl")), lowercase);
        if (hypotheses.file != null) {
            ModelOrFile.requireNoModelOptions(command, "--hypothesis", "--source", "--template", "--max-tokens");
            ofFile(metric);
        } else {
            if (source == null || template == null) {
                throw usage("a model needs --source FILE, what to translate, and --template FILE, how to ask for it");
            }
            ofModel(metric);
        }
        return 0;
    }

    private void ofFile(BleuMetric metric) {
        List<Segment> segments = segments(hypotheses.file);
        Configuration configuration = configuration(metric, segments)
                .with("hypothesis", String.valueOf(hypotheses.file.getFileName()))
                .with("hypothesisSha256", Fingerprint.ofFile(hypotheses.file));
        try (Journal<BleuRow> results = journal.open(configuration, BleuRow.class)) {
            report(EvaluationRun.of(BleuEvaluation.ofHypotheses(segments, metric), journal.shard(), results, Progress.NONE),
                    metric, configuration, Optional.empty());
        }
    }

    private void ofModel(BleuMetric metric) {
        Session.Options options = new Session.Options(new ModelOptions(hypotheses.model), adapter, chunking, executor, output);
        options.check();
        PromptTemplate prompt = ModelOrFile.template(command, template, "source");
        List<Segment> segments = segments(source);
        try (ShownProgress progress = ShownProgress.of(terminal, output);
                Session session = sessions.open(options, terminal, progress)) {
            Configuration configuration = SessionConfiguration.with(configuration(metric, segments)
                    .with("source", String.valueOf(source.getFileName())).with("sourceSha256", Fingerprint.ofFile(source))
                    .with("templateSha256", Fingerprint.ofText(prompt.text())).with("maxTokens", maxTokens), session, options);
            ModelAnswers model = new ModelAnswers(session.scheduler(), session.model().tokenizer(), prompt, maxTokens);
            BleuEvaluation evaluation = BleuEvaluation.ofModel(segments,
                    text -> model.answer(Map.of("source", text), Optional.empty()), metric);
            try (Journal<BleuRow> results = journal.open(configuration, BleuRow.class)) {
                EvaluationRun<BleuRow> run = EvaluationRun.of(evaluation, journal.shard(), results, progress);
                progress.end();
                report(run, metric, configuration, Optional.of(session));
            }
        }
    }

    private List<Segment> segments(Path texts) {
        List<String> lines = TextSource.lines(texts);
        List<List<String>> expected = references.stream().map(TextSource::lines).toList();
        for (int file = 0; file < expected.size(); file++) {
            if (expected.get(file).size() != lines.size()) {
                throw new FormatException(texts.toString(), "has " + lines.size() + " lines, but " + references.get(file) + " has "
                        + expected.get(file).size() + "; line i of one belongs to line i of the other");
            }
        }
        if (lines.isEmpty()) {
            throw new FormatException(texts.toString(), "has no lines");
        }
        return IntStream.range(0, limit == null ? lines.size() : Math.min(limit, lines.size()))
                .mapToObj(at -> new Segment(lines.get(at), expected.stream().map(file -> file.get(at)).toList())).toList();
    }

    private Configuration configuration(BleuMetric metric, List<Segment> segments) {
        return SessionConfiguration.begin(KIND)
                .with("references", references.stream().map(file -> String.valueOf(file.getFileName())).toList())
                .with("referencesSha256", references.stream().map(Fingerprint::ofFile).toList())
                .with("signature", signature(metric)).with("chrf2Signature", chrfSignature(metric)).with("items", segments.size());
    }

    private String signature(BleuMetric metric) {
        return metric.signature(references.size(), version());
    }

    private String chrfSignature(BleuMetric metric) {
        return metric.chrfSignature(references.size(), version());
    }

    private static String version() {
        return "chunkwise-" + ChunkwiseCommand.Version.text().replaceAll("[^\\w.-]+", "");
    }

    private void report(EvaluationRun<BleuRow> run, BleuMetric metric, Configuration configuration, Optional<Session> session) {
        BleuFigures figures = BleuFigures.of(run.rows());
        Optional<AnswerFigures> answers = session.map(_ -> AnswerFigures.of(run.rows().stream().map(BleuRow::generated).toList()));
        if (output.json()) {
            Json.print(terminal, json -> {
                EvaluationReport.bleu(json, figures, signature(metric), chrfSignature(metric));
                if (session.isPresent()) {
                    EvaluationReport.answers(json, answers.orElseThrow());
                    session.get().writeJson(json);
                }
                EvaluationReport.run(json, configuration, journal, run);
            });
            return;
        }
        EvaluationReport.print(terminal, EvaluationReport.text(figures, signature(metric), chrfSignature(metric)));
        if (output.remarks()) {
            answers.ifPresent(taken -> terminal.err().println(EvaluationReport.text(taken)));
            EvaluationReport.remarks(journal, run).forEach(terminal.err()::println);
            session.ifPresent(used -> terminal.err().println(used.description()));
        }
    }

    private ParameterException usage(String problem) {
        return new ParameterException(command.commandLine(), problem);
    }
}
