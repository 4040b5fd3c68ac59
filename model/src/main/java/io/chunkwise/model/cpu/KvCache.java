package io.chunkwise.model.cpu;

import io.chunkwise.model.forward.ExecutorException;
import io.chunkwise.model.llama.LlamaConfig;

/**
 * Keys and values of every layer, F32, in pieces of {@link #PIECE} positions that are allocated when a position of theirs
 * is written first: a long context costs nothing until it is used.
 *
 * <p>A piece of keys is [kvHeads, headDim, PIECE]: positions are neighbours, so that a query meets many keys at once
 * whatever the head dimension is. A piece of values is [kvHeads, PIECE, valueStride]: elements of a head are neighbours,
 * padded with zeros.
 */
final class KvCache {
    /** Positions per piece; a multiple of every vector length. */
    static final int PIECE = 64;

    private final int kvHeads;
    private final int headDim;
    private final int valueStride;
    private final int contextLength;
    private final float[][][] keys; // [layer][piece][kvHeads, headDim, PIECE]
    private final float[][][] values; // [layer][piece][kvHeads, PIECE, valueStride]

    /** @param lanes floats that the value rows are padded to a multiple of */
    KvCache(LlamaConfig config, int contextLength, int lanes) {
        this.contextLength = contextLength;
        kvHeads = config.kvHeads();
        headDim = config.headDim();
        valueStride = (headDim + lanes - 1) / lanes * lanes;
        int pieces = (contextLength + PIECE - 1) / PIECE;
        keys = new float[config.layers()][pieces][];
        values = new float[config.layers()][pieces][];
    }

    /** [kvHeads, headDim, PIECE] */
    float[] keys(int layer, int piece) {
        return keys[layer][piece];
    }

    /** [kvHeads, PIECE, valueStride] */
    float[] values(int layer, int piece) {
        return values[layer][piece];
    }

    /** Floats between the values of two positions of a head: the head dimension, padded. */
    int valueStride() {
        return valueStride;
    }

    /** Makes room for positions below {@code end}. */
    void reserve(int end) {
        try {
            for (int piece = (end - 1) / PIECE; piece >= 0 && values[values.length - 1][piece] == null; piece--) {
                for (int layer = 0; layer < keys.length; layer++) {
                    keys[layer][piece] = new float[Math.multiplyExact(kvHeads * headDim, PIECE)];
                    values[layer][piece] = new float[Math.multiplyExact(kvHeads * valueStride, PIECE)];
                }
            }
        } catch (OutOfMemoryError full) {
            throw new ExecutorException("the KV cache cannot grow to " + end + " of " + contextLength
                    + " positions: the Java heap is full. Start Java with a larger -Xmx or use a shorter context.", full);
        }
    }

    /**
     * Stores rows at consecutive positions, for key/value heads [from, to).
     *
     * @param key   in [rows, kvDim]
     * @param value in [rows, kvDim]
     */
    void append(int layer, int position, int rows, float[] key, float[] value, int from, int to) {
        int kvDim = kvHeads * headDim;
        for (int row = 0; row < rows; row++) {
            float[] keyPiece = keys[layer][(position + row) / PIECE];
            float[] valuePiece = values[layer][(position + row) / PIECE];
            int slot = (position + row) % PIECE;
            for (int head = from; head < to; head++) {
                int at = row * kvDim + head * headDim;
                for (int i = 0; i < headDim; i++) {
                    keyPiece[(head * headDim + i) * PIECE + slot] = key[at + i];
                }
                System.arraycopy(value, at, valuePiece, (head * PIECE + slot) * valueStride, headDim);
            }
        }
    }
}
