package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;

/**
 * Projections of few rows in grouped form, for any {@link WeightFormat}: a group of {@link ProjectionKernels#THREADS} threads computes
 * {@link ProjectionKernels#GROUP_OUTPUTS} outputs of a row; {@link ProjectionKernels#LANES} lanes have four of them, {@link #APART} apart,
 * so that each input that a lane reads is multiplied four times. The row's inputs are in local memory, {@link #STAGED} at a time, and lanes
 * walk through them in {@link LaneSteps}; what is behind the last input is 0.
 *
 * <p>A lane's four sums go to local memory, from where eight threads add up an output's, four values each, and one thread the eight.
 *
 * <p>A group without outputs goes through it with no inputs, and stores nothing: where kernels return before a barrier, or where the thread
 * that stores a sum is known to be one that has added to it, PoCL compiles them wrongly.
 */
final class GroupProjection {
    private static final int LANES = ProjectionKernels.LANES;
    private static final int THREADS = ProjectionKernels.THREADS;
    private static final int OUTPUTS = ProjectionKernels.GROUP_OUTPUTS;
    /** From one output of a lane to its next: the threads of a group by lanes. */
    private static final int APART = ProjectionKernels.GROUP_COMPONENTS;
    /** Threads that add up an output. */
    private static final int ADDERS = THREADS / OUTPUTS;
    /** From what one of them has added up to the next one's. */
    private static final int ADDED = OUTPUTS + 1;
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
        int o0 = TornadoMath.min(o, end - 1);
        int o1 = TornadoMath.min(o + APART, end - 1);
        int o2 = TornadoMath.min(o + 2 * APART, end - 1);
        int o3 = TornadoMath.min(o + 3 * APART, end - 1);
        int weight = control.get(Control.LAYER) * layerStride;
        int w0 = weight + o0 * inputs;
        int w1 = weight + o1 * inputs;
        int w2 = weight + o2 * inputs;
        int w3 = weight + o3 * inputs;
        int width = LaneDots.within(first, LaneDots.within(0, rows, end), inputs);
        float[] staged = context.allocateFloatLocalArray(LaneSteps.space(format, STAGED));
        float[] partial = context.allocateFloatLocalArray(4 * THREADS);
        float[] components = context.allocateFloatLocalArray(rank);
        int activeRank = LowRankKernels.activeRank(control, adapter, site, row);
        for (int k = thread; k < activeRank; k += THREADS) {
            components[k] = LowRankKernels.sumOfParts(control, adapter, parts, row, k, partCount);
        }
        int next = LaneSteps.space(format, THREADS);
        int step = LaneSteps.step(format);
        int apart = LaneSteps.apart(format);
        float unit = LaneSteps.unit(format, thread);
        float sum0 = 0f;
        float sum1 = 0f;
        float sum2 = 0f;
        float sum3 = 0f;
        for (int t = 0; t < width; t += STAGED) {
            int count = TornadoMath.min(width - t, STAGED);
            int steps = (count + step - 1) / step * step;
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
                int j = LaneSteps.place(format, i);
                staged[j] = v0 * unit;
                staged[j + next] = v1 * unit;
                staged[j + 2 * next] = v2 * unit;
                staged[j + 3 * next] = v3 * unit;
                staged[j + 4 * next] = v4 * unit;
                staged[j + 5 * next] = v5 * unit;
                staged[j + 6 * next] = v6 * unit;
                staged[j + 7 * next] = v7 * unit;
            }
            context.localBarrier();
            for (int at = 0; at < steps; at += step) {
                int p = LaneSteps.first(format, at, lane);
                int q = p + LaneSteps.quadAt(format, 1);
                int r = p + LaneSteps.quadAt(format, 2);
                int s = p + LaneSteps.quadAt(format, 3);
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
                float less = LaneSteps.offset(format, x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15);
                sum0 += LaneSteps.sum(format, floats, halves, natives, quants, mantissaBits, w0 + t, at, count - 1, lane, less, x0, x1,
                        x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15);
                sum1 += LaneSteps.sum(format, floats, halves, natives, quants, mantissaBits, w1 + t, at, count - 1, lane, less, x0, x1,
                        x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15);
                sum2 += LaneSteps.sum(format, floats, halves, natives, quants, mantissaBits, w2 + t, at, count - 1, lane, less, x0, x1,
                        x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15);
                sum3 += LaneSteps.sum(format, floats, halves, natives, quants, mantissaBits, w3 + t, at, count - 1, lane, less, x0, x1,
                        x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15);
            }
        }
        int up0 = LowRankKernels.upAt(control, adapter, site, o0);
        int up1 = LowRankKernels.upAt(control, adapter, site, o1);
        int up2 = LowRankKernels.upAt(control, adapter, site, o2);
        int up3 = LowRankKernels.upAt(control, adapter, site, o3);
        for (int k = lane; k < activeRank; k += LANES) {
            float component = components[k];
            sum0 += component * LowRankKernels.element(adapter, upCodes, upFloats, up0 + k * LowRankKernels.BLOCK);
            sum1 += component * LowRankKernels.element(adapter, upCodes, upFloats, up1 + k * LowRankKernels.BLOCK);
            sum2 += component * LowRankKernels.element(adapter, upCodes, upFloats, up2 + k * LowRankKernels.BLOCK);
            sum3 += component * LowRankKernels.element(adapter, upCodes, upFloats, up3 + k * LowRankKernels.BLOCK);
        }
        partial[thread] = sum0;
        partial[thread + THREADS] = sum1;
        partial[thread + 2 * THREADS] = sum2;
        partial[thread + 3 * THREADS] = sum3;
        context.localBarrier();
        int sum = thread / ADDERS;
        int adder = thread - sum * ADDERS;
        int from = sum * LANES + adder;
        staged[adder * ADDED + sum] = (partial[from] + partial[from + ADDERS])
                + (partial[from + 2 * ADDERS] + partial[from + 3 * ADDERS]);
        context.localBarrier();
        if (thread < OUTPUTS) {
            float mine = ((staged[thread] + staged[thread + ADDED]) + (staged[thread + 2 * ADDED] + staged[thread + 3 * ADDED]))
                    + ((staged[thread + 4 * ADDED] + staged[thread + 5 * ADDED])
                    + (staged[thread + 6 * ADDED] + staged[thread + 7 * ADDED]));
            TileProjection.store(mine, out, row, rows, first + thread, end, accumulate);
        }
    }

    /**
     * A group of {@link ProjectionKernels#normAndProjectRowsGrouped}: outputs of one weight, or {@link ProjectionKernels#GROUP_COMPONENTS}
     * components.
     */
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
        int lane = LaneDots.laneOf(thread);
        int x = row * inputs;
        int g = layer * inputs;
        int chunksA = (outputsA + OUTPUTS - 1) / OUTPUTS;
        int chunksB = (outputsB + OUTPUTS - 1) / OUTPUTS;
        int chunksC = (weights - 2) * chunksB;
        int b = chunk - chunksA;
        int c = b - chunksB;
        int d = c - chunksC;
        int inA = LaneDots.within(chunk, chunksA, 1);
        int inB = LaneDots.within(b, chunksB, 1);
        int inC = LaneDots.within(c, chunksC, 1);
        int inD = 1 - inA - inB - inC;
        // Where the chunk begins in its weight, and how many outputs that has.
        int begin = OUTPUTS * ofPart(inA, inB, inC, inD, chunk, b, c, 0);
        int size = LowRankKernels.unknown(control, ofPart(inA, inB, inC, inD, outputsA, outputsB, outputsC, 1));
        int component = TornadoMath.max(d, 0) * APART + thread / LANES;
        // In the stack.
        int first = ofPart(inA, inB, inC, inD, begin, outputsA + begin, outputsA + outputsB + begin, total + d * APART);
        int end = ofPart(inA, inB, inC, inD, outputsA, outputsA + outputsB, total, TornadoMath.min(first + APART, stacked));
        int o = begin + thread / LANES;
        int w0 = (layer * size + TornadoMath.min(o, size - 1)) * inputs;
        int w1 = (layer * size + TornadoMath.min(o + APART, size - 1)) * inputs;
        int w2 = (layer * size + TornadoMath.min(o + 2 * APART, size - 1)) * inputs;
        int w3 = (layer * size + TornadoMath.min(o + 3 * APART, size - 1)) * inputs;
        int width = LaneDots.within(first, LaneDots.within(0, rows, stacked), inputs);
        float[] staged = context.allocateFloatLocalArray(LaneSteps.space(format, STAGED));
        float[] partial = context.allocateFloatLocalArray(4 * THREADS);
        float[] squared = context.allocateFloatLocalArray(THREADS);
        int next = LaneSteps.space(format, THREADS);
        int step = LaneSteps.step(format);
        int apart = LaneSteps.apart(format);
        float unit = LaneSteps.unit(format, thread);
        int rank = LowRankKernels.divisor(control);
        int part = TornadoMath.min(component / rank, weights - 1);
        int site = LowRankKernels.firstSite(weights) + part;
        int ofSite = component - part * rank;
        int group = LowRankKernels.groupOf(control, adapter, site, row, ofSite);
        int some = LaneDots.within(d, stacked, LaneDots.within(component, stacked - total, inputs));
        int used = LowRankKernels.usedInputs(group, some);
        int down = LowRankKernels.downAt(control, adapter, site, ofSite, inputs);
        float squares = 0f;
        float sum0 = LowRankKernels.laneDotNormedDown(adapter, in, x, norm, g, downCodes, downFloats, down, lane, used);
        float sum1 = 0f;
        float sum2 = 0f;
        float sum3 = 0f;
        for (int t = 0; t < width; t += STAGED) {
            int count = TornadoMath.min(width - t, STAGED);
            int steps = (count + step - 1) / step * step;
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
                int j = LaneSteps.place(format, i);
                staged[j] = v0 * n0 * unit;
                staged[j + next] = v1 * n1 * unit;
                staged[j + 2 * next] = v2 * n2 * unit;
                staged[j + 3 * next] = v3 * n3 * unit;
                staged[j + 4 * next] = v4 * n4 * unit;
                staged[j + 5 * next] = v5 * n5 * unit;
                staged[j + 6 * next] = v6 * n6 * unit;
                staged[j + 7 * next] = v7 * n7 * unit;
            }
            context.localBarrier();
            for (int at = 0; at < steps; at += step) {
                int p = LaneSteps.first(format, at, lane);
                int q = p + LaneSteps.quadAt(format, 1);
                int r = p + LaneSteps.quadAt(format, 2);
                int s = p + LaneSteps.quadAt(format, 3);
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
                float less = LaneSteps.offset(format, x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15);
                if (inA > 0) {
                    sum0 += LaneSteps.sum(format, floatsA, halvesA, nativesA, quantsA, mantissaBits, w0 + t, at, count - 1, lane, less,
                            x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15);
                    sum1 += LaneSteps.sum(format, floatsA, halvesA, nativesA, quantsA, mantissaBits, w1 + t, at, count - 1, lane, less,
                            x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15);
                    sum2 += LaneSteps.sum(format, floatsA, halvesA, nativesA, quantsA, mantissaBits, w2 + t, at, count - 1, lane, less,
                            x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15);
                    sum3 += LaneSteps.sum(format, floatsA, halvesA, nativesA, quantsA, mantissaBits, w3 + t, at, count - 1, lane, less,
                            x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15);
                }
                if (inB > 0) {
                    sum0 += LaneSteps.sum(format, floatsB, halvesB, nativesB, quantsB, mantissaBits, w0 + t, at, count - 1, lane, less,
                            x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15);
                    sum1 += LaneSteps.sum(format, floatsB, halvesB, nativesB, quantsB, mantissaBits, w1 + t, at, count - 1, lane, less,
                            x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15);
                    sum2 += LaneSteps.sum(format, floatsB, halvesB, nativesB, quantsB, mantissaBits, w2 + t, at, count - 1, lane, less,
                            x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15);
                    sum3 += LaneSteps.sum(format, floatsB, halvesB, nativesB, quantsB, mantissaBits, w3 + t, at, count - 1, lane, less,
                            x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15);
                }
                if (inC > 0) {
                    sum0 += LaneSteps.sum(format, floatsC, halvesC, nativesC, quantsC, mantissaBits, w0 + t, at, count - 1, lane, less,
                            x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15);
                    sum1 += LaneSteps.sum(format, floatsC, halvesC, nativesC, quantsC, mantissaBits, w1 + t, at, count - 1, lane, less,
                            x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15);
                    sum2 += LaneSteps.sum(format, floatsC, halvesC, nativesC, quantsC, mantissaBits, w2 + t, at, count - 1, lane, less,
                            x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15);
                    sum3 += LaneSteps.sum(format, floatsC, halvesC, nativesC, quantsC, mantissaBits, w3 + t, at, count - 1, lane, less,
                            x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15);
                }
            }
        }
        partial[thread] = sum0;
        partial[thread + THREADS] = sum1;
        partial[thread + 2 * THREADS] = sum2;
        partial[thread + 3 * THREADS] = sum3;
        squared[thread] = squares;
        context.localBarrier();
        int sum = thread / ADDERS;
        int adder = thread - sum * ADDERS;
        int from = sum * LANES + adder;
        staged[adder * ADDED + sum] = (partial[from] + partial[from + ADDERS])
                + (partial[from + 2 * ADDERS] + partial[from + 3 * ADDERS]);
        staged[ADDERS * ADDED + thread] = ((squared[lane] + squared[lane + LANES])
                + (squared[lane + 2 * LANES] + squared[lane + 3 * LANES]))
                + ((squared[lane + 4 * LANES] + squared[lane + 5 * LANES])
                + (squared[lane + 6 * LANES] + squared[lane + 7 * LANES]));
        context.localBarrier();
        if (thread < OUTPUTS) {
            float ofRow = 0f;
            for (int i = 0; i < LANES; i++) {
                ofRow += staged[ADDERS * ADDED + i];
            }
            float mine = ((staged[thread] + staged[thread + ADDED]) + (staged[thread + 2 * ADDED] + staged[thread + 3 * ADDED]))
                    + ((staged[thread + 4 * ADDED] + staged[thread + 5 * ADDED])
                    + (staged[thread + 6 * ADDED] + staged[thread + 7 * ADDED]));
            float inverse = 1f / TornadoMath.sqrt(ofRow / inputs + epsilon);
            int output = first + thread;
            if (output >= end) {
                output = stacked;
            }
            TileProjection.storeOfStack(inverse * mine, control, gains, adapter, out, hidden, row, rows, output, total, stacked, weights);
        }
    }

    /**
     * The one of four whose number is 1, where the others are 0. By sums: chosen by conditions, outputs of stacks of two were wrong in PTX,
     * whose third and fourth parts begin at the same group.
     */
    private static int ofPart(int inA, int inB, int inC, int inD, int ofA, int ofB, int ofC, int ofComponents) {
        return inA * ofA + inB * ofB + inC * ofC + inD * ofComponents;
    }
}
