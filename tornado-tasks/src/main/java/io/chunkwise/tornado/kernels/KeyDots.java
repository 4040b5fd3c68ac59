package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;

/**
 * A lane's share of query · key, for every format of pages: element pairs (i, headDim / 2 + i), as Q4 keeps them, with i = lane, lane +
 * {@link #LANES}, …, so that neighbouring lanes read neighbouring elements. All lanes make the same number of steps, which the compiler
 * knows; those behind the last pair multiply the last one with 0.
 *
 * <p>A function runs once, or not at all where the key is of another format: a loop, because loops in branches are miscompiled.
 */
final class KeyDots {
    /** Threads that share a key. */
    static final int LANES = 8;

    private KeyDots() {
    }

    /** low[n], high[n]: the lane's pairs of a query's elements; 0 behind the last one. */
    static void load(float[] low, float[] high, FloatArray query, int at, int lane, int headDim) {
        int half = headDim / 2;
        for (int n = 0; n * LANES < half; n++) {
            int i = pair(n, lane, half);
            float inside = LaneDots.within(n * LANES + lane, half, 1);
            low[n] = query.get(at + i) * inside;
            high[n] = query.get(at + half + i) * inside;
        }
    }

    static float dotF32(float[] low, float[] high, FloatArray keys, int k, int lane, int headDim, int once) {
        int half = headDim / 2;
        float sum = 0f;
        for (int time = 0; time < once; time++) {
            for (int n = 0; n * LANES < half; n++) {
                int i = k + pair(n, lane, half);
                sum += low[n] * keys.get(i) + high[n] * keys.get(half + i);
            }
        }
        return sum;
    }

    static float dotF16(float[] low, float[] high, ShortArray halves, FloatArray decode, int k, int lane, int headDim, int once) {
        int half = headDim / 2;
        float sum = 0f;
        for (int time = 0; time < once; time++) {
            for (int n = 0; n * LANES < half; n++) {
                int i = k + pair(n, lane, half);
                sum += low[n] * Halves.get(halves, decode, i) + high[n] * Halves.get(halves, decode, half + i);
            }
        }
        return sum;
    }

    /** @param k counts keys, here and in the next one */
    static float dotQ8(float[] low, float[] high, ByteArray codes, FloatArray scales, int k, int lane, int headDim, int once) {
        int half = headDim / 2;
        float sum = 0f;
        for (int time = 0; time < once; time++) {
            float whole = 0f;
            for (int n = 0; n * LANES < half; n++) {
                int i = k * headDim + pair(n, lane, half);
                whole += low[n] * codes.get(i) + high[n] * codes.get(half + i);
            }
            sum += whole * scales.get(k);
        }
        return sum;
    }

    static float dotQ4(float[] low, float[] high, ByteArray codes, FloatArray scales, int k, int lane, int headDim, int once) {
        int half = headDim / 2;
        float sum = 0f;
        for (int time = 0; time < once; time++) {
            float whole = 0f;
            for (int n = 0; n * LANES < half; n++) {
                int both = codes.get(k * half + pair(n, lane, half));
                whole += low[n] * QuantizedProjectionKernels.lowQuant(both) + high[n] * QuantizedProjectionKernels.highQuant(both);
            }
            sum += whole * scales.get(k);
        }
        return sum;
    }

    private static int pair(int n, int lane, int half) {
        return TornadoMath.min(n * LANES + lane, half - 1);
    }
}
