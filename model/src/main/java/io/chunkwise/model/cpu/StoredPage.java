package io.chunkwise.model.cpu;

import java.util.Arrays;

/** Keys and values of the positions of one page of one layer, in one format. */
sealed interface StoredPage permits WritablePage, Q8Page, Q4Page {

    /** Of the arrays, padding included. */
    long bytes();

    PageShape shape();

    /** @param keys out [headDim, TOKENS] from {@code at}: elements over the scale of their position, see {@link #scaleScores} */
    void readKeys(int kvHead, float[] keys, int at);

    /**
     * @param values out [TOKENS, floatStride] from {@code at}, {@link PageShape#sums()} floats from position to position: elements over
     *                   the scale of their position, see {@link #scaleWeights}
     */
    void readValues(int kvHead, float[] values, int at);

    /**
     * Makes scores of keys as read those of the keys themselves: scales are for a position and head, so that it is enough to apply them
     * to the sums.
     *
     * @param scores in+out [count, TOKENS] from {@code s}
     */
    default void scaleScores(int kvHead, float[] scores, int s, int count) {
    }

    /**
     * Makes weights for values themselves those for values as read.
     *
     * @param weights in+out [count, TOKENS] from {@code w}
     */
    default void scaleWeights(int kvHead, float[] weights, int w, int count) {
    }

    /**
     * scores[p] = Σ_i query[i] · key[p, i], for all positions of the page
     *
     * @param query  in  [headDim] from {@code q}
     * @param scores out [TOKENS] from {@code s}
     */
    default void score(int kvHead, float[] query, int q, float[] scores, int s) {
        float[] keys = new float[shape().headDim() * PageShape.TOKENS];
        readKeys(kvHead, keys, 0);
        PageKernels.score(keys, 0, shape().headDim(), query, q, scores, s);
        scaleScores(kvHead, scores, s, 1);
    }

    /**
     * sums[i] += Σ_p weights[p] · value[p, i], for positions [begin, end) of the page
     *
     * @param scratch in+out weights [TOKENS] from {@code w}, sums {@link PageShape#sums()} from {@code s}
     */
    default void addValues(int kvHead, float[] scratch, int w, int begin, int end, int s) {
        int row = shape().sums();
        float[] values = new float[row * PageShape.TOKENS];
        readValues(kvHead, values, 0);
        float[] weights = Arrays.copyOfRange(scratch, w, w + PageShape.TOKENS);
        scaleWeights(kvHead, weights, 0, 1);
        PageKernels.addValues(values, 0, row, shape().floatStride(), weights, 0, begin, end, scratch, s);
    }
}
