package io.chunkwise.runner;

import io.chunkwise.evaluate.Configuration;
import io.chunkwise.evaluate.EvaluationRun;
import io.chunkwise.evaluate.Fingerprint;
import io.chunkwise.evaluate.answer.AnswerFigures;
import io.chunkwise.evaluate.answer.ModelAnswers;
import io.chunkwise.evaluate.answer.PromptTemplate;
import io.chunkwise.evaluate.journal.Journal;
import io.chunkwise.evaluate.squad.SquadEvaluation;
import io.chunkwise.evaluate.squad.SquadFigures;
import io.chunkwise.evaluate.squad.SquadFile;
import io.chunkwise.evaluate.squad.SquadQuestion;
import io.chunkwise.evaluate.squad.SquadRow;
import io.chunkwise.model.Progress;
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
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Exact match and F1 on SQuAD 2.0, of a model or of predictions in a file. */
@Command(name = "squad", description = "Measures answers to the questions of SQuAD 2.0.", sortOptions = false,
        customSynopsis = "chunkwise eval squad --data FILE (--predictions FILE | -m MODEL [-a ADAPTER]) [options]",
        optionListHeading = "%nOptions:%n", footerHeading = "%n",
        footer = {
            "Answers are compared as the official scorer does it: in lower case, without punctuation and",
            "articles; of several expected answers the best one counts. A model answers greedily, up to the",
            "end of the line; an empty answer, or the one of --no-answer, says that there is none. A context",
            "that is too long for the model is cut at its end, and the number of such prompts reported.",
            "",
            "The template is a text with {context} and {question} in it. Without --template it is",
            "  Answer with words from the text, or with \"unanswerable\".",
            "  ",
            "  Text: {context}",
            "  Question: {question}",
            "  Answer:",
            "",
            "Examples:",
            "  chunkwise eval squad --data dev-v2.0.json --predictions predictions.json",
            "  chunkwise eval squad --data dev-v2.0.json -m llama.gguf -a my-adapter --output results.jsonl",
            "",
            "JSON: exact, f1, total, hasAnsExact, hasAnsF1, hasAnsTotal, noAnsExact, noAnsF1, noAnsTotal",
            "(in percent, as the official scorer has them; null where there are no such questions),",
            "missing; of a model what it took and where it ran: docs/json.md."
        })
final class EvalSquadCommand implements Callable<Integer> {
    static final String KIND = "squad";
    private static final String TEMPLATE = """
            Answer with words from the text, or with "unanswerable".

            Text: {context}
            Question: {question}
            Answer:""";

    private final Terminal terminal;
    private final Sessions sessions;

    @Spec
    private CommandSpec command;

    @ArgGroup(multiplicity = "1", order = 0)
    private Source source;

    @Mixin
    private AdapterOptions adapter;

    @Option(names = "--data", required = true, paramLabel = "FILE", order = 20, description = "Questions: a SQuAD JSON file.")
    private Path data;

    @Option(names = "--template", paramLabel = "FILE", order = 21,
            description = "Prompt with {context} and {question} (default: see below).")
    private Path template;

    @Option(names = "--no-answer", paramLabel = "TEXT", order = 22, defaultValue = "unanswerable",
            description = "What the model says where the text has no answer (default: ${DEFAULT-VALUE}).")
    private String noAnswer;

    @Option(names = {"-n", "--max-tokens"}, paramLabel = "N", order = 23, defaultValue = "32",
            description = "Tokens of an answer at most (default: ${DEFAULT-VALUE}).")
    private int maxTokens;

    @Option(names = "--limit", paramLabel = "N", order = 24, description = "The first N questions only (default: all).")
    private Integer limit;

    @Mixin
    private ChunkingOptions chunking;

    @Mixin
    private JournalOptions journal;

    @Mixin
    private ExecutorOptions executor;

    @Mixin
    private OutputOptions output;

    /** Where answers come from; exactly one. */
    private static final class Source {
        @Option(names = "--predictions", paramLabel = "FILE", required = true, order = 0,
                description = "Answers that are there already: a JSON object of answers by question id.")
        private Path predictions;

        @Option(names = {"-m", "--model"}, paramLabel = "PATH", required = true, order = 1,
                description = "Model that answers: a Hugging Face directory or a GGUF file.")
        private Path model;
    }

    EvalSquadCommand(Terminal terminal, Sessions sessions) {
        this.terminal = terminal;
        this.sessions = sessions;
    }

