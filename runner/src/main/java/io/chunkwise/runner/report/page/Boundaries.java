package io.chunkwise.runner.report.page;

import io.chunkwise.runner.report.page.Plot.Axis;
import io.chunkwise.runner.report.page.Plot.Unit;
import io.chunkwise.runner.report.results.Result;
import io.chunkwise.runner.report.results.Result.Chunk;
import io.chunkwise.runner.report.results.Result.Token;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;

/** What happens at the boundaries of chunks, over the positions of a text. */
final class Boundaries {
    /** More would be narrower than a pixel, and most of the page. */
    private static final int MOST_POSITIONS = 600;

    private Boundaries() {
    }

    static void write(Body body, List<Result> results) {
        body.section("boundaries", "Boundaries");
        List<Result.Trace> traces = Result.of(Result.Trace.class, results).stream()
                .filter(trace -> !trace.tokens().isEmpty()).toList();
        if (traces.isEmpty()) {
            body.missing("No traces.", "chunkwise generate … --policy adaptive --json > generation.json, chunkwise score … --json > "
                    + "score.json");
            return;
        }
        for (Result.Trace trace : traces) {
            int shown = Math.min(MOST_POSITIONS, trace.tokens().size());
            body.heading(trace.source().name() + ": " + Setting.model(trace.source()));
            body.paragraph("Policy " + trace.source().value("policy").orElse("unknown") + ", KV " + trace.source().value("kvPolicy")
                    .orElse("unknown")
                    + ": " + Figures.number(trace.meanComponents(), 2) + " active components per token and projection on average, "
                    + Figures.bytes(trace.kvBytesPeak()) + " in the KV cache at most (" + Figures.bytes(trace.kvBytesFull())
                    + " would be all in full), " + Figures.count(trace.chunks().size()) + " chunks in "
                    + Figures.count(trace.tokens().size())
                    + " tokens." + (shown < trace.tokens().size() ? " The plots show the first " + shown + " positions." : ""));
            List<Plot.Stretch> formats = formats(trace, shown);
            body.plots(List.of(
                    plot("Active components, and the KV format at the end (strip)", new Axis("active components", Unit.NUMBER), shown,
                            at -> trace.tokens().get(at).components(), formats),
                    plot("Percentile of the score among those of this text", new Axis("percentile", Unit.NUMBER), shown,
                            percentiles(trace.tokens())::applyAsDouble, List.of()),
                    plot("Cross-fade: how much of the way to the chunk's own rung a row has", new Axis("gain of the incoming rung",
                            Unit.NUMBER), shown, fades(trace)::applyAsDouble, List.of())));
            body.foldedTable("Chunks" + (shown < trace.tokens().size() ? " of the first " + shown + " positions" : ""),
                    List.of(">chunk", ">from", ">to", "band", "rung", ">components", "KV format"),
                    IntStream.range(0, trace.chunks().size()).filter(at -> trace.chunks().get(at).start() < shown).mapToObj(at -> {
                        Chunk chunk = trace.chunks().get(at);
                        return List.of(Integer.toString(at + 1), Long.toString(chunk.start()), Long.toString(chunk.end() - 1), chunk.band(),
                                chunk.rung(), Figures.number(chunk.meanComponents(), 2), chunk.kvFormat());
                    }).toList());
        }
    }

    private static Plot plot(String title, Axis y, int shown, IntToDoubleFunction value, List<Plot.Stretch> stretches) {
        List<Plot.Point> points = IntStream.range(0, shown).mapToObj(at -> new Plot.Point(at, value.applyAsDouble(at), Double.NaN, "", ""))
                .filter(Plot.Point::finite).toList();
        return Plot.positions(title, y, List.of(new Plot.Series(y.label(), true, false, points)), stretches);
    }

    /** Neighbours of one format are one stretch. */
    private static List<Plot.Stretch> formats(Result.Trace trace, int shown) {
        List<Plot.Stretch> stretches = new ArrayList<>();
        for (Chunk chunk : trace.chunks()) {
            long end = Math.min(shown, chunk.end());
            if (chunk.start() >= shown) {
                break;
            }
            if (!stretches.isEmpty() && stretches.getLast().name().equals(chunk.kvFormat())) {
                stretches.add(new Plot.Stretch(stretches.removeLast().start(), end, chunk.kvFormat()));
            } else {
                stretches.add(new Plot.Stretch(chunk.start(), end, chunk.kvFormat()));
            }
        }
        return stretches;
    }

    /** Of each token's score among all that are known: half of those that are equal count as smaller. */
    static IntToDoubleFunction percentiles(List<Token> tokens) {
        double[] known = tokens.stream().mapToDouble(Token::score).filter(Double::isFinite).sorted().toArray();
        return at -> {
            double score = tokens.get(at).score();
            return Double.isFinite(score) ? 50.0 * (below(known, score) + below(known, Math.nextUp(score))) / known.length : Double.NaN;
        };
    }

    private static int below(double[] sorted, double value) {
        int at = Arrays.binarySearch(sorted, value);
        if (at < 0) {
            return -at - 1;
        }
        while (at > 0 && sorted[at - 1] == value) {
            at--;
        }
        return at;
    }

    /**
     * Active components count by their gains, so a row's place between the rung before and its own is the gain of the components in which
     * the two differ. NaN where they do not differ, and in chunks that end before they have their rung.
     */
    static IntToDoubleFunction fades(Result.Trace trace) {
        double[] gains = new double[trace.tokens().size()];
        Arrays.fill(gains, Double.NaN);
        double before = Double.NaN;
        for (Chunk chunk : trace.chunks()) {
            double own = trace.tokens().get((int) chunk.end() - 1).components();
            boolean settled = chunk.end() - chunk.start() > 1 && trace.tokens().get((int) chunk.end() - 2).components() == own;
            if (settled && Double.isFinite(before) && before != own) {
                for (int at = (int) chunk.start(); at < chunk.end(); at++) {
                    gains[at] = (trace.tokens().get(at).components() - before) / (own - before);
                }
            }
            before = own;
        }
        return at -> gains[at];
    }
}
