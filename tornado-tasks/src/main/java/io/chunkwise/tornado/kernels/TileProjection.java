package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;

/**
 * Projections of many rows in grouped form, for any {@link WeightFormat}: a group of {@link #THREADS} threads computes a tile of
 * {@link #SIDE} rows and as many outputs, each thread four of each, 16 apart. {@link #DEPTH} inputs at a time go into local memory, those
 * of the rows as they are and weights decoded, so that a weight is read and decoded once for all rows of the tile. Components of a low-rank
 * update are further inputs, with the up half as their weights.
 *
 * <p>Indices are read from the context once: TornadoVM fails to compile some methods that do so twice. Sums have names because an
 * array whose index varies, as that of the sums to be stored does, is not kept in registers, and vectors are not multiplied and added in
 * one instruction.
 *
 * <p>What lies outside of the matrices is 0 in the tile of inputs; weights are then read from the nearest place inside.
 */
final class TileProjection {
    /** Rows of a tile; outputs, too. */
    static final int SIDE = 64;
    static final int THREADS = 256;
    /** Inputs that are in local memory at a time: threads that load those of one row. */
    private static final int DEPTH = 32;
    private static final int LOADED = THREADS / DEPTH;
    /** Rows of a thread; outputs, too. */
    private static final int OWN = 4;
    /** Between two rows, or outputs, of a thread. */
    private static final int APART = 16;
    /** Between two inputs in local memory, so that threads write to different banks. */
    private static final int STRIDE = SIDE + 1;

    private TileProjection() {
    }

    /** A group of {@link ProjectionKernels#projectTiles}. */
    static void project(KernelContext context, IntArray control, FloatArray in, int format, FloatArray floats, ShortArray halves,
            HalfFloatArray natives, IntArray quants, int mantissaBits, FloatArray parts, IntArray adapter, IntArray upCodes,
            FloatArray upFloats, FloatArray out, int inputs, int outputs, int layerStride, int accumulate, int site, int partCount) {
        int rows = control.get(Control.ROWS);
        int thread = context.localIdx;
        int index = context.groupIdx;
        int rowTiles = (LowRankKernels.rowsDivisor(control) + SIDE - 1) / SIDE;
        int chunk = index / rowTiles;
        int firstRow = (index - chunk * rowTiles) * SIDE;
        int first = chunk * SIDE;
        int end = LowRankKernels.unknown(control, outputs);
        if (first >= end) {
            return;
        }
        if (rows < 1) {
            return;
        }
        int k = LaneDots.laneOf(thread);
        int own = thread / DEPTH;
        int y = thread / APART;
        int x = thread - y * APART;
        int layer = control.get(Control.LAYER) * layerStride;
        int base = (inputs + DEPTH - 1) / DEPTH * DEPTH;
        int depth = base + rankOf(control, site);
        float[] left = context.allocateFloatLocalArray(DEPTH * STRIDE);
        float[] right = context.allocateFloatLocalArray(DEPTH * STRIDE);
        float a0 = 0f;
        float a1 = 0f;
        float a2 = 0f;
        float a3 = 0f;
        float b0 = 0f;
        float b1 = 0f;
        float b2 = 0f;
        float b3 = 0f;
        float c0 = 0f;
        float c1 = 0f;
        float c2 = 0f;
        float c3 = 0f;
        float d0 = 0f;
        float d1 = 0f;
        float d2 = 0f;
        float d3 = 0f;
        for (int t = 0; t < depth; t += DEPTH) {
            int some = LaneDots.within(t, base, SIDE);
            for (int i = own; i < some; i += LOADED) {
                left[k * STRIDE + i] = input(in, firstRow + i, rows, t + k, inputs);
                int w = layer + TornadoMath.min(first + i, end - 1) * inputs + t;
                right[k * STRIDE + i] = WeightFormat.element(format, floats, halves, natives, quants, mantissaBits, w,
                        TornadoMath.min(k, inputs - 1 - t));
            }
            int more = SIDE - some;
            for (int i = own; i < more; i += LOADED) {
                left[k * STRIDE + i] = component(control, adapter, parts, site, firstRow + i, rows, t - base + k, partCount);
                right[k * STRIDE + i] = up(control, adapter, upCodes, upFloats, site, TornadoMath.min(first + i, end - 1), t - base + k);
            }
            context.localBarrier();
            for (int i = 0; i < DEPTH; i++) {
                int l = i * STRIDE + y;
                int r = i * STRIDE + x;
                float w0 = right[r];
                float w1 = right[r + APART];
                float w2 = right[r + 2 * APART];
                float w3 = right[r + 3 * APART];
                float a = left[l];
                a0 += a * w0;
                a1 += a * w1;
                a2 += a * w2;
                a3 += a * w3;
                float b = left[l + APART];
                b0 += b * w0;
                b1 += b * w1;
                b2 += b * w2;
                b3 += b * w3;
                float c = left[l + 2 * APART];
                c0 += c * w0;
                c1 += c * w1;
                c2 += c * w2;
                c3 += c * w3;
                float d = left[l + 3 * APART];
                d0 += d * w0;
                d1 += d * w1;
                d2 += d * w2;
                d3 += d * w3;
            }
            context.localBarrier();
        }
        float[] sums = new float[OWN * OWN];
        keepFour(sums, 0, a0, a1, a2, a3);
        keepFour(sums, OWN, b0, b1, b2, b3);
        keepFour(sums, 2 * OWN, c0, c1, c2, c3);
        keepFour(sums, 3 * OWN, d0, d1, d2, d3);
        int count = LowRankKernels.unknown(control, OWN * OWN);
        for (int i = 0; i < count; i++) {
            int row = firstRow + y + i / OWN * APART;
            store(sums[i], out, row, rows, first + x + (i - i / OWN * OWN) * APART, end, accumulate);
        }
    }

