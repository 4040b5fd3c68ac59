package io.chunkwise.runner;

import com.fasterxml.jackson.core.JsonGenerator;
import io.chunkwise.evaluate.Configuration;
import io.chunkwise.evaluate.ablation.AblationFigures;
import io.chunkwise.evaluate.ablation.AblationRow;
import io.chunkwise.evaluate.ablation.Experiment;
import io.chunkwise.evaluate.perplexity.PairedDifference;
import io.chunkwise.runner.report.Json;
import io.chunkwise.runner.report.Quantities;
import io.chunkwise.runner.report.Table;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/** What {@code eval ablate} says of its figures; docs/json.md describes the JSON. */
final class AblationReport {
    private static final int DIGITS = 9; // behind the point

    private AblationReport() {
    }

    /** Everything above {@code items}. */
    static void json(JsonGenerator json, List<AblationRow> results, Configuration configuration) throws IOException {
        json.writeStringField("kind", EvalAblateCommand.KIND);
        AdapterSession.writeNames(json, configuration);
        json.writeNumberField("window", EvaluationReport.number(configuration, "window"));
        AdapterSession.writePlace(json, configuration);
        json.writeArrayFieldStart("rows");
        for (AblationFigures row : AblationFigures.of(results)) {
            json.writeStartObject();
            json.writeStringField("experiment", row.of().experiment());
            json.writeStringField("variant", row.of().variant());
            json.writeStringField("reference", row.of().reference());
            json.writeStringField("policy", row.of().policy());
            json.writeStringField("kvPolicy", row.of().kvPolicy());
            json.writeNumberField("windows", row.windows());
            json.writeNumberField("tokens", row.figures().scored());
            Json.number(json, "nll", row.figures().nll(), DIGITS);
            Json.number(json, "perplexity", row.figures().perplexity(), DIGITS);
            Json.number(json, "meanComponents", row.figures().meanComponents(), DIGITS);
            json.writeNumberField("kvBytes", row.figures().kvBytes());
            Json.number(json, "msPerToken", row.msPerToken(), 4);
            difference(json, "difference", "standardError", row.difference());
            difference(json, "atUniform", "atUniformError", row.atUniform());
            json.writeEndObject();
        }
        json.writeEndArray();
    }

    private static void difference(JsonGenerator json, String mean, String error, Optional<PairedDifference> difference)
            throws IOException {
        Json.number(json, mean, difference.map(PairedDifference::nats).orElse(Double.NaN), DIGITS);
        Json.number(json, error, difference.map(PairedDifference::standardError).orElse(Double.NaN), DIGITS);
    }

    /** A table per experiment. */
    static String text(List<AblationRow> results, int width) {
        List<AblationFigures> rows = AblationFigures.of(results);
        List<String> lines = new ArrayList<>();
        for (Experiment experiment : Experiment.values()) {
            List<AblationFigures> own = rows.stream().filter(row -> row.of().experiment().equals(experiment.word())).toList();
            if (!own.isEmpty()) {
                lines.add((lines.isEmpty() ? "" : "\n") + experiment.word() + ": " + experiment.title());
                lines.addAll(table(own).lines(width));
            }
        }
        long windows = rows.stream().mapToInt(AblationFigures::windows).max().orElseThrow();
        lines.add("\n" + (windows == 1 ? "1 window" : windows + " windows") + "; differences are in nats per token ± one standard error, "
                + "negative is better:");
        lines.add("difference: to the row that has none; among ranks to the uniform one of the same components");
        if (rows.stream().anyMatch(row -> row.atUniform().isPresent())) {
            lines.add("at uniform: to as many uniform components as it came to use, between those measured");
        }
        return lines.stream().collect(Collectors.joining("\n"));
    }

    /** The KV cache has a column where it is not the same in all rows, and comparisons where there are any. */
    private static Table table(List<AblationFigures> rows) {
        boolean caches = rows.stream().mapToLong(row -> row.figures().kvBytes()).distinct().count() > 1;
        boolean curve = rows.stream().anyMatch(row -> row.atUniform().isPresent());
        List<String> titles = new ArrayList<>(List.of("variant", ">perplexity", ">components", ">ms/token", ">difference"));
        if (caches) {
            titles.add(3, ">KV cache");
        }
        if (curve) {
            titles.add(">at uniform");
        }
        Table table = new Table(titles.toArray(String[]::new));
        for (AblationFigures row : rows) {
            List<String> cells = new ArrayList<>(List.of(row.of().variant(), String.format(Locale.ROOT, "%.3f", row.figures().perplexity()),
                    String.format(Locale.ROOT, "%.2f", row.figures().meanComponents()),
                    String.format(Locale.ROOT, "%.3f", row.msPerToken()),
                    shown(row.difference())));
            if (caches) {
                cells.add(3, Quantities.bytes(row.figures().kvBytes()));
            }
            if (curve) {
                cells.add(shown(row.atUniform()));
            }
            table.row(cells.toArray(String[]::new));
        }
        return table;
    }

    private static String shown(Optional<PairedDifference> difference) {
        return difference.map(found -> String.format(Locale.ROOT, "%+.4f", found.nats())
                + (Double.isFinite(found.standardError()) ? String.format(Locale.ROOT, " ± %.4f", found.standardError()) : "")).orElse("");
    }
}
