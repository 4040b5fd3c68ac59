package io.chunkwise.complexity;

/** One sign of complexity, in [0, 1]: streaming and causal, in constant memory. */
sealed interface Signal permits AttentionEntropy, NextTokenEntropy, NgramNovelty, PositionalPrior {

    /**
     * The value for a row that has not run yet. Asked once for every position, in order from 0.
     *
     * @param token of the row, which is known
     */
    float before(int position, int token);

    /**
     * Hears of a row that has run, in order from 0.
     *
     * @param nextTokenEntropy {@link io.chunkwise.model.forward.RowStatistics#nextTokenEntropy()}
     * @param attentionEntropy {@link io.chunkwise.model.forward.RowStatistics#attentionEntropy()}
     */
    void after(int position, float nextTokenEntropy, float attentionEntropy);

    /** A new sequence begins. */
    void reset();
}
