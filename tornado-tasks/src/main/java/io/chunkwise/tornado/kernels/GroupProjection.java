package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;

/**
 * Projections of few rows in grouped form, for any {@link WeightFormat}: a group of {@link ProjectionKernels#THREADS} threads computes
 * {@link ProjectionKernels#GROUP_OUTPUTS} outputs of a row, {@link ProjectionKernels#LANES} lanes each. The row's inputs are in local
 * memory, {@link #STAGED} at a time, and lanes walk through them in {@link LaneSteps}; what is behind the last input is 0.
 *
 * <p>A group without outputs goes through it with no inputs, and stores nothing: where kernels return before a barrier, or where the thread
 * that stores a sum is known to be one that has added to it, PoCL compiles them wrongly.
 */
final class GroupProjection {
    private static final int LANES = ProjectionKernels.LANES;
    private static final int THREADS = ProjectionKernels.THREADS;
    private static final int OUTPUTS = ProjectionKernels.GROUP_OUTPUTS;
    private static final int STEP = LaneSteps.STEP;
    private static final int BLOCK = LowRankKernels.BLOCK;
    /** Inputs in local memory at a time: a multiple of a step, and of eight for each thread, which requests as many before it waits. */
    private static final int STAGED = 4096;

    private GroupProjection() {
    }

    /** A group of {@link ProjectionKernels#projectRowsGrouped}. */
    static void project(KernelContext context, IntArray control, FloatArray in, int format, FloatArray floats, ShortArray halves,
            HalfFloatArray natives, IntArray quants, int mantissaBits, FloatArray parts, IntArray adapter, IntArray upCodes,
            FloatArray upFloats, FloatArray out, int inputs, int outputs, int layerStride, int accumulate, int site, int partCount,
            int rank) {
        int rows = control.get(Control.ROWS);
        int thread = context.localIdx;
        int index = context.groupIdx;
        int divisor = LowRankKernels.rowsDivisor(control);
        int chunk = index / divisor;
        int row = index - chunk * divisor;
        int first = chunk * OUTPUTS;
        int end = LowRankKernels.unknown(control, outputs);
        int lane = LaneDots.laneOf(thread);
        int o = first + thread / LANES;
        int w = control.get(Control.LAYER) * layerStride + TornadoMath.min(o, end - 1) * inputs;
        int width = LaneDots.within(first, LaneDots.within(0, rows, end), inputs);
        float[] staged = context.allocateFloatLocalArray(STAGED / BLOCK * LaneSteps.pitch(format));
        float[] partial = context.allocateFloatLocalArray(THREADS);
        float[] components = context.allocateFloatLocalArray(rank);
        int activeRank = LowRankKernels.activeRank(control, adapter, site, row);
        for (int k = thread; k < activeRank; k += THREADS) {
            components[k] = LowRankKernels.sumOfParts(control, adapter, parts, row, k, partCount);
        }
        int gap = LaneSteps.pitch(format) - BLOCK;
        int next = THREADS + THREADS / BLOCK * gap;
        int from = LaneSteps.first(format, lane);
        int apart = LaneSteps.apart(format);
        int odd = LaneSteps.odd(format);
        int behind = 8 * LaneSteps.pitch(format);
        float mine = 0f;
        for (int t = 0; t < width; t += STAGED) {
            int count = TornadoMath.min(width - t, STAGED);
            int steps = (count + STEP - 1) / STEP * STEP;
            context.localBarrier();
            for (int i = thread; i < steps; i += 8 * THREADS) {
                float v0 = LaneDots.inside(in, row * inputs + t, 1, i, count);
                float v1 = LaneDots.inside(in, row * inputs + t, 1, i + THREADS, count);
                float v2 = LaneDots.inside(in, row * inputs + t, 1, i + 2 * THREADS, count);
                float v3 = LaneDots.inside(in, row * inputs + t, 1, i + 3 * THREADS, count);
                float v4 = LaneDots.inside(in, row * inputs + t, 1, i + 4 * THREADS, count);
                float v5 = LaneDots.inside(in, row * inputs + t, 1, i + 5 * THREADS, count);
                float v6 = LaneDots.inside(in, row * inputs + t, 1, i + 6 * THREADS, count);
                float v7 = LaneDots.inside(in, row * inputs + t, 1, i + 7 * THREADS, count);
                int j = i + (i >> 5) * gap;
                staged[j] = v0;
                staged[j + next] = v1;
                staged[j + 2 * next] = v2;
                staged[j + 3 * next] = v3;
                staged[j + 4 * next] = v4;
                staged[j + 5 * next] = v5;
                staged[j + 6 * next] = v6;
                staged[j + 7 * next] = v7;
            }
            context.localBarrier();
            for (int at = 0; at < steps; at += STEP) {
                int p = at + (at >> 5) * gap + from;
                int q = p + odd;
                int r = p + behind;
                int s = r + odd;
                float x0 = staged[p];
                float x1 = staged[p + apart];
                float x2 = staged[p + 2 * apart];
                float x3 = staged[p + 3 * apart];
                float x4 = staged[q];
                float x5 = staged[q + apart];
                float x6 = staged[q + 2 * apart];
                float x7 = staged[q + 3 * apart];
                float x8 = staged[r];
                float x9 = staged[r + apart];
                float x10 = staged[r + 2 * apart];
                float x11 = staged[r + 3 * apart];
                float x12 = staged[s];
                float x13 = staged[s + apart];
                float x14 = staged[s + 2 * apart];
                float x15 = staged[s + 3 * apart];
                mine += LaneSteps.sum(format, floats, halves, natives, quants, mantissaBits, w + t, at, count - 1, lane, x0, x1, x2, x3,
                        x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15);
            }
        }
        int used = LaneDots.within(o, end, activeRank);
        int up = LowRankKernels.upAt(control, adapter, site, o);
        for (int k = lane; k < used; k += LANES) {
            mine += components[k] * LowRankKernels.element(adapter, upCodes, upFloats, up + k * LowRankKernels.BLOCK);
        }
        partial[thread] = mine;
        for (int stride = LANES / 2; stride > 0; stride /= 2) {
            context.localBarrier();
            if (lane < stride) {
                partial[thread] += partial[thread + stride];
            }
        }
        context.localBarrier();
        if (thread < OUTPUTS) {
            TileProjection.store(partial[thread * LANES], out, row, rows, first + thread, end, accumulate);
        }
    }

