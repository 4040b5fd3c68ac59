package io.chunkwise.runner.report.page;

import io.chunkwise.runner.report.page.Plot.Axis;
import io.chunkwise.runner.report.page.Plot.Unit;
import io.chunkwise.runner.report.results.Result;
import io.chunkwise.runner.report.results.Result.Quality;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;

/** Perplexity against what it costs: components, time, bytes. Only what was measured in one setting stands in one plot. */
final class TradeOffs {
    private static final String UNIFORM = "uniform ranks";
    private static final String KV = "KV policies";

    private TradeOffs() {
    }

    /** @param series what it is one of  @param label short */
    private record Measured(Setting setting, String place, String series, String label, Quality quality) {
    }

    static void write(Body body, List<Result> results) {
        body.section("trade-offs", "Trade-offs");
        List<Measured> all = measured(results);
        if (all.isEmpty()) {
            body.missing("No perplexities.", "chunkwise eval perplexity … --json > perplexity.json, chunkwise eval ablate … --json > "
                    + "ablation.json");
            return;
        }
        body.hint("Down and to the left is better. Perplexities compare within one setting alone: one model, adapter, text and cut "
                + "into windows. The base without adapter stands in the tables alone: it is far from all others. "
                + "Times are those of reading the text in passes of many tokens, so they are not the time that a written token takes.");
        all.stream().collect(Collectors.groupingBy(Measured::setting, LinkedHashMap::new, Collectors.toList()))
                .forEach((setting, points) -> setting(body, setting, points));
        perplexities(body, results);
    }

    private static void setting(Body body, Setting setting, List<Measured> points) {
        List<Plot> plots = new ArrayList<>();
        Axis perplexity = new Axis("perplexity", Unit.NUMBER);
        plots.add(plot("Perplexity against mean active components", new Axis("mean active components per token and projection",
                Unit.NUMBER),
                perplexity, points.stream().filter(point -> !point.series().equals(KV)).toList(), true, Quality::meanComponents));
        points.stream().collect(Collectors.groupingBy(Measured::place, LinkedHashMap::new, Collectors.toList()))
                .forEach((place, here) -> plots.add(plot("Perplexity against time, " + place, new Axis("ms per token", Unit.NUMBER),
                perplexity, here, false, Quality::msPerToken)));
        plots.add(plot("Perplexity against KV bytes", new Axis("most bytes in the KV cache", Unit.BYTES), perplexity, points,
                false, Quality::kvBytes));
        if (plots.stream().anyMatch(Plot::says)) {
            body.heading(setting.name());
            body.plots(plots);
        }
    }

    /** @param curve whether uniform ranks are one */
    private static Plot plot(String title, Axis x, Axis y, List<Measured> points, boolean curve, ToDoubleFunction<Quality> cost) {
        Map<String, List<Plot.Point>> series = new LinkedHashMap<>();
        points.stream().filter(point -> point.quality().meanComponents() != 0).forEach(point -> series.computeIfAbsent(point.series(),
                key -> new ArrayList<>()).add(
                new Plot.Point(cost.applyAsDouble(point.quality()), point.quality().perplexity(), Double.NaN, point.label(),
                        point.quality().policy() + ", KV " + point.quality().kvPolicy())));
        return Plot.points(title, x, y, series.entrySet().stream().map(entry -> new Plot.Series(entry.getKey(),
                curve && entry.getKey().startsWith(UNIFORM), false, entry.getValue()
                        .stream().sorted(Comparator.comparingDouble(Plot.Point::x)).toList())).toList(), List.of());
    }

    private static List<Measured> measured(List<Result> results) {
        List<Measured> all = new ArrayList<>();
        for (Result result : results) {
            switch (result) {
                case Result.Perplexity one -> all.add(new Measured(Setting.of(one), Setting.place(one.source()),
                        uniform(one.quality()) ? uniformSeries(one.quality()) : "other policies", label(one.quality()), one.quality()));
                case Result.Ablation many -> many.rows().forEach(row -> all.add(new Measured(Setting.of(many), Setting.place(many.source()),
                        switch (row.experiment()) {
                            case "rank" -> uniform(row.quality()) ? uniformSeries(row.quality()) : "adaptive rungs";
                            case "kv" -> KV;
                            case "fade" -> "cross-fade windows";
                            case String other -> other;
                        }, row.experiment().equals("fade") && !row.variant().startsWith("fade") ? "fade " + row.variant() : row.variant(),
                                row.quality())));
                case Result.Bench other -> { }
                case Result.Squad other -> { }
                case Result.Bleu other -> { }
                case Result.Calibration other -> { }
                case Result.Trace other -> { }
            }
        }
        return all;
    }

    private static boolean uniform(Quality quality) {
        return quality.policy().startsWith("uniform:");
    }

    /** Ranks of another kind of rung are another curve. */
    private static String uniformSeries(Quality quality) {
        return quality.policy().replaceFirst("^uniform:[^,]*", UNIFORM);
    }

    private static String label(Quality quality) {
        String policy = quality.policy().replaceFirst("^uniform:", "");
        return quality.kvPolicy().equals("full") ? policy : policy + ", KV " + quality.kvPolicy();
    }

    private static void perplexities(Body body, List<Result> results) {
        List<Result.Perplexity> single = Result.of(Result.Perplexity.class, results);
        if (!single.isEmpty()) {
            body.table("Perplexities", List.of("setting", "policy", "KV", ">components", ">perplexity", ">nll", ">KV bytes",
                    ">ms per token", "where"), single.stream().map(one -> {
                Quality quality = one.quality();
                return List.of(Setting.of(one).name(), quality.policy(), quality.kvPolicy(), Figures.number(quality.meanComponents(), 2),
                        Figures.number(quality.perplexity(), 4), Figures.number(quality.nll(), 6), Figures.bytes(quality.kvBytes()),
                        Figures.number(quality.msPerToken(), 3), Setting.place(one.source()));
            }).toList());
        }
    }
}
