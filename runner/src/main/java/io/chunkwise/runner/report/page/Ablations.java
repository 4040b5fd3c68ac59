package io.chunkwise.runner.report.page;

import io.chunkwise.runner.report.page.Plot.Axis;
import io.chunkwise.runner.report.page.Plot.Unit;
import io.chunkwise.runner.report.results.Result;
import io.chunkwise.runner.report.results.Result.Trial;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.stream.Collectors;

/** What each part of the method is worth: differences to a reference, with their standard errors. */
final class Ablations {
    private static final double BEYOND_NOISE = 2; // standard errors
    private static final String AT_UNIFORM = "to as many uniform components";

    private Ablations() {
    }

    static void write(Body body, List<Result> results) {
        body.section("ablations", "Ablations");
        List<Result.Ablation> ablations = Result.of(Result.Ablation.class, results);
        if (ablations.isEmpty()) {
            body.missing("No ablations.", "chunkwise eval ablate … --json > ablation.json");
            return;
        }
        body.hint("Differences are in nats per token, window by window, to the reference of each experiment: below 0 is better. ± and "
                + "whiskers are one standard error; a difference of less than two of them is noise.");
        for (Result.Ablation ablation : ablations) {
            body.heading(Setting.of(ablation).name() + "; " + Setting.place(ablation.source()));
            LinkedHashMap<String, List<Trial>> experiments = ablation.rows().stream()
                    .collect(Collectors.groupingBy(Trial::experiment, LinkedHashMap::new, Collectors.toList()));
            body.plots(experiments.entrySet().stream().map(entry -> bars(entry.getKey(), entry.getValue())).toList());
            experiments.forEach((experiment, rows) -> table(body, experiment, rows));
        }
    }

    private static Plot bars(String experiment, List<Trial> rows) {
        List<Plot.Point> differences = new ArrayList<>();
        List<Plot.Point> atUniform = new ArrayList<>();
        for (Trial row : rows) {
            String tip = "perplexity " + Figures.number(row.quality().perplexity(), 4) + ", "
                    + Figures.number(row.quality().meanComponents(), 2) + " components";
            differences.add(new Plot.Point(row.difference(), 0, row.standardError(), row.variant(), tip));
            // Caches compare with the full one; where the policy lies beside the curve says nothing of them.
            atUniform.add(new Plot.Point(experiment.equals("kv") ? Double.NaN : row.atUniform(), 0, row.atUniformError(), row.variant(),
                    tip));
        }
        List<String> references = rows.stream().map(Trial::reference).filter(name -> !name.isEmpty()).distinct().toList();
        return Plot.bars(title(experiment), new Axis("nats per token more than the reference", Unit.NUMBER),
                List.of(new Plot.Series("to " + (references.size() == 1 ? references.getFirst() : "the row's reference"), false, false,
                        differences), new Plot.Series(AT_UNIFORM, false, false, atUniform)));
    }

    private static void table(Body body, String experiment, List<Trial> rows) {
        List<String> columns = new ArrayList<>(List.of("variant", "policy", "KV", ">components", ">perplexity", ">nll",
                ">difference\nnats per token", "beyond noise", "reference", ">KV bytes\npeak", ">ms per token", ">windows", ">tokens"));
        boolean curve = rows.stream().anyMatch(row -> Double.isFinite(row.atUniform()));
        if (curve) {
            columns.addAll(9, List.of(">difference\n" + AT_UNIFORM, "beyond noise"));
        }
        body.table(title(experiment), columns, rows.stream().map(row -> {
            List<String> cells = cells(row);
            if (curve) {
                cells.addAll(9, List.of(difference(row.atUniform(), row.atUniformError()), beyondNoise(row.atUniform(),
                        row.atUniformError())));
            }
            return cells;
        }).toList());
    }

    private static List<String> cells(Trial row) {
        Result.Quality quality = row.quality();
        return new ArrayList<>(List.of(row.variant(), quality.policy(), quality.kvPolicy(), Figures.number(quality.meanComponents(), 2),
                Figures.number(quality.perplexity(), 4), Figures.number(quality.nll(), 6), difference(row.difference(),
                        row.standardError()),
                beyondNoise(row.difference(), row.standardError()), row.reference().isEmpty() ? "none" : row.reference(),
                Figures.bytes(quality.kvBytes()), Figures.number(quality.msPerToken(), 3), Figures.count(row.windows()),
                Figures.count(row.tokens())));
    }

    private static String difference(double nats, double error) {
        return Figures.signed(nats, 5) + (Double.isFinite(error) ? " ± " + Figures.number(error, 5) : "");
    }

    private static String beyondNoise(double nats, double error) {
        return !Double.isFinite(nats) || !Double.isFinite(error) ? Figures.UNKNOWN
                : Math.abs(nats) <= BEYOND_NOISE * error ? "no" : nats < 0 ? "better" : "worse";
    }

    private static String title(String experiment) {
        return switch (experiment) {
            case "signals" -> "Signals: each alone, each left out";
            case "fade" -> "Cross-fade windows";
            case "rank" -> "Uniform ranks and adaptive rungs";
            case "kv" -> "KV policies";
            case String other -> other;
        };
    }
}