    /** A group of {@link ProjectionKernels#normAndProjectRowsGrouped}. */
    static void normAndProject(KernelContext context, IntArray control, FloatArray in, FloatArray norm, FloatArray gains, IntArray adapter,
            IntArray downCodes, FloatArray downFloats, int format, int mantissaBits, FloatArray floatsA, ShortArray halvesA,
            HalfFloatArray nativesA, IntArray quantsA, FloatArray floatsB, ShortArray halvesB, HalfFloatArray nativesB, IntArray quantsB,
            FloatArray floatsC, ShortArray halvesC, HalfFloatArray nativesC, IntArray quantsC, FloatArray out, FloatArray hidden,
            int inputs, int outputsA, int outputsB, int weights, float epsilon) {
        int rows = control.get(Control.ROWS);
        int layer = control.get(Control.LAYER);
        int outputsC = (weights - 2) * outputsB;
        int total = outputsA + outputsB + outputsC;
        int stacked = LowRankKernels.stacked(control, outputsA, outputsB, weights);
        int thread = context.localIdx;
        int index = context.groupIdx;
        int divisor = LowRankKernels.rowsDivisor(control);
        int chunk = index / divisor;
        int row = index - chunk * divisor;
        int first = chunk * OUTPUTS;
        int lane = LaneDots.laneOf(thread);
        int x = row * inputs;
        int g = layer * inputs;
        int o = first + thread / LANES;
        int b = o - outputsA;
        int c = b - outputsB;
        int d = o - total;
        int inA = LaneDots.within(o, outputsA, 1);
        int inB = LaneDots.within(b, outputsB, 1);
        int inC = LaneDots.within(c, outputsC, 1);
        int wA = (layer * outputsA + o) * inputs;
        int wB = (layer * outputsB + b) * inputs;
        int wC = (layer * outputsC + c) * inputs;
        int width = LaneDots.within(first, LaneDots.within(0, rows, stacked), inputs);
        float[] staged = context.allocateFloatLocalArray(STAGED / BLOCK * LaneSteps.pitch(format));
        float[] partial = context.allocateFloatLocalArray(THREADS);
        int gap = LaneSteps.pitch(format) - BLOCK;
        int next = THREADS + THREADS / BLOCK * gap;
        int from = LaneSteps.first(format, lane);
        int apart = LaneSteps.apart(format);
        int odd = LaneSteps.odd(format);
        int behind = 8 * LaneSteps.pitch(format);
        int rank = LowRankKernels.divisor(control);
        int part = TornadoMath.min(TornadoMath.max(d, 0) / rank, weights - 1);
        int site = LowRankKernels.firstSite(weights) + part;
        int component = TornadoMath.max(d, 0) - part * rank;
        int group = LowRankKernels.groupOf(control, adapter, site, row, component);
        int used = LowRankKernels.usedInputs(group, LaneDots.within(d, stacked - total, inputs));
        int down = LowRankKernels.downAt(control, adapter, site, component, inputs);
        float squares = 0f;
        float mine = LowRankKernels.laneDotNormedDown(adapter, in, x, norm, g, downCodes, downFloats, down, lane, used);
        for (int t = 0; t < width; t += STAGED) {
            int count = TornadoMath.min(width - t, STAGED);
            int steps = (count + STEP - 1) / STEP * STEP;
            context.localBarrier();
            for (int i = thread; i < steps; i += 8 * THREADS) {
                float v0 = LaneDots.inside(in, x + t, 1, i, count);
                float v1 = LaneDots.inside(in, x + t, 1, i + THREADS, count);
                float v2 = LaneDots.inside(in, x + t, 1, i + 2 * THREADS, count);
                float v3 = LaneDots.inside(in, x + t, 1, i + 3 * THREADS, count);
                float v4 = LaneDots.inside(in, x + t, 1, i + 4 * THREADS, count);
                float v5 = LaneDots.inside(in, x + t, 1, i + 5 * THREADS, count);
                float v6 = LaneDots.inside(in, x + t, 1, i + 6 * THREADS, count);
                float v7 = LaneDots.inside(in, x + t, 1, i + 7 * THREADS, count);
                float n0 = LaneDots.inside(norm, g + t, 1, i, count);
                float n1 = LaneDots.inside(norm, g + t, 1, i + THREADS, count);
                float n2 = LaneDots.inside(norm, g + t, 1, i + 2 * THREADS, count);
                float n3 = LaneDots.inside(norm, g + t, 1, i + 3 * THREADS, count);
                float n4 = LaneDots.inside(norm, g + t, 1, i + 4 * THREADS, count);
                float n5 = LaneDots.inside(norm, g + t, 1, i + 5 * THREADS, count);
                float n6 = LaneDots.inside(norm, g + t, 1, i + 6 * THREADS, count);
                float n7 = LaneDots.inside(norm, g + t, 1, i + 7 * THREADS, count);
                squares += ((v0 * v0 + v1 * v1) + (v2 * v2 + v3 * v3)) + ((v4 * v4 + v5 * v5) + (v6 * v6 + v7 * v7));
                int j = i + (i >> 5) * gap;
                staged[j] = v0 * n0;
                staged[j + next] = v1 * n1;
                staged[j + 2 * next] = v2 * n2;
                staged[j + 3 * next] = v3 * n3;
                staged[j + 4 * next] = v4 * n4;
                staged[j + 5 * next] = v5 * n5;
                staged[j + 6 * next] = v6 * n6;
                staged[j + 7 * next] = v7 * n7;
            }
            context.localBarrier();
            for (int at = 0; at < steps; at += STEP) {
                int p = at + (at >> 5) * gap + from;
                int q = p + odd;
                int r = p + behind;
                int s = r + odd;
                float x0 = staged[p];
                float x1 = staged[p + apart];
                float x2 = staged[p + 2 * apart];
                float x3 = staged[p + 3 * apart];
                float x4 = staged[q];
                float x5 = staged[q + apart];
                float x6 = staged[q + 2 * apart];
                float x7 = staged[q + 3 * apart];
                float x8 = staged[r];
                float x9 = staged[r + apart];
                float x10 = staged[r + 2 * apart];
                float x11 = staged[r + 3 * apart];
                float x12 = staged[s];
                float x13 = staged[s + apart];
                float x14 = staged[s + 2 * apart];
                float x15 = staged[s + 3 * apart];
                if (inA > 0) {
                    mine += LaneSteps.sum(format, floatsA, halvesA, nativesA, quantsA, mantissaBits, wA + t, at, count - 1, lane, x0, x1,
                            x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15);
                }
                if (inB > 0) {
                    mine += LaneSteps.sum(format, floatsB, halvesB, nativesB, quantsB, mantissaBits, wB + t, at, count - 1, lane, x0, x1,
                            x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15);
                }
                if (inC > 0) {
                    mine += LaneSteps.sum(format, floatsC, halvesC, nativesC, quantsC, mantissaBits, wC + t, at, count - 1, lane, x0, x1,
                            x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15);
                }
            }
        }
        context.localBarrier();
        partial[thread] = squares;
        for (int stride = THREADS / 2; stride > 0; stride /= 2) {
            context.localBarrier();
            if (thread < stride) {
                partial[thread] += partial[thread + stride];
            }
        }
        context.localBarrier();
        float inverse = 1f / TornadoMath.sqrt(partial[0] / inputs + epsilon);
        context.localBarrier();
        partial[thread] = inverse * mine;
        for (int stride = LANES / 2; stride > 0; stride /= 2) {
            context.localBarrier();
            if (lane < stride) {
                partial[thread] += partial[thread + stride];
            }
        }
        context.localBarrier();
        if (thread < OUTPUTS) {
            TileProjection.storeOfStack(partial[thread * LANES], control, gains, adapter, out, hidden, row, rows, first + thread, total,
                    stacked, weights);
        }
    }
}
