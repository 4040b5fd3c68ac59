package io.chunkwise.ladder;

/**
 * How much a row gains from more of an adapter's components, by the token that it reads: a table made on a sample of the adapter's text
 * (the learned mapping that arXiv:2601.21109 leaves open; see {@code io.chunkwise.calibrate}). It belongs to one ladder and one vocabulary.
 *
 * @param table   [vocabulary] by token id, in [0, 1]: the share of the sample's tokens that gain as much or less; 1 gains most
 * @param history [n] ascending, in [0, 1]: quantiles of smoothed benefits in the sample, against which a sequence's first tokens are
 *                compared
 */
public record TokenBenefit(float[] table, float[] history) {
    static final int LONGEST_HISTORY = 65_536;

    /** @throws IllegalArgumentException if a value is not in [0, 1], the history does not ascend, or either is empty */
    public TokenBenefit {
        require(table.length > 0, "a table of token benefits for no token");
        require(history.length > 0 && history.length <= LONGEST_HISTORY,
                "a history of " + history.length + " benefits, expected 1 to " + LONGEST_HISTORY);
        for (int id = 0; id < table.length; id++) {
            require(table[id] >= 0 && table[id] <= 1, "the benefit of token " + id + " is " + table[id] + ", not in [0, 1]");
        }
        float before = 0;
        for (float benefit : history) {
            require(benefit >= before && benefit <= 1,
                    "benefit " + benefit + " after " + before + " in the history, expected it to ascend within [0, 1]");
            before = benefit;
        }
    }

    /** Token ids that it knows. */
    public int vocabSize() {
        return table.length;
    }

    /** Of a row that reads this token, in [0, 1]. */
    public float of(int token) {
        return table[token];
    }

    private static void require(boolean condition, String problem) {
        if (!condition) {
            throw new IllegalArgumentException(problem);
        }
    }
}
