package io.chunkwise.chunking;

import java.util.Arrays;

/**
 * Where a score stands among the latest ones. Scores in [0, 1] are rounded to {@value #LEVELS} levels, so that a window is a ring of levels and
 * their counts, whatever its length.
 */
final class RunningPercentile {
    private static final int LEVELS = 512;

    private final short[] ring;
    private final int[] counts = new int[LEVELS];
    private final int warmup;
    private long seen;

    /**
     * @param window scores
     * @param warmup scores without which those that are missing count as spread evenly over [0, 1]
     */
    RunningPercentile(int window, int warmup) {
        ring = new short[window];
        this.warmup = warmup;
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
        double below = counts[level] * 0.5 + assumed * Math.clamp(score, 0, 1);
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

    void reset() {
        Arrays.fill(counts, 0);
        seen = 0;
    }
}
