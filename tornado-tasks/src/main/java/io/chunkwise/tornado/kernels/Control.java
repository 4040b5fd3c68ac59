package io.chunkwise.tornado.kernels;

/**
 * Slots of the control array: what changes from pass to pass, and therefore can't be an argument that the compiler sees.
 * Rows are interleaved: row r has its token at {@code TOKENS + ROW_STRIDE * r} and its number of leading active component
 * groups at {@code ACTIVE_GROUPS + ROW_STRIDE * r}.
 */
public final class Control {
    /** Rows of this pass (of this step, in the head); at least 1. */
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
    public static final int TOKENS = 8;
    public static final int ACTIVE_GROUPS = 9;
    public static final int ROW_STRIDE = 2;

    private Control() {
    }
}
