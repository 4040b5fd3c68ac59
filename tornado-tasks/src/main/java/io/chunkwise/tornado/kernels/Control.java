package io.chunkwise.tornado.kernels;

/**
 * Slots of the control array: what changes from pass to pass, and therefore can't be an argument that the compiler sees.
 * Rows are interleaved: row r has its token at {@code TOKENS + ROW_STRIDE * r} and its number of leading active component
 * groups at {@code ACTIVE_GROUPS + ROW_STRIDE * r}.
 */
public final class Control {
    /** Rows of this pass (of this step, in the head; probes, in a measurement); at least 1. */
    public static final int ROWS = 0;
    /** Position of row 0. */
    public static final int POSITION = 1;
    /** Layer that the layer graph runs as. */
    public static final int LAYER = 2;
    /** Component groups per row in the gain array. */
    public static final int GROUPS = 3;
    /** First row that the head reads; 0 elsewhere. */
    public static final int FIRST_ROW = 4;
    /** How many of the largest logits are wanted. */
    public static final int TOP = 5;
    /** The most components of the adapter that any row of the pass uses at any site. */
    public static final int ACTIVE_RANK = 6;
    /** Layer whose attention is described in the array {@code softmax}; -1 for none. */
    public static final int PROBE_LAYER = 7;
    /** Entries of the job list, see {@link Jobs}. */
    public static final int JOBS = 8;
    /** Pages per layer in the page table. */
    public static final int PAGES = 9;
    /** Positions that a row may see, itself included; 0: all. */
    public static final int WINDOW = 10;
    /** Positions by which keys are turned back. */
    public static final int SHIFT = 11;
    public static final int TOKENS = 12;
    public static final int ACTIVE_GROUPS = 13;
    public static final int ROW_STRIDE = 2;

    private Control() {
    }
}
