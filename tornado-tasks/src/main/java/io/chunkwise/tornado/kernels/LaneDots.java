package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;

/**
 * A lane's share of Σ_{i < count} weight[w + i] · in[i], for every number format: elements lane, lane + LANES, …, so that neighbouring
 * lanes read neighbouring weights, and the lanes of a block its one scale.
 */
final class LaneDots {
    private static final int LANES = ProjectionKernels.LANES;

    private LaneDots() {
    }

    /** A thread's lane. Not by a remainder: TornadoVM knows its sign, and fails to compile loops of which that makes it know that they do nothing. */
    static int laneOf(int thread) {
        return thread - thread / LANES * LANES;
    }

    /** {@code count} for {@code 0 <= o < outputs}, else 0: a loop of no iterations. */
    static int within(int o, int outputs, int count) {
        int some = count;
        if (o < 0) {
            some = 0;
        }
        if (o >= outputs) {
            some = 0;
        }
        return some;
    }

    static float dotNormedF32(FloatArray in, int x, FloatArray norm, int g, FloatArray weight, int w, int lane, int count) {
        float sum = 0f;
        for (int i = lane; i < count; i += LANES) {
            sum += weight.get(w + i) * (in.get(x + i) * norm.get(g + i));
        }
        return sum;
    }

    static float dotNormedF16(FloatArray in, int x, FloatArray norm, int g, ShortArray weight, FloatArray decode, int mantissaBits, int w, int lane, int count) {
        float sum = 0f;
        for (int i = lane; i < count; i += LANES) {
            sum += ProjectionKernels.decode(weight.get(w + i), decode, mantissaBits) * (in.get(x + i) * norm.get(g + i));
        }
        return sum;
    }

    static float dotNormedQ8(FloatArray in, int x, FloatArray norm, int g, ByteArray quants, FloatArray scales, int w, int lane, int count) {
        float sum = 0f;
        for (int i = lane; i < count; i += LANES) {
            sum += scales.get((w + i) / 32) * quants.get(w + i) * (in.get(x + i) * norm.get(g + i));
        }
        return sum;
    }

    static float dotNormedQ4(FloatArray in, int x, FloatArray norm, int g, ByteArray nibbles, FloatArray scales, int w, int lane, int count) {
        float sum = 0f;
        for (int i = lane; i < count; i += LANES) {
            sum += scales.get((w + i) / 32) * quantQ4(nibbles, w, i) * (in.get(x + i) * norm.get(g + i));
        }
        return sum;
    }

    static float dotF32(FloatArray in, int x, FloatArray weight, int w, int lane, int count) {
        float sum = 0f;
        for (int i = lane; i < count; i += LANES) {
            sum += weight.get(w + i) * in.get(x + i);
        }
        return sum;
    }

    static float dotF16(FloatArray in, int x, ShortArray weight, FloatArray decode, int mantissaBits, int w, int lane, int count) {
        float sum = 0f;
        for (int i = lane; i < count; i += LANES) {
            sum += ProjectionKernels.decode(weight.get(w + i), decode, mantissaBits) * in.get(x + i);
        }
        return sum;
    }

    static float dotQ8(FloatArray in, int x, ByteArray quants, FloatArray scales, int w, int lane, int count) {
        float sum = 0f;
        for (int i = lane; i < count; i += LANES) {
            sum += scales.get((w + i) / 32) * quants.get(w + i) * in.get(x + i);
        }
        return sum;
    }

    static float dotQ4(FloatArray in, int x, ByteArray nibbles, FloatArray scales, int w, int lane, int count) {
        float sum = 0f;
        for (int i = lane; i < count; i += LANES) {
            sum += scales.get((w + i) / 32) * quantQ4(nibbles, w, i) * in.get(x + i);
        }
        return sum;
    }

    private static float quantQ4(ByteArray nibbles, int w, int i) {
        int pair = nibbles.get((w + i) / 32 * 16 + i % 16);
        float quant = QuantizedProjectionKernels.lowQuant(pair);
        if (i % 32 >= 16) {
            quant = QuantizedProjectionKernels.highQuant(pair);
        }
        return quant;
    }
}