    @Override
    public Integer call() {
        journal.check();
        ModelOrFile.requirePositive(command, "--limit", limit);
        ModelOrFile.requirePositive(command, "--max-tokens", maxTokens);
        if (source.predictions != null) {
            ModelOrFile.requireNoModelOptions(command, "--predictions", "--template", "--no-answer", "--max-tokens");
            ofPredictions();
        } else {
            ofModel();
        }
        return 0;
    }

    private void ofPredictions() {
        List<SquadQuestion> questions = questions();
        Map<String, String> answers = SquadFile.predictions(source.predictions);
        int missing = (int) questions.stream().filter(question -> !answers.containsKey(question.id())).count();
        if (missing == questions.size()) {
            throw new IllegalArgumentException(source.predictions + ": answers none of the questions of " + data
                    + "; they are of another data set");
        }
        Configuration configuration = configuration(questions).with("predictions", String.valueOf(source.predictions.getFileName()))
                .with("predictionsSha256", Fingerprint.ofFile(source.predictions));
        try (Journal<SquadRow> results = journal.open(configuration, SquadRow.class)) {
            EvaluationRun<SquadRow> run = EvaluationRun.of(SquadEvaluation.ofPredictions(questions, answers), journal.shard(), results,
                    Progress.NONE);
            if (missing > 0 && !output.quiet()) {
                terminal.err().println("warning: " + missing + " of " + questions.size()
                        + " questions have no prediction and do not count, as in "
                        + "the official scorer");
            }
            report(run, configuration, missing, Optional.empty());
        }
    }

    private void ofModel() {
        Session.Options options = new Session.Options(new ModelOptions(source.model), adapter, chunking, executor, output);
        options.check();
        PromptTemplate prompt = template == null ? PromptTemplate.of(TEMPLATE, "context", "question")
                : ModelOrFile.template(command, template, "context", "question");
        List<SquadQuestion> questions = questions();
        try (ShownProgress progress = ShownProgress.of(terminal, output);
                Session session = sessions.open(options, terminal, progress)) {
            Configuration configuration = SessionConfiguration.with(configuration(questions)
                    .with("templateSha256", Fingerprint.ofText(prompt.text())).with("noAnswer", noAnswer).with("maxTokens", maxTokens),
                    session, options);
            ModelAnswers model = new ModelAnswers(session.scheduler(), session.model().tokenizer(), prompt, maxTokens);
            SquadEvaluation evaluation = SquadEvaluation.ofModel(questions, question -> model.answer(
                    Map.of("context", question.context(), "question", question.question()), Optional.of("context")), noAnswer);
            try (Journal<SquadRow> results = journal.open(configuration, SquadRow.class)) {
                EvaluationRun<SquadRow> run = EvaluationRun.of(evaluation, journal.shard(), results, progress);
                progress.end();
                report(run, configuration, 0, Optional.of(session));
            }
        }
    }

    private List<SquadQuestion> questions() {
        List<SquadQuestion> all = SquadFile.questions(data);
        return limit == null ? all : all.subList(0, Math.min(limit, all.size()));
    }

    private Configuration configuration(List<SquadQuestion> questions) {
        return SessionConfiguration.begin(KIND).with("data", String.valueOf(data.getFileName()))
                .with("dataSha256", Fingerprint.ofFile(data))
                .with("items", questions.size());
    }

    private void report(EvaluationRun<SquadRow> run, Configuration configuration, int missing, Optional<Session> session) {
        SquadFigures figures = SquadFigures.of(run.rows());
        Optional<AnswerFigures> answers = session.map(_ -> AnswerFigures.of(run.rows().stream().map(SquadRow::generated).toList()));
        if (output.json()) {
            Json.print(terminal, json -> {
                EvaluationReport.squad(json, figures);
                json.writeNumberField("missing", missing);
                if (session.isPresent()) {
                    EvaluationReport.answers(json, answers.orElseThrow());
                    session.get().writeJson(json);
                }
                EvaluationReport.run(json, configuration, journal, run);
            });
            return;
        }
        EvaluationReport.print(terminal, EvaluationReport.text(figures));
        if (output.remarks()) {
            answers.ifPresent(taken -> terminal.err().println(EvaluationReport.text(taken)));
            EvaluationReport.remarks(journal, run).forEach(terminal.err()::println);
            session.ifPresent(used -> terminal.err().println(used.description()));
        }
    }
}
