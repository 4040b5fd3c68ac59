package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;

/** Base projections in F32 and in the 16-bit formats, with the low-rank updates that are computed beside them. */
public final class ProjectionKernels {
    /** Threads that share one output in the grouped form. */
    public static final int LANES = 32;
    /** Threads of a group in the grouped form. */
    public static final int THREADS = 128;
    /** Outputs of a thread in the threaded form, of a group in the grouped form. */
    public static final int CHUNK = 16;
    private static final int TILE = RowTile.SIZE;

    private ProjectionKernels() {
    }

    /**
     * out[r, o] = Σ_i weight[l, o, i] · in[r, i] + Σ_{k < activeRank[r]} (Σ_p parts[r, p, k]) · up[k, o], with l the layer;
     * added to out where {@code accumulate} isn't 0. One thread per row and {@link #CHUNK} outputs.
     *
     * @param control     in     rows, layer
     * @param in          in     [rowCapacity, inputs]
     * @param weight      in     [layers, outputs, inputs]
     * @param parts       in     [rowCapacity, partCount, reserved rank]   sums of parts of the down half, gains applied
     * @param adapter     in     table of the adapter
     * @param upCodes     in     of the adapter
     * @param upFloats    in     of the adapter
     * @param out         in+out [rowCapacity, outputs]
     * @param layerStride elements between two layers of {@code weight}; 0 if there is one for all
     * @param site        index among the adaptable projections; -1 where no update is to be added
     */
    public static void projectRows(IntArray control, FloatArray in, FloatArray weight, FloatArray parts, IntArray adapter,
            IntArray upCodes, FloatArray upFloats, FloatArray out, int inputs, int outputs, int layerStride, int accumulate, int site,
            int partCount) {
        int rows = control.get(Control.ROWS);
        int layer = control.get(Control.LAYER) * layerStride;
        int count = rows * ((outputs + CHUNK - 1) / CHUNK);
        for (@Parallel int index = 0; index < count; index++) {
            int chunk = index / rows;
            int row = index - chunk * rows;
            int first = chunk * CHUNK;
            int used = TornadoMath.min(CHUNK, outputs - first);
            float[] tile = new float[TILE];
            float[] sums = new float[CHUNK];
            RowTile.clear(sums);
            for (int t = 0; t < inputs; t += TILE) {
                int width = TornadoMath.min(TILE, inputs - t);
                RowTile.load(tile, in, row * inputs + t, width);
                for (int o = 0; o < used; o++) {
                    sums[o] += TileDots.dotF32(tile, weight, layer + (first + o) * inputs + t, width);
                }
            }
            UpHalves.addParts(sums, tile, control, adapter, parts, partCount, site, row, first, upCodes, upFloats);
            RowTile.store(sums, used, out, row * outputs + first, accumulate);
        }
    }

