package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * A lane's share of Σ_{i < count} weight[w + i] · in[i], for the halves of low-rank updates: elements lane, lane + LANES, …, so that
 * neighbouring lanes read neighbouring weights, and the lanes of a block its one scale. Weights of the base are read in {@link LaneSteps}.
 */
final class LaneDots {
    private static final int LANES = ProjectionKernels.LANES;

    private LaneDots() {
    }

    /**
     * A thread's lane. Not by a remainder: TornadoVM knows its sign, and fails to compile loops of which that makes it know that they do
     * nothing.
     */
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

    /**
     * values[at + i · apart] for i < count, else 0. What is read does not depend on a condition, so that several are requested before one
     * is waited for.
     */
    static float inside(FloatArray values, int at, int apart, int i, int count) {
        float value = values.get(at + TornadoMath.min(i, count - 1) * apart);
        if (i >= count) {
            value = 0f;
        }
        return value;
    }

    static float dotNormedF32(FloatArray in, int x, FloatArray norm, int g, FloatArray weight, int w, int lane, int count) {
        float sum = 0f;
        for (int i = lane; i < count; i += LANES) {
            sum += weight.get(w + i) * (in.get(x + i) * norm.get(g + i));
        }
        return sum;
    }

    static float dotNormedQ8(FloatArray in, int x, FloatArray norm, int g, IntArray quants, FloatArray scales, int w, int lane, int count) {
        float sum = 0f;
        for (int i = lane; i < count / 4; i += LANES) {
            int bytes = quants.get(w / 4 + i);
            int at = (i >> 3) * 24 + i;
            float block = Eights.first(bytes) * (in.get(x + at) * norm.get(g + at));
            block += Eights.second(bytes) * (in.get(x + at + 8) * norm.get(g + at + 8));
            block += Eights.third(bytes) * (in.get(x + at + 16) * norm.get(g + at + 16));
            block += Eights.fourth(bytes) * (in.get(x + at + 24) * norm.get(g + at + 24));
            sum += scales.get(w / 32 + (i >> 3)) * Eights.BYTE * block;
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

    static float dotQ8(FloatArray in, int x, IntArray quants, FloatArray scales, int w, int lane, int count) {
        float sum = 0f;
        for (int i = lane; i < count / 4; i += LANES) {
            int bytes = quants.get(w / 4 + i);
            int at = x + (i >> 3) * 24 + i;
            float block = Eights.first(bytes) * in.get(at);
            block += Eights.second(bytes) * in.get(at + 8);
            block += Eights.third(bytes) * in.get(at + 16);
            block += Eights.fourth(bytes) * in.get(at + 24);
            sum += scales.get(w / 32 + (i >> 3)) * Eights.BYTE * block;
        }
        return sum;
    }
}
