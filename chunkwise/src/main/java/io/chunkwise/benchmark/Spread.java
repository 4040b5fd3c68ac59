package io.chunkwise.benchmark;

import java.util.Arrays;

/** Repeated measurements of one quantity. */
public record Spread(double min, double median, double max) {

    /** @param values at least one; not changed */
    public static Spread of(double... values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int middle = sorted.length / 2;
        double median = sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        return new Spread(sorted[0], median, sorted[sorted.length - 1]);
    }
}
