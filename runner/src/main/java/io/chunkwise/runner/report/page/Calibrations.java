package io.chunkwise.runner.report.page;

import io.chunkwise.runner.report.page.Plot.Axis;
import io.chunkwise.runner.report.page.Plot.Unit;
import io.chunkwise.runner.report.results.Result;
import io.chunkwise.runner.report.results.Result.Candidate;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/** What calibrations had to choose from, what they chose, and what came of it on other text. */
final class Calibrations {
    private Calibrations() {
    }

    static void write(Body body, List<Result> results) {
        body.section("calibrations", "Calibrations");
        List<Result.Calibration> calibrations = Result.of(Result.Calibration.class, results);
        if (calibrations.isEmpty()) {
            body.missing("No calibrations.", "chunkwise calibrate … --output policy.yaml --json > calibration.json");
            return;
        }
        body.hint("Increases of perplexity are over the whole adapter with a full KV cache.");
        for (Result.Calibration calibration : calibrations) {
            String policy = calibration.policy().isEmpty() ? "no policy was written" : Setting.fileName(calibration.policy());
            body.heading(calibration.source().value("model").isPresent() ? Setting.model(calibration.source()) + ": " + policy : policy);
            body.paragraph("Budget: " + budget(calibration) + ". " + (calibration.withinBudget() ? "It is kept" : "It is NOT kept")
                    + " on the held-out text.");
            List<Plot> plots = new ArrayList<>();
            plots.add(plot(calibration, "Candidates: increase of perplexity against components",
                    new Axis("mean active components per token and projection", Unit.NUMBER), Candidate::meanComponents,
                    calibration.measuredComponents(), calibration.maxComponents()));
            if (calibration.candidates().stream().mapToDouble(Candidate::kvBytes).filter(Double::isFinite).distinct().count() > 1) {
                plots.add(plot(calibration, "Candidates: increase of perplexity against KV bytes",
                        new Axis("bytes in the KV cache", Unit.BYTES), Candidate::kvBytes, Double.NaN, Double.NaN));
            }
            body.plots(plots);
            body.table("Predicted and measured", List.of("", ">increase of perplexity", ">components", ">KV bytes"), List.of(
                    List.of("predicted on the calibration text", Figures.change(calibration.predictedIncrease()),
                            Figures.number(calibration.predictedComponents(), 2), Figures.UNKNOWN),
                    List.of("measured on held-out text", Figures.change(calibration.measuredIncrease())
                            + error(calibration.heldOut().standardError()),
                            Figures.number(calibration.measuredComponents(), 2), Figures.bytes(calibration.kvBytes())
                            + (Double.isFinite(calibration.kvBytesFull()) ? "\nof " + Figures.bytes(calibration.kvBytesFull())
                            + " in full" : ""))));
            Result.HeldOut held = calibration.heldOut();
            body.table("Held-out text" + (held.text().isEmpty() ? "" : ": " + held.text()), List.of("", ">perplexity", ">nll", ">tokens"),
                    List.of(
                    List.of("with the policy", Figures.number(held.perplexity(), 4), Figures.number(held.nll(), 6), tokens(held)),
                    List.of("whole adapter, full KV cache", Figures.number(held.fullPerplexity(), 4), Figures.number(held.fullNll(), 6),
                            tokens(held))));
            body.table("Candidates", List.of("candidate", "KV", ">components", ">KV bytes", ">increase of perplexity", "chosen"),
                    calibration.candidates().stream().map(one -> List.of(one.name(), one.kvPolicy(), Figures.number(one.meanComponents(),
                            2), Figures.bytes(one.kvBytes()), Figures.change(one.increase()) + error(one.standardError()), one.chosen()
                                    ? "chosen" : "")).toList());
        }
    }

    private static String error(double fraction) {
        return Double.isFinite(fraction) ? " ± " + Figures.number(100 * fraction, 2) : "";
    }

    private static String budget(Result.Calibration calibration) {
        return Double.isFinite(calibration.maxIncrease()) ? "perplexity at most " + Figures.number(100 * calibration.maxIncrease(), 2)
                + " % higher"
                : Double.isFinite(calibration.maxComponents()) ? Figures.number(calibration.maxComponents(), 2)
                + " components at most on average"
                : "none";
    }

    private static String tokens(Result.HeldOut held) {
        return Double.isFinite(held.tokens()) ? Figures.count(Math.round(held.tokens())) : Figures.UNKNOWN;
    }

    private static Plot plot(Result.Calibration calibration, String title, Axis x, ToDoubleFunction<Candidate> cost, double measured,
            double maxCost) {
        Map<String, List<Plot.Point>> others = new LinkedHashMap<>();
        List<Plot.Point> chosen = new ArrayList<>();
        for (Candidate one : calibration.candidates()) {
            (one.chosen() ? chosen : others.computeIfAbsent((one.policyKind() + " candidates").strip(), key -> new ArrayList<>()))
                    .add(new Plot.Point(cost.applyAsDouble(one), one.increase(), one.standardError(), one.name(),
                    one.kvPolicy().isEmpty() ? "" : "KV " + one.kvPolicy()));
        }
        List<Plot.Series> series = new ArrayList<>();
        others.forEach((name, points) -> series.add(new Plot.Series(name, false, false, points)));
        series.add(new Plot.Series("chosen, as predicted", false, true, chosen));
        if (Double.isFinite(measured)) {
            series.add(new Plot.Series("chosen, on held-out text", false, true,
                    List.of(new Plot.Point(measured, calibration.measuredIncrease(), calibration.heldOut().standardError(), "held out",
                            ""))));
        }
        List<Plot.Rule> rules = new ArrayList<>();
        if (Double.isFinite(calibration.maxIncrease())) {
            rules.add(new Plot.Rule(false, calibration.maxIncrease(), "budget " + Figures.change(calibration.maxIncrease())));
        }
        if (Double.isFinite(maxCost)) {
            rules.add(new Plot.Rule(true, maxCost, "budget " + Figures.digits(maxCost)));
        }
        return Plot.points(title, x, new Axis("increase of perplexity", Unit.PERCENT), series, rules);
    }
}
