package io.chunkwise.model.cpu;

/**
 * Queries that read a page together: of the heads that share their keys and values, in some neighbouring rows. Eights of them go
 * through a kernel at once, or fours, along the heads where there are enough, else along the rows.
 *
 * @param at      where the first query begins: row 0, head 0 of the block
 * @param rowStep floats from a query to that of the next row
 * @param end     positions that row 0 attends to end here; one later with every row
 * @param window  positions that a row attends to at most; 0: all before its end
 */
record QueryBlock(int kvHead, int heads, int rows, int headDim, int at, int rowStep, int end, int window) {
    private static final int ROWS = 8;

    /** How many rows go together, where so many heads do. */
    static int rowsTogether(int heads, int rows) {
        return heads >= 4 ? 1 : Math.min(ROWS, rows);
    }

    int count() {
        return heads * rows;
    }

    private boolean alongHeads() {
        return heads >= 4;
    }

    int row(int query) {
        return alongHeads() ? query / heads : query % rows;
    }

    int head(int query) {
        return alongHeads() ? query % heads : query / rows;
    }

    /** Where the query and its output begin. */
    int offset(int query) {
        return at + row(query) * rowStep + head(query) * headDim;
    }

    /** From a query to the next one of its four. */
    int step() {
        return alongHeads() ? headDim : rowStep;
    }

    /** Queries that are a step apart. */
    private int inner() {
        return alongHeads() ? heads : rows;
    }

    /** How many queries from this one on go through a kernel at once: eight, four or one. They are a step apart. */
    int together(int query) {
        int left = inner() - query % inner();
        return left >= PageKernels.EIGHT ? PageKernels.EIGHT : left >= PageKernels.FOUR ? PageKernels.FOUR : 1;
    }

    /** Whether all queries are in eights. */
    boolean isEights() {
        return inner() % PageKernels.EIGHT == 0;
    }

    int end(int query) {
        return end + row(query);
    }

    int first(int query) {
        return window == 0 ? 0 : Math.max(0, end(query) - window);
    }
}
