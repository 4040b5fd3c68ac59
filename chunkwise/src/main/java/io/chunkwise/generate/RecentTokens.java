package io.chunkwise.generate;

import java.util.Arrays;

/** The last tokens of a sequence, for the repetition penalty. */
final class RecentTokens {
    private final int window; // 0: keeps nothing; -1: keeps all
    private final int vocabSize;
    private int[] tokens = new int[64]; // a ring of the window's length, or all tokens
    private long seen;

    RecentTokens(int window, int vocabSize) {
        this.window = window;
        this.vocabSize = vocabSize;
        if (window > 0) {
            tokens = new int[window];
        }
    }

    int vocabSize() {
        return vocabSize;
    }

    void add(int id) {
        if (window == 0) {
            return;
        }
        if (window < 0 && seen == tokens.length) {
            tokens = Arrays.copyOf(tokens, tokens.length * 2);
        }
        tokens[(int) (seen % tokens.length)] = id;
        seen++;
    }

    /** Every token of the window once. */
    int[] distinct() {
        int kept = (int) Math.min(seen, window < 0 ? seen : window);
        return Arrays.stream(tokens, 0, kept).distinct().toArray();
    }
}
