package io.chunkwise.model.kv;

/**
 * The unit in which the cache of a layer is allocated and changes its format: {@link #TOKENS} consecutive positions.
 *
 * @param page page n holds positions [n · TOKENS, (n + 1) · TOKENS)
 */
public record KvPage(int layer, int page) {
    /** Positions per page; a multiple of every vector length. */
    public static final int TOKENS = 16;

    public KvPage {
        if (layer < 0 || page < 0) {
            throw new IllegalArgumentException("page " + page + " of layer " + layer);
        }
    }

    /** Pages that hold positions below {@code end}. */
    public static int count(int end) {
        return Math.ceilDiv(end, TOKENS);
    }
}
