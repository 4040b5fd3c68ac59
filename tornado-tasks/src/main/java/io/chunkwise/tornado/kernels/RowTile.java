package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * Inputs of a row, a piece at a time, in memory of one thread: read and multiplied by the norm's weights once for all outputs of the
 * thread, and from there eight at a time, which drivers do not do with global memory.
 */
final class RowTile {
    /** The most elements of a piece; a multiple of 32. A constant, because memory of a thread has to be. */
    static final int SIZE = 1024;

    private RowTile() {
    }

    static void clear(float[] sums, int count) {
        for (int o = 0; o < count; o++) {
            sums[o] = 0f;
        }
    }

    /** tile[i] = in[x + i] */
    static void load(float[] tile, FloatArray in, int x, int count) {
        for (int i = 0; i < count; i++) {
            tile[i] = in.get(x + i);
        }
    }

    /** tile[i] += in[x + i] */
    static void add(float[] tile, FloatArray in, int x, int count) {
        for (int i = 0; i < count; i++) {
            tile[i] += in.get(x + i);
        }
    }

    /** out[y + o] = sums[o], added to what is there where {@code accumulate} isn't 0. */
    static void store(float[] sums, int count, FloatArray out, int y, int accumulate) {
        for (int o = 0; o < count; o++) {
            float sum = sums[o];
            if (accumulate != 0) {
                sum += out.get(y + o);
            }
            out.set(y + o, sum);
        }
    }

    /**
     * tile[i] = in[x + i] · norm[g + i]
     *
     * @return Σ in[x + i]²
     */
    static float loadNormed(float[] tile, FloatArray in, int x, FloatArray norm, int g, int count) {
        load(tile, in, x, count);
        // Not in the loop: each addition would wait for the one before.
        float squares = TileDots.squares(tile, count);
        for (int i = 0; i < count; i++) {
            tile[i] = tile[i] * norm.get(g + i);
        }
        return squares;
    }
}