    /** A group of {@link ProjectionKernels#normAndProjectTiles}. */
    static void normAndProject(KernelContext context, IntArray control, FloatArray in, FloatArray norm, FloatArray gains, IntArray adapter,
            IntArray downCodes, FloatArray downFloats, int format, int mantissaBits, FloatArray floatsA, ShortArray halvesA,
            HalfFloatArray nativesA, IntArray quantsA, FloatArray floatsB, ShortArray halvesB, HalfFloatArray nativesB, IntArray quantsB,
            FloatArray floatsC, ShortArray halvesC, HalfFloatArray nativesC, IntArray quantsC, FloatArray out, FloatArray hidden,
            int inputs, int outputsA, int outputsB, int weights, float epsilon) {
        int rows = control.get(Control.ROWS);
        int layer = control.get(Control.LAYER);
        int thread = context.localIdx;
        int index = context.groupIdx;
        int outputsC = (weights - 2) * outputsB;
        int width = outputsA + outputsB + outputsC;
        int stacked = LowRankKernels.stacked(control, outputsA, outputsB, weights);
        int rowTiles = (LowRankKernels.rowsDivisor(control) + SIDE - 1) / SIDE;
        int chunk = index / rowTiles;
        int firstRow = (index - chunk * rowTiles) * SIDE;
        int first = chunk * SIDE;
        if (first >= stacked) {
            return;
        }
        if (rows < 1) {
            return;
        }
        int k = LaneDots.laneOf(thread);
        int own = thread / DEPTH;
        int y = thread / APART;
        int x = thread - y * APART;
        float[] left = context.allocateFloatLocalArray(DEPTH * STRIDE);
        float[] right = context.allocateFloatLocalArray(DEPTH * STRIDE);
        float[] inverse = context.allocateFloatLocalArray(SIDE);
        int squared = LaneDots.within(thread, SIDE, DEPTH);
        float squares = 0f;
        float a0 = 0f;
        float a1 = 0f;
        float a2 = 0f;
        float a3 = 0f;
        float b0 = 0f;
        float b1 = 0f;
        float b2 = 0f;
        float b3 = 0f;
        float c0 = 0f;
        float c1 = 0f;
        float c2 = 0f;
        float c3 = 0f;
        float d0 = 0f;
        float d1 = 0f;
        float d2 = 0f;
        float d3 = 0f;
        for (int t = 0; t < inputs; t += DEPTH) {
            int at = TornadoMath.min(k, inputs - 1 - t);
            float factor = norm.get(layer * inputs + t + at);
            for (int i = own; i < SIDE; i += LOADED) {
                left[k * STRIDE + i] = input(in, firstRow + i, rows, t + k, inputs);
                int s = TornadoMath.min(first + i, stacked - 1);
                float weight = 0f;
                if (s < outputsA) {
                    weight = WeightFormat.element(format, floatsA, halvesA, nativesA, quantsA, mantissaBits,
                            (layer * outputsA + s) * inputs + t, at);
                }
                int inB = s - outputsA;
                if (LaneDots.within(inB, outputsB, 1) > 0) {
                    weight = WeightFormat.element(format, floatsB, halvesB, nativesB, quantsB, mantissaBits,
                            (layer * outputsB + inB) * inputs + t, at);
                }
                int inC = inB - outputsB;
                if (LaneDots.within(inC, outputsC, 1) > 0) {
                    weight = WeightFormat.element(format, floatsC, halvesC, nativesC, quantsC, mantissaBits,
                            (layer * outputsC + inC) * inputs + t, at);
                }
                if (s >= width) {
                    weight = down(control, adapter, downCodes, downFloats, weights, s - width, inputs, t + at);
                }
                right[k * STRIDE + i] = weight * factor;
            }
            context.localBarrier();
            for (int i = 0; i < squared; i++) {
                float value = left[i * STRIDE + thread];
                squares += value * value;
            }
            for (int i = 0; i < DEPTH; i++) {
                int l = i * STRIDE + y;
                int r = i * STRIDE + x;
                float w0 = right[r];
                float w1 = right[r + APART];
                float w2 = right[r + 2 * APART];
                float w3 = right[r + 3 * APART];
                float a = left[l];
                a0 += a * w0;
                a1 += a * w1;
                a2 += a * w2;
                a3 += a * w3;
                float b = left[l + APART];
                b0 += b * w0;
                b1 += b * w1;
                b2 += b * w2;
                b3 += b * w3;
                float c = left[l + 2 * APART];
                c0 += c * w0;
                c1 += c * w1;
                c2 += c * w2;
                c3 += c * w3;
                float d = left[l + 3 * APART];
                d0 += d * w0;
                d1 += d * w1;
                d2 += d * w2;
                d3 += d * w3;
            }
            context.localBarrier();
        }
        if (thread < SIDE) {
            inverse[thread] = 1f / TornadoMath.sqrt(squares / inputs + epsilon);
        }
        context.localBarrier();
        float[] sums = new float[OWN * OWN];
        keepFour(sums, 0, a0, a1, a2, a3);
        keepFour(sums, OWN, b0, b1, b2, b3);
        keepFour(sums, 2 * OWN, c0, c1, c2, c3);
        keepFour(sums, 3 * OWN, d0, d1, d2, d3);
        int count = LowRankKernels.unknown(control, OWN * OWN);
        for (int i = 0; i < count; i++) {
            int r = y + i / OWN * APART;
            int s = first + x + (i - i / OWN * OWN) * APART;
            storeOfStack(inverse[r] * sums[i], control, gains, adapter, out, hidden, firstRow + r, rows, s, width, stacked, weights);
        }
    }

