package io.chunkwise.runner;

import io.chunkwise.evaluate.Configuration;
import io.chunkwise.evaluate.EvaluationRun;
import io.chunkwise.evaluate.Fingerprint;
import io.chunkwise.evaluate.Item;
import io.chunkwise.evaluate.batch.BatchFigures;
import io.chunkwise.evaluate.batch.BatchGeneration;
import io.chunkwise.evaluate.batch.BatchRow;
import io.chunkwise.evaluate.batch.Prompt;
import io.chunkwise.evaluate.batch.PromptFile;
import io.chunkwise.evaluate.journal.Journal;
import io.chunkwise.generate.GenerationRequest;
import io.chunkwise.generate.SamplingOptions;
import io.chunkwise.runner.options.JournalOptions;
import io.chunkwise.runner.report.Json;
import io.chunkwise.runner.terminal.Terminal;
import java.nio.file.Path;
import java.util.List;

/**
 * {@code generate --input}: texts of many prompts.
 *
 * @param request of prompts that say nothing else
 * @param options checked already
 * @param journal checked already, with a file
 */
record GenerateBatch(Path input, GenerationRequest request, Session.Options options, JournalOptions journal) {
    static final String KIND = "generate";

    /** @return the exit code */
    int run(Terminal terminal, Sessions sessions) {
        List<Item<Prompt>> prompts = PromptFile.read(input.toString(), TextSource.lines(input));
        try (ShownProgress progress = ShownProgress.of(terminal, options.output());
                Session session = sessions.open(options, terminal, progress)) {
            Configuration data = data(prompts);
            BatchGeneration generation = new BatchGeneration(prompts, request, session.scheduler(), session.model().tokenizer());
            try (Journal<BatchRow> results = journal.open(SessionConfiguration.with(data, session, options), BatchRow.class)) {
                EvaluationRun<BatchRow> run = EvaluationRun.of(generation, journal.shard(), results,
                        (_, done, total) -> progress.report("generating", done, total));
                progress.end();
                return report(terminal, session, run, data);
            }
        }
    }

    private Configuration data(List<Item<Prompt>> prompts) {
        SamplingOptions sampling = request.sampling();
        return SessionConfiguration.begin(KIND).with("input", String.valueOf(input.getFileName()))
                .with("inputSha256", Fingerprint.ofFile(input))
                .with("maxTokens", request.maxTokens()).with("stop", request.stopStrings()).with("ignoreEnd", request.ignoreEnd())
                .with("temperature", sampling.temperature()).with("topK", sampling.topK()).with("topP", sampling.topP())
                .with("minP", sampling.minP()).with("repetitionPenalty", sampling.repetitionPenalty())
                .with("penaltyWindow", sampling.penaltyWindow()).with("seed", sampling.seed()).with("items", prompts.size());
    }

    private int report(Terminal terminal, Session session, EvaluationRun<BatchRow> run, Configuration data) {
        BatchFigures figures = BatchFigures.of(run.rows());
        if (options.output().json()) {
            Json.print(terminal, json -> {
                EvaluationReport.batch(json, figures);
                session.writeJson(json);
                EvaluationReport.run(json, data, journal, run);
            });
        } else {
            EvaluationReport.print(terminal, EvaluationReport.text(figures));
            if (options.output().remarks()) {
                EvaluationReport.remarks(journal, run).forEach(terminal.err()::println);
                terminal.err().println(session.description());
            }
        }
        return EvaluationReport.failures(terminal, figures, journal.output().orElseThrow().toString());
    }
}
