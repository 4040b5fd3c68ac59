package io.chunkwise.tornado.kernels;

/**
 * Pages of the KV cache as kernels see them: the page table, [layers, pages], has an entry slot · 8 + format for every page that
 * was written. Pools are [slots, TOKENS, kvHeads, headDim] floats (keys and values apart), [slots, 2, TOKENS, kvHeads, headDim]
 * shorts for F16 and bytes for Q8, half as many for Q4, and [slots, 2, TOKENS, kvHeads] scales; of the 2, keys come first. Full pages
 * of one cache are all floats or all F16.
 */
public final class Page {
    /** Positions per page. */
    public static final int TOKENS = 16;
    public static final int FULL = 0;
    public static final int Q8 = 1;
    public static final int Q4 = 2;
    /** Nobody attends to the page; it has no slot. */
    public static final int EVICTED = 3;
    /** A full page whose elements are F16. */
    public static final int F16 = 4;
    /** Queries that are remembered for measurements: those of the newest positions, position p in place p modulo {@code PROBES}. */
    public static final int PROBES = 16;
    /** Floats per row and head in the array {@code softmax}. */
    public static final int SOFTMAX = 3;
    /** Entropy of the weights over ln(positions attended to), in [0, 1]. */
    public static final int ENTROPY = 0;
    /** The largest score. */
    public static final int LARGEST = 1;
    /** Σ e^(score − largest). */
    public static final int TOTAL = 2;

    private Page() {
    }

    public static int entry(int slot, int format) {
        return slot * 8 + format;
    }

    static int format(int entry) {
        return entry & 7;
    }

    /** 1 for a full page of F16, else 0. */
    static int isHalf(int entry) {
        return isIn(entry, F16);
    }

    /** 1 for a page of this format, else 0. */
    static int isIn(int entry, int format) {
        int is = 0;
        if (format(entry) == format) {
            is = 1;
        }
        return is;
    }

    /**
     * Where the keys (0) or values (1) of a full page begin in their pool, in heads.
     *
     * @param heads of all positions of a page
     */
    static int place(int entry, int isValue, int heads) {
        int place = slot(entry) * heads;
        if (format(entry) == F16) {
            place = (slot(entry) * 2 + isValue) * heads;
        }
        return place;
    }

    static int slot(int entry) {
        return entry >> 3;
    }
}
