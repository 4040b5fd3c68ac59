package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Rows as sums of two halves, for {@link TensorProjection}: v = high + low with high = f16(v) and low = f16(v − high), which leaves
 * 2^-22 of v. A row is first divided by its largest element and multiplied by {@link #SPAN}, so that nothing overflows whatever its
 * values, and what small ones lose, since halves end at 2^-24, is at most 2^-39 of the largest.
 *
 * <p>A row has {@link #STEP} ints for every {@link #STEP} elements: pairs of neighbours' highs, the first in the lower half, then pairs of
 * their lows. Its components of a low-rank update follow as further elements, from a step of their own on. What lies behind the last
 * element of either is 0.
 */
final class SplitRows {
    /** Elements of a step, and its ints. */
    static final int STEP = 32;
    /** Threads of a row. */
    static final int THREADS = 256;
    /** What the largest element of a row becomes. */
    private static final float SPAN = 32768f;
    /** A row whose largest element is less is multiplied as if it were this. */
    private static final float LEAST = 1e-30f;
    private static final int HALF = 0xffff;

    private SplitRows() {
    }

    /** Elements of a row: inputs and components, each rounded up to whole steps. */
    static int depth(IntArray control, int inputs, int site) {
        return wholeSteps(inputs) + wholeSteps(TileProjection.rankOf(control, site));
    }

    /** {@code count}, rounded up to whole steps. */
    static int wholeSteps(int count) {
        return (count + STEP - 1) / STEP * STEP;
    }

    /**
     * A group of {@link TensorKernels#splitRows} or {@link TensorKernels#normAndSplitRows}.
     *
     * @param normed 1 if elements are multiplied by {@code norm}, and the row's factor by its inverse RMS; a constant, as is null for norm
     */
    static void split(KernelContext context, IntArray control, FloatArray in, int normed, FloatArray norm, FloatArray parts,
            IntArray adapter, IntArray split, FloatArray factors, int inputs, int site, int partCount, float epsilon) {
        int row = context.groupIdx;
        int thread = context.localIdx;
        if (row >= control.get(Control.ROWS)) {
            return;
        }
        int layer = control.get(Control.LAYER) * inputs;
        int base = wholeSteps(inputs);
        int depth = depth(control, inputs, site);
        int rank = 0;
        if (normed == 0) {
            rank = LowRankKernels.activeRank(control, adapter, site, row);
        }
        float[] largest = context.allocateFloatLocalArray(THREADS);
        float[] squares = context.allocateFloatLocalArray(THREADS);
        float most = LEAST;
        float sum = 0f;
        for (int i = thread; i < inputs; i += THREADS) {
            float value = in.get(row * inputs + i);
            sum += value * value;
            if (normed > 0) {
                value = value * norm.get(layer + i);
            }
            most = TornadoMath.max(most, TornadoMath.abs(value));
        }
        if (normed == 0) {
            for (int k = thread; k < rank; k += THREADS) {
                most = TornadoMath.max(most, TornadoMath.abs(LowRankKernels.sumOfParts(control, adapter, parts, row, k, partCount)));
            }
        }
        largest[thread] = most;
        squares[thread] = sum;
        for (int stride = THREADS / 2; stride > 0; stride /= 2) {
            context.localBarrier();
            if (thread < stride) {
                largest[thread] = TornadoMath.max(largest[thread], largest[thread + stride]);
                squares[thread] += squares[thread + stride];
            }
        }
        context.localBarrier();
        float scale = SPAN / largest[0];
        for (int i = 2 * thread; i < depth; i += 2 * THREADS) {
            float first = element(control, in, normed, norm, parts, adapter, row, layer, inputs, base, rank, partCount, i) * scale;
            float second = element(control, in, normed, norm, parts, adapter, row, layer, inputs, base, rank, partCount, i + 1) * scale;
            float firstHigh = high(first);
            float secondHigh = high(second);
            int step = i / STEP;
            int at = row * depth + step * STEP + (i - step * STEP) / 2;
            split.set(at, pair(firstHigh, secondHigh));
            split.set(at + STEP / 2, pair(first - firstHigh, second - secondHigh));
        }
        if (thread == 0) {
            float factor = largest[0] / SPAN;
            if (normed > 0) {
                factor = factor / TornadoMath.sqrt(squares[0] / inputs + epsilon);
            }
            factors.set(row, factor);
        }
    }

    /** The eleven leading bits of a float, rounded to nearest. No product is an operand of a difference: compilers would fuse the two. */
    static float high(float value) {
        float large = value * 8192f + value;
        float rest = large - value;
        return large - rest;
    }

    private static int pair(float first, float second) {
        return (Halves.of(first) & HALF) | (Halves.of(second) << 16);
    }

    private static float element(IntArray control, FloatArray in, int normed, FloatArray norm, FloatArray parts, IntArray adapter, int row,
            int layer, int inputs, int base, int rank, int partCount, int i) {
        float value = 0f;
        if (i < inputs) {
            value = in.get(row * inputs + i);
            if (normed > 0) {
                value = value * norm.get(layer + i);
            }
        }
        if (normed == 0) {
            if (LaneDots.within(i - base, rank, 1) > 0) {
                value = LowRankKernels.sumOfParts(control, adapter, parts, row, i - base, partCount);
            }
        }
        return value;
    }
}
