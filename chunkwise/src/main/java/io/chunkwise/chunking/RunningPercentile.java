package io.chunkwise.chunking;

import java.math.BigInteger;
import java.util.Arrays;
import java.util.List;

/**
 * Where a score stands among the latest ones. Scores in [0, 1] are rounded to {@value #LEVELS} levels, so that a window is a ring of levels
 * and their counts, whatever its length.
 */
final class RunningPercentile {
    private static final int LEVELS = 512;

    private final short[] ring;
    private final int[] counts = new int[LEVELS];
    private final int warmup;
    private final List<Double> expected;
    private long seen;

    /**
     * @param window   scores
     * @param warmup   scores without which those that are missing count as spread like the expected ones
     * @param expected quantiles of scores at even steps, ascending, at least two
     */
    RunningPercentile(int window, int warmup, List<Double> expected) {
        ring = new short[window];
        this.warmup = warmup;
        this.expected = expected;
    }

    /**
     * The percentile of a score among those before it, which it then joins: the share of lower ones and half of the equal ones.
     *
     * @return in [0, 100]
     */
    double add(double score) {
        int level = (int) Math.clamp(score * LEVELS, 0, LEVELS - 1);
        long known = Math.min(seen, ring.length);
        long assumed = Math.max(warmup - seen, known == 0 ? 1 : 0);
        double below = counts[level] * 0.5 + (assumed == 0 ? 0 : assumed * expectedShareBelow(score));
        for (int lower = 0; lower < level; lower++) {
            below += counts[lower];
        }
        int slot = (int) (seen % ring.length);
        if (seen >= ring.length) {
            counts[ring[slot]]--;
        }
        ring[slot] = (short) level;
        counts[level]++;
        seen++;
        return 100 * below / (known + assumed);
    }

    /** Linear between quantiles; in the middle of quantiles that are equal. */
    private double expectedShareBelow(double score) {
        int lower = 0;
        while (lower < expected.size() && expected.get(lower) < score) {
            lower++;
        }
        int upper = lower;
        while (upper < expected.size() && expected.get(upper) <= score) {
            upper++;
        }
        double steps = expected.size() - 1;
        if (upper > lower) {
            return (lower + upper - 1) / (2 * steps);
        }
        if (lower == 0 || lower == expected.size()) {
            return lower == 0 ? 0 : 1;
        }
        double low = expected.get(lower - 1);
        return (lower - 1 + (score - low) / (expected.get(lower) - low)) / steps;
    }

    void reset() {
        Arrays.fill(counts, 0);
        seen = 0;
    }

    /**
     * Scores that are taken to have gone before: spread evenly over these, as many as the window holds. They leave the window in a mixed
     * order, so that those that are left at any time are spread, too.
     *
     * @param ascending scores in [0, 1]
     */
    void seed(float[] ascending) {
        int count = Math.min(ascending.length, ring.length);
        int stride = Math.max(1, (int) (count * 0.382)); // the golden section: neighbours in time are far apart in value
        while (count > 0 && BigInteger.valueOf(stride).gcd(BigInteger.valueOf(count)).intValue() > 1) {
            stride++;
        }
        for (int i = 0; i < count; i++) {
            int place = (int) ((long) i * stride % count);
            add(ascending[(int) ((place + 0.5) * ascending.length / count)]);
        }
    }
}
