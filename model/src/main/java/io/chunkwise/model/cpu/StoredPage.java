package io.chunkwise.model.cpu;

/** Keys and values of the positions of one page of one layer, in one format. */
sealed interface StoredPage permits FullPage, Q8Page, Q4Page {

    /** Of the arrays, padding included. */
    long bytes();

    /**
     * scores[p] = Σ_i query[i] · key[p, i], for all positions of the page
     *
     * @param query  in  [headDim] from {@code q}
     * @param scores out [TOKENS] from {@code s}
     */
    void score(int kvHead, float[] query, int q, float[] scores, int s);

    /**
     * sums[i] += Σ_p weights[p] · value[p, i], for positions [begin, end) of the page
     *
     * @param scratch in+out weights [TOKENS] from {@code w}, sums {@link PageShape#sums()} from {@code s}
     */
    void addValues(int kvHead, float[] scratch, int w, int begin, int end, int s);
}
