package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;

/**
 * What a group of the grouped form does: {@link ProjectionKernels#CHUNK} outputs of a row, {@link ProjectionKernels#LANES} threads for
 * each, for any {@link WeightFormat}.
 */
final class GroupProjection {
    private static final int LANES = ProjectionKernels.LANES;
    private static final int THREADS = ProjectionKernels.THREADS;
    private static final int CHUNK = ProjectionKernels.CHUNK;

    private GroupProjection() {
    }

    /** A group of {@link ProjectionKernels#projectRowsGrouped}. */
    static void project(KernelContext context, IntArray control, FloatArray in, int format, FloatArray floats, ShortArray halves,
            IntArray quants, ByteArray nibbles, int mantissaBits, FloatArray parts, IntArray adapter, IntArray upCodes,
            FloatArray upFloats, FloatArray out, int inputs, int outputs, int layerStride, int accumulate, int site, int partCount,
            int rank) {
        int rows = control.get(Control.ROWS);
        int thread = context.localIdx;
        int chunk = context.groupIdx / LowRankKernels.rowsDivisor(control);
        int row = context.groupIdx - chunk * rows;
        int first = chunk * CHUNK;
        int end = LowRankKernels.unknown(control, outputs);
        if (first >= end) {
            return;
        }
        if (rows < 1) {
            return;
        }
        int lane = LaneDots.laneOf(thread);
        int layer = control.get(Control.LAYER) * layerStride;
        int y = row * outputs;
        float[] partial = context.allocateFloatLocalArray(THREADS);
        float[] components = context.allocateFloatLocalArray(rank);
        int activeRank = LowRankKernels.activeRank(control, adapter, site, row);
        for (int k = thread; k < activeRank; k += THREADS) {
            components[k] = LowRankKernels.sumOfParts(control, adapter, parts, row, k, partCount);
        }
        context.localBarrier();
        for (int o = first + thread / LANES; o < first + CHUNK; o += THREADS / LANES) {
            float mine = WeightFormat.laneDot(format, floats, halves, quants, nibbles, mantissaBits, in, row * inputs,
                    layer + o * inputs, lane, LaneDots.within(o, end, inputs));
            int used = LaneDots.within(o, end, activeRank);
            int at = LowRankKernels.upAt(control, adapter, site, o);
            for (int k = lane; k < used; k += LANES) {
                mine += components[k] * LowRankKernels.element(adapter, upCodes, upFloats, at + k * LowRankKernels.BLOCK);
            }
            context.localBarrier();
            partial[thread] = mine;
            for (int stride = LANES / 2; stride > 0; stride /= 2) {
                context.localBarrier();
                if (lane < stride) {
                    partial[thread] += partial[thread + stride];
                }
            }
            if (lane == 0) {
                if (o < end) {
                    float sum = partial[thread];
                    if (accumulate != 0) {
                        sum += out.get(y + o);
                    }
                    out.set(y + o, sum);
                }
            }
        }
    }

    /** A group of {@link ProjectionKernels#normAndProjectRowsGrouped}. */
    static void normAndProject(KernelContext context, IntArray control, FloatArray in, FloatArray norm, FloatArray gains, IntArray adapter,
            IntArray downCodes, FloatArray downFloats, int format, int mantissaBits, FloatArray floatsA, ShortArray halvesA,
            IntArray quantsA, ByteArray nibblesA, FloatArray floatsB, ShortArray halvesB, IntArray quantsB, ByteArray nibblesB,
            FloatArray floatsC, ShortArray halvesC, IntArray quantsC, ByteArray nibblesC, FloatArray out, FloatArray hidden, int inputs,
            int outputsA, int outputsB, int weights, float epsilon) {
        int rows = control.get(Control.ROWS);
        int layer = control.get(Control.LAYER);
        int outputsC = (weights - 2) * outputsB;
        int width = outputsA + outputsB + outputsC;
        int stacked = LowRankKernels.stacked(control, outputsA, outputsB, weights);
        int thread = context.localIdx;
        int chunk = context.groupIdx / LowRankKernels.rowsDivisor(control);
        int row = context.groupIdx - chunk * rows;
        int first = chunk * CHUNK;
        if (first >= stacked) {
            return;
        }
        if (rows < 1) {
            return;
        }
        int lane = LaneDots.laneOf(thread);
        int x = row * inputs;
        int g = layer * inputs;
        float[] partial = context.allocateFloatLocalArray(THREADS);
        float squares = 0f;
        for (int i = thread; i < inputs; i += THREADS) {
            float value = in.get(x + i);
            squares += value * value;
        }
        partial[thread] = squares;
        for (int stride = THREADS / 2; stride > 0; stride /= 2) {
            context.localBarrier();
            if (thread < stride) {
                partial[thread] += partial[thread + stride];
            }
        }
        context.localBarrier();
        float inverse = 1f / TornadoMath.sqrt(partial[0] / inputs + epsilon);
        for (int o = first + thread / LANES; o < first + CHUNK; o += THREADS / LANES) {
            int b = o - outputsA;
            int c = b - outputsB;
            int d = o - width;
            float mine = WeightFormat.laneDotNormed(format, floatsA, halvesA, quantsA, nibblesA, mantissaBits, in, x, norm, g,
                    (layer * outputsA + o) * inputs, lane, LaneDots.within(o, outputsA, inputs));
            mine += WeightFormat.laneDotNormed(format, floatsB, halvesB, quantsB, nibblesB, mantissaBits, in, x, norm, g,
                    (layer * outputsB + b) * inputs, lane, LaneDots.within(b, outputsB, inputs));
            mine += WeightFormat.laneDotNormed(format, floatsC, halvesC, quantsC, nibblesC, mantissaBits, in, x, norm, g,
                    (layer * outputsC + c) * inputs, lane, LaneDots.within(c, outputsC, inputs));
            int rank = LowRankKernels.divisor(control);
            int part = TornadoMath.min(TornadoMath.max(d, 0) / rank, weights - 1);
            int site = LowRankKernels.firstSite(weights) + part;
            int component = TornadoMath.max(d, 0) - part * rank;
            int group = LowRankKernels.groupOf(control, adapter, site, row, component);
            int used = LowRankKernels.usedInputs(group, LaneDots.within(d, stacked - width, inputs));
            int at = LowRankKernels.downAt(control, adapter, site, component, inputs);
            mine += LowRankKernels.laneDotNormedDown(adapter, in, x, norm, g, downCodes, downFloats, at, lane, used);
            context.localBarrier();
            partial[thread] = inverse * mine;
            for (int stride = LANES / 2; stride > 0; stride /= 2) {
                context.localBarrier();
                if (lane < stride) {
                    partial[thread] += partial[thread + stride];
                }
            }
            if (lane == 0) {
                if (o < width) {
                    out.set(row * width + o, partial[thread]);
                }
                if (used > 0) {
                    hidden.set(LowRankKernels.hiddenAt(adapter, site, row) + component,
                            LowRankKernels.gainOf(control, gains, row, group) * partial[thread]);
                }
            }
        }
    }
}
