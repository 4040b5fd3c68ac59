package io.chunkwise.model.cpu;

import io.chunkwise.model.kv.KvPage;

/**
 * The heads of a page. Keys are stored with positions as neighbours, so that a query meets many keys at once whatever the head
 * dimension is; values with elements as neighbours, padded to whole vectors.
 */
record PageShape(int kvHeads, int headDim) {

    /** Positions of a page. */
    static final int TOKENS = KvPage.TOKENS;

    /** Floats between the values of two positions of a head. */
    int floatStride() {
        return Lanes.roundUp(headDim);
    }

    /** Bytes between the Q8 values of two positions of a head. */
    int byteStride() {
        return Math.ceilDiv(headDim, Lanes.BYTES.length()) * Lanes.BYTES.length();
    }

    /** Bytes, of two elements each, between the Q4 values of two positions of a head. */
    int pairStride() {
        return Math.ceilDiv(headDim, 2 * Lanes.BYTES.length()) * Lanes.BYTES.length();
    }

    /** Floats that the sum of a head's values needs, whatever the formats of the pages are. */
    int sums() {
        return 2 * pairStride();
    }
}
