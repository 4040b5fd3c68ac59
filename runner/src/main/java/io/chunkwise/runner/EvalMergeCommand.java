package io.chunkwise.runner;

import com.fasterxml.jackson.core.JsonGenerator;
import io.chunkwise.evaluate.Configuration;
import io.chunkwise.evaluate.ablation.AblationRow;
import io.chunkwise.evaluate.batch.BatchFigures;
import io.chunkwise.evaluate.batch.BatchRow;
import io.chunkwise.evaluate.bleu.BleuFigures;
import io.chunkwise.evaluate.bleu.BleuRow;
import io.chunkwise.evaluate.journal.Journal;
import io.chunkwise.evaluate.perplexity.PerplexityFigures;
import io.chunkwise.evaluate.perplexity.PerplexityRow;
import io.chunkwise.evaluate.squad.SquadFigures;
import io.chunkwise.evaluate.squad.SquadRow;
import io.chunkwise.model.format.FormatException;
import io.chunkwise.runner.options.OutputOptions;
import io.chunkwise.runner.report.Json;
import io.chunkwise.runner.terminal.Terminal;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** Figures of results that are there already, from one file or from the files of all shards. */
@Command(name = "merge", description = "Makes figures of result files: of one, or of those of all shards together.", sortOptions = false,
        customSynopsis = "chunkwise eval merge FILE... [options]",
        parameterListHeading = "%nParameters:%n", optionListHeading = "%nOptions:%n", footerHeading = "%n",
        footer = {
            "All results must be of one configuration; the device alone may differ from shard to shard.",
            "",
            "JSON: the figures of the evaluation that wrote them, configuration, items, evaluated, missing:",
            "docs/json.md."
        })
final class EvalMergeCommand implements Callable<Integer> {
    private final Terminal terminal;

    @Parameters(arity = "1..*", paramLabel = "FILE", description = "Files that --output wrote.")
    private List<Path> files;

    @Mixin
    private OutputOptions output;

    EvalMergeCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() {
        String kind = Journal.configuration(files.getFirst()).value("kind").orElse("none");
        switch (kind) {
            case EvalPerplexityCommand.KIND -> report(PerplexityRow.class, (rows, configuration) -> {
                PerplexityFigures figures = PerplexityFigures.of(rows);
                return new Report(json -> EvaluationReport.perplexity(json, figures, configuration, rows.size()),
                        EvaluationReport.text(figures, rows.size()));
            });
            case EvalSquadCommand.KIND -> report(SquadRow.class, (rows, _) -> {
                SquadFigures figures = SquadFigures.of(rows);
                return new Report(json -> EvaluationReport.squad(json, figures), EvaluationReport.text(figures));
            });
            case EvalBleuCommand.KIND -> report(BleuRow.class, (rows, configuration) -> {
                BleuFigures figures = BleuFigures.of(rows);
                String signature = EvaluationReport.text(configuration, "signature");
                String chrfSignature = EvaluationReport.text(configuration, "chrf2Signature");
                return new Report(json -> EvaluationReport.bleu(json, figures, signature, chrfSignature),
                        EvaluationReport.text(figures, signature, chrfSignature));
            });
            case EvalAblateCommand.KIND -> report(AblationRow.class, (rows, configuration) -> new Report(
                    json -> AblationReport.json(json, rows, configuration), AblationReport.text(rows, terminal.width())));
            case GenerateBatch.KIND -> {
                return ofBatch();
            }
            default -> throw new FormatException(files.getFirst().toString(), "holds results of the kind '" + kind
                    + "', expected perplexity, squad, bleu, ablation or generate");
        }
        return 0;
    }

    private int ofBatch() {
        List<BatchRow> reported = report(BatchRow.class, (rows, _) -> {
            BatchFigures figures = BatchFigures.of(rows);
            return new Report(json -> EvaluationReport.batch(json, figures), EvaluationReport.text(figures));
        });
        return EvaluationReport.failures(terminal, BatchFigures.of(reported),
                files.size() == 1 ? files.getFirst().toString() : "the files");
    }

    private record Report(Json.Fields json, String text) {
    }

    @FunctionalInterface
    private interface Reporting<R> {
        Report of(List<R> rows, Configuration configuration);
    }

    /** @return the results */
    private <R> List<R> report(Class<R> type, Reporting<R> reporting) {
        Journal.Merged<R> merged = Journal.merge(files, type);
        List<R> rows = List.copyOf(merged.rows().values());
        long items = EvaluationReport.number(merged.configuration(), "items");
        Report report = reporting.of(rows, merged.configuration());
        if (output.json()) {
            Json.print(terminal, json -> {
                report.json().write(json);
                json.writeNumberField("items", items);
                json.writeNumberField("evaluated", rows.size());
                json.writeNumberField("missing", items - rows.size());
                write(json, merged.configuration());
            });
            return rows;
        }
        EvaluationReport.print(terminal, report.text());
        if (rows.size() < items && !output.quiet()) {
            terminal.err().println("warning: " + (items - rows.size()) + " of " + items + " results are missing");
        }
        return rows;
    }

    private static void write(JsonGenerator json, Configuration configuration) throws IOException {
        json.writeFieldName("configuration");
        json.writeRawValue(configuration.json().toString());
    }
}
