package io.chunkwise.benchmark;

import java.util.Arrays;

/**
 * Repeated measurements of one quantity.
 *
 * @param deviation standard deviation of a sample (n − 1); 0 where there is only one value
 */
public record Spread(double mean, double deviation, double min, double median, double max) {

    /** @param values at least one; not changed */
    public static Spread of(double... values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int middle = sorted.length / 2;
        double median = sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        double mean = Arrays.stream(sorted).average().getAsDouble();
        double squares = Arrays.stream(sorted).map(value -> (value - mean) * (value - mean)).sum();
        return new Spread(mean, sorted.length == 1 ? 0 : Math.sqrt(squares / (sorted.length - 1)), sorted[0], median,
                sorted[sorted.length - 1]);
    }
}