    /**
     * As {@link #projectRows}, one group of {@link #THREADS} threads per row and {@link #CHUNK} outputs, {@link #LANES} for each.
     *
     * @param rank the most components that a site can have
     */
    public static void projectRowsGrouped(KernelContext context, IntArray control, FloatArray in, FloatArray weight, FloatArray parts,
            IntArray adapter, IntArray upCodes, FloatArray upFloats, FloatArray out, int inputs, int outputs, int layerStride,
            int accumulate, int site, int partCount, int rank) {
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
            float mine = LaneDots.dotF32(in, row * inputs, weight, layer + o * inputs, lane,
                    LaneDots.within(o, end, inputs));
            int used = LaneDots.within(o, end, activeRank);
            for (int k = lane; k < used; k += LANES) {
                int at = LowRankKernels.upAt(control, adapter, site, o) + k * LowRankKernels.BLOCK;
                mine += components[k] * LowRankKernels.element(adapter, upCodes, upFloats, at);
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

    /**
     * The stack of two or three weights that read one normalised input, and of the down halves of their low-rank updates:
     * out[r] = [A; B; C] · n[r] and hidden[r, s, k] = gain[r, group(k)] · down[s, k] · n[r], with n[r, i] = in[r, i] · norm[l, i] /
     * √(mean_i(in[r, i]²) + ε) and l the layer. One thread per row and {@link #CHUNK} rows of the stack: it computes the mean once, and
     * runs through at most two of the four loops.
     *
     * @param control    in  rows, layer, groups per row, active rank, active groups of each row
     * @param in         in  [rowCapacity, inputs]
     * @param norm       in  [layers, inputs]
     * @param gains      in  [rows, groups]
     * @param adapter    in  table of the adapter, see {@link LowRankKernels}
     * @param downCodes  in  of the adapter
     * @param downFloats in  of the adapter
     * @param weightA    in  [layers, outputsA, inputs]
     * @param weightB    in  [layers, outputsB, inputs]
     * @param weightC    in  [layers, outputsB, inputs]; not read where there are two weights
     * @param out        out [rowCapacity, outputs of all weights]
     * @param hidden     out [rowCapacity, SITES, reserved rank]
     * @param outputsA   of A; those of B follow from the sizes of both
     * @param weights    2 (gate and up) or 3 (query, key and value)
     */
    public static void normAndProjectRows(IntArray control, FloatArray in, FloatArray norm, FloatArray gains, IntArray adapter,
            IntArray downCodes, FloatArray downFloats, FloatArray weightA, FloatArray weightB, FloatArray weightC, FloatArray out,
            FloatArray hidden, int inputs, int outputsA, int weights, float epsilon) {
        int rows = control.get(Control.ROWS);
        int layer = control.get(Control.LAYER);
        int outputsB = weightB.getSize() / (weightA.getSize() / outputsA);
        int outputsC = (weights - 2) * outputsB;
        int width = outputsA + outputsB + outputsC;
        int stacked = width + weights * LowRankKernels.activeRankOf(control);
        int count = rows * ((stacked + CHUNK - 1) / CHUNK);
        for (@Parallel int index = 0; index < count; index++) {
            int chunk = index / rows;
            int row = index - chunk * rows;
            int first = chunk * CHUNK;
            int end = first + CHUNK;
            int endA = TornadoMath.min(end, outputsA);
            int startB = TornadoMath.max(first - outputsA, 0);
            int endB = TornadoMath.min(end - outputsA, outputsB);
            int startC = TornadoMath.max(first - outputsA - outputsB, 0);
            int endC = TornadoMath.min(end - outputsA - outputsB, outputsC);
            int startDown = TornadoMath.max(first - width, 0);
            int endDown = TornadoMath.min(end, stacked) - width;
            float[] tile = new float[TILE];
            float[] sums = new float[CHUNK];
            RowTile.clear(sums);
            float squares = 0f;
            for (int t = 0; t < inputs; t += TILE) {
                int used = TornadoMath.min(TILE, inputs - t);
                squares += RowTile.loadNormed(tile, in, row * inputs + t, norm, layer * inputs + t, used);
                for (int o = first; o < endA; o++) {
                    sums[o - first] += TileDots.dotF32(tile, weightA, (layer * outputsA + o) * inputs + t, used);
                }
                for (int o = startB; o < endB; o++) {
                    sums[outputsA + o - first] += TileDots.dotF32(tile, weightB, (layer * outputsB + o) * inputs + t, used);
                }
                for (int o = startC; o < endC; o++) {
                    sums[outputsA + outputsB + o - first] += TileDots.dotF32(tile, weightC, (layer * outputsC + o) * inputs + t, used);
                }
                DownHalves.addToStack(sums, width - first, startDown, endDown, tile, t, used, control, adapter, downCodes, downFloats,
                        weights, row, inputs);
            }
            float inverse = 1f / TornadoMath.sqrt(squares / inputs + epsilon);
            int endOut = TornadoMath.min(end, width);
            for (int o = first; o < endOut; o++) {
                out.set(row * width + o, inverse * sums[o - first]);
            }
            DownHalves.storeOfStack(sums, width - first, startDown, endDown, inverse, control, gains, adapter, hidden, weights, row);
        }
    }

    /** As {@link #normAndProjectRows}, one group of {@link #THREADS} threads per row and {@link #CHUNK} outputs,
            {@link #LANES} for each. */
    public static void normAndProjectRowsGrouped(KernelContext context, IntArray control, FloatArray in, FloatArray norm,
            FloatArray gains, IntArray adapter, IntArray downCodes, FloatArray downFloats, FloatArray weightA, FloatArray weightB,
            FloatArray weightC, FloatArray out, FloatArray hidden, int inputs, int outputsA, int weights, float epsilon) {
        int rows = control.get(Control.ROWS);
        int layer = control.get(Control.LAYER);
        int outputsB = weightB.getSize() / (weightA.getSize() / outputsA);
        int outputsC = (weights - 2) * outputsB;
        int width = outputsA + outputsB + outputsC;
        int stacked = width + weights * LowRankKernels.activeRankOf(control);
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
            float mine = LaneDots.dotNormedF32(in, x, norm, g, weightA, (layer * outputsA + o) * inputs, lane,
                    LaneDots.within(o, outputsA, inputs));
            mine += LaneDots.dotNormedF32(in, x, norm, g, weightB, (layer * outputsB + b) * inputs, lane,
                    LaneDots.within(b, outputsB, inputs));
            mine += LaneDots.dotNormedF32(in, x, norm, g, weightC, (layer * outputsC + c) * inputs, lane,
                    LaneDots.within(c, outputsC, inputs));
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

    /** As {@link #projectRows}, from 16-bit weights that {@link #decode} decodes. */
    public static void projectRowsF16(IntArray control, FloatArray in, ShortArray weight, FloatArray decode, FloatArray parts,
            IntArray adapter, IntArray upCodes, FloatArray upFloats, FloatArray out, int inputs, int outputs, int layerStride,
            int accumulate, int site, int partCount, int mantissaBits) {
        int rows = control.get(Control.ROWS);
        int layer = control.get(Control.LAYER) * layerStride;
        int count = rows * ((outputs + CHUNK - 1) / CHUNK);
        for (@Parallel int index = 0; index < count; index++) {
            int chunk = index / rows;
            int row = index - chunk * rows;
            int first = chunk * CHUNK;
            int used = TornadoMath.min(CHUNK, outputs - first);
            float[] tile = new float[TILE];
            float[] sums = new float[CHUNK];
            RowTile.clear(sums);
            for (int t = 0; t < inputs; t += TILE) {
                int width = TornadoMath.min(TILE, inputs - t);
                RowTile.load(tile, in, row * inputs + t, width);
                for (int o = 0; o < used; o++) {
                    sums[o] += TileDots.dotF16(tile, weight, decode, mantissaBits, layer + (first + o) * inputs + t, width);
                }
            }
            UpHalves.addParts(sums, tile, control, adapter, parts, partCount, site, row, first, upCodes, upFloats);
            RowTile.store(sums, used, out, row * outputs + first, accumulate);
        }
    }

    /** As {@link #projectRowsF16}, one group of {@link #THREADS} threads per row and {@link #CHUNK} outputs, {@link #LANES} for each. */
    public static void projectRowsF16Grouped(KernelContext context, IntArray control, FloatArray in, ShortArray weight,
            FloatArray decode, FloatArray parts, IntArray adapter, IntArray upCodes, FloatArray upFloats, FloatArray out, int inputs,
            int outputs, int layerStride, int accumulate, int site, int partCount, int rank, int mantissaBits) {
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
            float mine = LaneDots.dotF16(in, row * inputs, weight, decode, mantissaBits, layer + o * inputs, lane,
                    LaneDots.within(o, end, inputs));
            int used = LaneDots.within(o, end, activeRank);
            for (int k = lane; k < used; k += LANES) {
                int at = LowRankKernels.upAt(control, adapter, site, o) + k * LowRankKernels.BLOCK;
                mine += components[k] * LowRankKernels.element(adapter, upCodes, upFloats, at);
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

    /** As {@link #normAndProjectRows}, from 16-bit weights that {@link #decode} decodes. */
    public static void normAndProjectRowsF16(IntArray control, FloatArray in, FloatArray norm, FloatArray gains, IntArray adapter,
            IntArray downCodes, FloatArray downFloats, ShortArray weightA, ShortArray weightB, ShortArray weightC, FloatArray decode,
            FloatArray out, FloatArray hidden, int inputs, int outputsA, int weights, float epsilon, int mantissaBits) {
        int rows = control.get(Control.ROWS);
        int layer = control.get(Control.LAYER);
        int outputsB = weightB.getSize() / (weightA.getSize() / outputsA);
        int outputsC = (weights - 2) * outputsB;
        int width = outputsA + outputsB + outputsC;
        int stacked = width + weights * LowRankKernels.activeRankOf(control);
        int count = rows * ((stacked + CHUNK - 1) / CHUNK);
        for (@Parallel int index = 0; index < count; index++) {
            int chunk = index / rows;
            int row = index - chunk * rows;
            int first = chunk * CHUNK;
            int end = first + CHUNK;
            int endA = TornadoMath.min(end, outputsA);
            int startB = TornadoMath.max(first - outputsA, 0);
            int endB = TornadoMath.min(end - outputsA, outputsB);
            int startC = TornadoMath.max(first - outputsA - outputsB, 0);
            int endC = TornadoMath.min(end - outputsA - outputsB, outputsC);
            int startDown = TornadoMath.max(first - width, 0);
            int endDown = TornadoMath.min(end, stacked) - width;
            float[] tile = new float[TILE];
            float[] sums = new float[CHUNK];
            RowTile.clear(sums);
            float squares = 0f;
            for (int t = 0; t < inputs; t += TILE) {
                int used = TornadoMath.min(TILE, inputs - t);
                squares += RowTile.loadNormed(tile, in, row * inputs + t, norm, layer * inputs + t, used);
                for (int o = first; o < endA; o++) {
                    sums[o - first] += TileDots.dotF16(tile, weightA, decode, mantissaBits, (layer * outputsA + o) * inputs + t, used);
                }
                for (int o = startB; o < endB; o++) {
                    sums[outputsA + o - first] += TileDots.dotF16(tile, weightB, decode, mantissaBits,
                            (layer * outputsB + o) * inputs + t, used);
                }
                for (int o = startC; o < endC; o++) {
                    sums[outputsA + outputsB + o - first] += TileDots.dotF16(tile, weightC, decode, mantissaBits,
                            (layer * outputsC + o) * inputs + t, used);
                }
                DownHalves.addToStack(sums, width - first, startDown, endDown, tile, t, used, control, adapter, downCodes, downFloats,
                        weights, row, inputs);
            }
            float inverse = 1f / TornadoMath.sqrt(squares / inputs + epsilon);
            int endOut = TornadoMath.min(end, width);
            for (int o = first; o < endOut; o++) {
                out.set(row * width + o, inverse * sums[o - first]);
            }
            DownHalves.storeOfStack(sums, width - first, startDown, endDown, inverse, control, gains, adapter, hidden, weights, row);
        }
    }

    /** As {@link #normAndProjectRowsF16}, one group of {@link #THREADS} threads per row and {@link #CHUNK} outputs,
            {@link #LANES} for each. */
    public static void normAndProjectRowsF16Grouped(KernelContext context, IntArray control, FloatArray in, FloatArray norm,
            FloatArray gains, IntArray adapter, IntArray downCodes, FloatArray downFloats, ShortArray weightA, ShortArray weightB,
            ShortArray weightC, FloatArray decode, FloatArray out, FloatArray hidden, int inputs, int outputsA, int weights,
            float epsilon, int mantissaBits) {
        int rows = control.get(Control.ROWS);
        int layer = control.get(Control.LAYER);
        int outputsB = weightB.getSize() / (weightA.getSize() / outputsA);
        int outputsC = (weights - 2) * outputsB;
        int width = outputsA + outputsB + outputsC;
        int stacked = width + weights * LowRankKernels.activeRankOf(control);
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
            float mine = LaneDots.dotNormedF16(in, x, norm, g, weightA, decode, mantissaBits, (layer * outputsA + o) * inputs, lane,
                    LaneDots.within(o, outputsA, inputs));
            mine += LaneDots.dotNormedF16(in, x, norm, g, weightB, decode, mantissaBits, (layer * outputsB + b) * inputs, lane,
                    LaneDots.within(b, outputsB, inputs));
            mine += LaneDots.dotNormedF16(in, x, norm, g, weightC, decode, mantissaBits, (layer * outputsC + c) * inputs, lane,
                    LaneDots.within(c, outputsC, inputs));
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

    /**
     * Exact value of a finite F16 or BF16: (mantissa + implicit one) · table[sign and exponent]; TornadoVM's half type needs a device that
     * has one. Without a branch, and the sum is made in float: masked shorts are unsigned to some compilers.
     *
     * @param table        [2^(16 - mantissaBits)]   sign · 2^(exponent - bias - mantissaBits)
     * @param mantissaBits 10 for F16, 7 for BF16
     */
    static float decode(short bits, FloatArray table, int mantissaBits) {
        int exponents = (1 << (15 - mantissaBits)) - 1;
        int exponent = (bits >> mantissaBits) & exponents;
        int signed = (bits >> mantissaBits) & ((1 << (16 - mantissaBits)) - 1);
        float implicit = (exponent + exponents) >> (15 - mantissaBits);
        float mantissa = bits & ((1 << mantissaBits) - 1);
        return (mantissa + implicit * (1 << mantissaBits)) * table.get(signed);
    }
}
