package io.chunkwise.runner.report.page;

import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * A plot as data. What is not finite is left out.
 *
 * @param rules     lines across it, such as a budget
 * @param stretches what holds over positions, drawn as a strip; of {@link Shape#POSITIONS} only
 */
record Plot(String title, Shape shape, Axis x, Axis y, List<Series> series, List<Rule> rules, List<Stretch> stretches) {

    Plot {
        series = series.stream().filter(one -> one.points().stream().anyMatch(Point::finite)).toList();
    }

    enum Shape {
        /** Points by two numbers. */
        POINTS,
        /** A horizontal bar per label and series, as long as {@code x}. */
        BARS,
        /** Lines over the tokens of a text. */
        POSITIONS
    }

    /** How numbers of an axis are written. */
    enum Unit {
        NUMBER, BYTES, PERCENT
    }

    record Axis(String label, Unit unit) {
    }

    /**
     * @param joined whether a line goes through its points
     * @param marked whether its points shall stand out
     */
    record Series(String name, boolean joined, boolean marked, List<Point> points) {
    }

    /**
     * @param error of what a plot compares ({@code y} of points, {@code x} of bars), to both sides; NaN for none
     * @param label beside the point or bar
     * @param tip   what pointing at it shows besides
     */
    record Point(double x, double y, double error, String label, String tip) {
        boolean finite() {
            return Double.isFinite(x) && Double.isFinite(y);
        }
    }

    record Rule(boolean vertical, double at, String label) {
    }

    /** Positions {@code [start, end)}. */
    record Stretch(long start, long end, String name) {
    }

    static Plot points(String title, Axis x, Axis y, List<Series> series, List<Rule> rules) {
        return new Plot(title, Shape.POINTS, x, y, series, rules, List.of());
    }

    static Plot bars(String title, Axis x, List<Series> series) {
        return new Plot(title, Shape.BARS, x, new Axis("", Unit.NUMBER), series, List.of(), List.of());
    }

    static Plot positions(String title, Axis y, List<Series> series, List<Stretch> stretches) {
        return new Plot(title, Shape.POSITIONS, new Axis("position in tokens", Unit.NUMBER), y, series, List.of(), stretches);
    }

    /** Of all bars that there are, in the order of the rows that they come from. */
    List<String> labels() {
        Set<String> drawn = series.stream().flatMap(one -> one.points().stream()).filter(Point::finite).map(Point::label)
                .collect(Collectors.toSet());
        return series.stream().flatMap(one -> one.points().stream()).map(Point::label).filter(drawn::contains).distinct().toList();
    }

    /** Whether there is something to compare: two points that differ, or a bar. */
    boolean says() {
        long different = series.stream().flatMap(one -> one.points().stream()).filter(Point::finite)
                .map(point -> List.of(point.x(), shape == Shape.BARS ? point.label() : point.y())).distinct().count();
        return different > (shape == Shape.BARS ? 0 : 1);
    }
}
