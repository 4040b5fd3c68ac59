package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;

/**
 * Σ_t weights[t] · value[t, i] over a page for one element i of a head, for every format of pages: neighbouring threads have neighbouring
 * elements. All pages take the same number of steps, which the compiler knows; tokens behind {@code end}, whose weight is 0, are read as
 * the last one before it, because what lies there need be no number.
 *
 * <p>A function runs once, or not at all where the page is of another format, as in {@link KeyDots}.
 */
final class ValueDots {

    private ValueDots() {
    }

    /** @param place of position 0 in the page for this head, in heads; {@code kvHeads} further for the next one */
    static float dotF32(float[] weights, FloatArray values, int place, int kvHeads, int headDim, int i, int end, int once) {
        float sum = 0f;
        for (int time = 0; time < once; time++) {
            for (int t = 0; t < Page.TOKENS; t++) {
                sum += weights[t] * values.get(at(place, t, kvHeads, end) * headDim + i);
            }
        }
        return sum;
    }

    static float dotF16(float[] weights, ShortArray halves, FloatArray decode, int place, int kvHeads, int headDim, int i, int end,
            int once) {
        float sum = 0f;
        for (int time = 0; time < once; time++) {
            for (int t = 0; t < Page.TOKENS; t++) {
                sum += weights[t] * Halves.get(halves, decode, at(place, t, kvHeads, end) * headDim + i);
            }
        }
        return sum;
    }

    static float dotQ8(float[] weights, ByteArray codes, FloatArray scales, int place, int kvHeads, int headDim, int i, int end,
            int once) {
        float sum = 0f;
        for (int time = 0; time < once; time++) {
            for (int t = 0; t < Page.TOKENS; t++) {
                int v = at(place, t, kvHeads, end);
                sum += weights[t] * scales.get(v) * codes.get(v * headDim + i);
            }
        }
        return sum;
    }

    static float dotQ4(float[] weights, ByteArray codes, FloatArray scales, int place, int kvHeads, int headDim, int i, int end,
            int once) {
        int half = headDim / 2;
        int isHigh = LaneDots.within(i - half, half, 1);
        float sum = 0f;
        for (int time = 0; time < once; time++) {
            for (int t = 0; t < Page.TOKENS; t++) {
                int v = at(place, t, kvHeads, end);
                int pair = codes.get(v * half + i - isHigh * half) >> 4 * isHigh;
                sum += weights[t] * scales.get(v) * QuantizedProjectionKernels.lowQuant(pair);
            }
        }
        return sum;
    }

    private static int at(int place, int t, int kvHeads, int end) {
        return place + TornadoMath.min(t, end - 1) * kvHeads;
    }
}
