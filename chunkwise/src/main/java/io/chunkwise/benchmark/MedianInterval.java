package io.chunkwise.benchmark;

import java.util.Arrays;
import org.apache.commons.math3.distribution.BinomialDistribution;

/**
 * The median of repeated measurements, and how well it is known: the interval between two of the values that holds the median of what
 * was measured with a confidence of at least 95 %. It supposes that measurements are independent, and nothing of how they are
 * distributed: the number of values below the true median is that of heads among so many tosses of a coin (the sign test, inverted).
 *
 * @param low  NaN, as {@code high} is, where there are too few values: that takes {@link #FEWEST}
 */
public record MedianInterval(double low, double median, double high) {
    /** Values from which on there is an interval: the least and the largest of five hold the median with a confidence of 94 %. */
    public static final int FEWEST = 6;

    /** Of something that was not measured. */
    public static final MedianInterval UNKNOWN = new MedianInterval(Double.NaN, Double.NaN, Double.NaN);

    private static final double OUTSIDE = 0.025; // of either end, at most

    /** @param values at least one; not changed */
    public static MedianInterval of(double... values) {
        double median = Spread.of(values).median();
        if (values.length < FEWEST) {
            return new MedianInterval(Double.NaN, median, Double.NaN);
        }
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        BinomialDistribution below = new BinomialDistribution(null, sorted.length, 0.5);
        int beyond = 0; // values that lie outside, at either end
        while (below.cumulativeProbability(beyond) <= OUTSIDE) {
            beyond++;
        }
        return new MedianInterval(sorted[beyond - 1], median, sorted[sorted.length - beyond]);
    }

    /** Whether there were enough values. */
    public boolean isKnown() {
        return Double.isFinite(low);
    }
}
