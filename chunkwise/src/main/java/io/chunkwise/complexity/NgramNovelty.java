package io.chunkwise.complexity;

import java.util.Arrays;

/**
 * How new the text is: n(t) = decay · n(t − 1) + (1 − decay) · (share of the 1-, 2- and 3-grams that end at t and ended nowhere in the
 * {@code window} positions before), n before the first token is 1.
 *
 * <p>Range [0, 1]; 1 where nothing repeats. Cost: at most six operations on a hash table a token; memory for 3 · window n-grams, whatever
 * the length of the sequence. Known for position t itself, its token included.
 */
final class NgramNovelty implements Signal {
    private static final int LONGEST = 3;

    private final float decay;
    private final long[] ring; // [window, LONGEST] n-grams by the position that they end at
    private final int window;
    private final NgramCounts counts;
    private long gram; // the last tokens
    private float novelty;

    NgramNovelty(int window, double decay) {
        this.window = window;
        this.decay = (float) decay;
        ring = new long[window * LONGEST];
        counts = new NgramCounts(ring.length);
        reset();
    }

    @Override
    public float before(int position, int token) {
        gram = NgramCounts.extend(gram, token);
        int lengths = Math.min(position + 1, LONGEST);
        int slot = position % window * LONGEST;
        int unseen = 0;
        for (int n = 1; n <= lengths; n++) {
            long last = NgramCounts.last(gram, n);
            if (ring[slot + n - 1] != 0) {
                counts.remove(ring[slot + n - 1]);
            }
            if (counts.add(last)) {
                unseen++;
            }
            ring[slot + n - 1] = last;
        }
        novelty = decay * novelty + (1 - decay) * unseen / lengths;
        return novelty;
    }

    @Override
    public void after(int position, float nextTokenEntropy, float attentionEntropy) {
        // needs no statistics
    }

    @Override
    public void reset() {
        Arrays.fill(ring, 0);
        counts.clear();
        gram = 0;
        novelty = 1;
    }
}