    /** Components that the update of a site has in this pass at most. */
    static int rankOf(IntArray control, int site) {
        int rank = 0;
        if (site >= 0) {
            rank = LowRankKernels.activeRankOf(control);
        }
        return rank;
    }

    /** in[row, i]; 0 outside. */
    private static float input(FloatArray in, int row, int rows, int i, int inputs) {
        float value = 0f;
        if (row < rows) {
            if (i < inputs) {
                value = in.get(row * inputs + i);
            }
        }
        return value;
    }

    /** Component k of a row: the sum of its parts; 0 where the row does not use it, and outside. */
    private static float component(IntArray control, IntArray adapter, FloatArray parts, int site, int row, int rows, int k,
            int partCount) {
        int used = TornadoMath.min(row, rows - 1);
        int count = LaneDots.within(row, rows, LaneDots.within(k, LowRankKernels.activeRank(control, adapter, site, used), partCount));
        int rank = adapter.get(LowRankKernels.RESERVED_RANK);
        float sum = 0f;
        for (int part = 0; part < count; part++) {
            sum += parts.get((used * partCount + part) * rank + k);
        }
        return sum;
    }

    /** up[s, k, output]; 0 for components that the site does not have. */
    static float up(IntArray control, IntArray adapter, IntArray codes, FloatArray floats, int site, int output, int k) {
        float value = 0f;
        if (k < adapter.get(LowRankKernels.siteAt(control, adapter, site) + LowRankKernels.RANK)) {
            int at = LowRankKernels.upAt(control, adapter, site, output) + k * LowRankKernels.BLOCK;
            value = LowRankKernels.element(adapter, codes, floats, at);
        }
        return value;
    }

    /** Element i of row d of the down halves in a stack; 0 for components that the site does not have. */
    static float down(IntArray control, IntArray adapter, IntArray codes, FloatArray floats, int weights, int d, int inputs,
            int i) {
        int site = LowRankKernels.siteInStack(control, weights, d);
        int k = LowRankKernels.componentInStack(control, d);
        float value = 0f;
        if (k < adapter.get(LowRankKernels.siteAt(control, adapter, site) + LowRankKernels.RANK)) {
            value = LowRankKernels.element(adapter, codes, floats, LowRankKernels.downAt(control, adapter, site, k, inputs) + i);
        }
        return value;
    }

    static void store(float sum, FloatArray out, int row, int rows, int output, int outputs, int accumulate) {
        if (row < rows) {
            if (output < outputs) {
                int at = row * outputs + output;
                float before = 0f;
                if (accumulate != 0) {
                    before = out.get(at);
                }
                out.set(at, before + sum);
            }
        }
    }

    /** Row s of a stack: an output, or a component if the row uses it. */
    static void storeOfStack(float sum, IntArray control, FloatArray gains, IntArray adapter, FloatArray out, FloatArray hidden,
            int row, int rows, int s, int width, int stacked, int weights) {
        int used = TornadoMath.max(TornadoMath.min(row, rows - 1), 0);
        int d = TornadoMath.max(TornadoMath.min(s, stacked - 1) - width, 0);
        int site = LowRankKernels.siteInStack(control, weights, d);
        int component = LowRankKernels.componentInStack(control, d);
        int group = LowRankKernels.groupOf(control, adapter, site, used, component);
        if (row < rows) {
            if (s < width) {
                out.set(row * width + s, sum);
            }
            if (LaneDots.within(s - width, stacked - width, 1) > 0) {
                if (group >= 0) {
                    hidden.set(LowRankKernels.hiddenAt(adapter, site, row) + component,
                            LowRankKernels.gainOf(control, gains, row, group) * sum);
                }
            }
        }
    }

    private static void keepFour(float[] sums, int at, float first, float second, float third, float fourth) {
        sums[at] = first;
        sums[at + 1] = second;
        sums[at + 2] = third;
        sums[at + 3] = fourth;
    }
}
