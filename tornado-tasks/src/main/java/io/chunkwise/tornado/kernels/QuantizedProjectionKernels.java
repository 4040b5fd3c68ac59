package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Base projections whose weights stay in blocks of 32 quants with one scale; activations are float. */
public final class QuantizedProjectionKernels {
    private static final int LANES = ProjectionKernels.LANES;
    private static final int THREADS = ProjectionKernels.THREADS;
    private static final int CHUNK = ProjectionKernels.CHUNK;
    private static final int TILE = RowTile.SIZE;

    private QuantizedProjectionKernels() {
    }

    /**
     * As {@link ProjectionKernels#projectRows}, from blocks of 32 signed bytes with one scale: int j of the eight of a block has elements
     * j, j + 8, j + 16 and j + 24, the first in its lowest byte.
     */
    public static void projectRowsQ8(IntArray control, FloatArray in, IntArray quants, FloatArray scales, FloatArray parts,
            IntArray adapter, IntArray upCodes, FloatArray upFloats, FloatArray out, int inputs, int outputs, int layerStride,
            int accumulate, int site, int partCount) {
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
                    sums[o] += TileDots.dotQ8(tile, quants, scales, layer + (first + o) * inputs + t, width);
                }
            }
            UpHalves.addParts(sums, tile, control, adapter, parts, partCount, site, row, first, upCodes, upFloats);
            RowTile.store(sums, used, out, row * outputs + first, accumulate);
        }
    }

    /** As {@link #projectRowsQ8},
            one group of {@link ProjectionKernels#THREADS} threads per row and {@link ProjectionKernels#CHUNK} outputs. */
    public static void projectRowsQ8Grouped(KernelContext context, IntArray control, FloatArray in, IntArray quants, FloatArray scales,
            FloatArray parts, IntArray adapter, IntArray upCodes, FloatArray upFloats, FloatArray out, int inputs, int outputs,
            int layerStride, int accumulate, int site, int partCount, int rank) {
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
            float mine = LaneDots.dotQ8(in, row * inputs, quants, scales, layer + o * inputs, lane,
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

    /** As {@link ProjectionKernels#normAndProjectRows}, from blocks as in {@link #projectRowsQ8}. */
    public static void normAndProjectRowsQ8(IntArray control, FloatArray in, FloatArray norm, FloatArray gains, IntArray adapter,
            IntArray downCodes, FloatArray downFloats, IntArray quantsA, FloatArray scalesA, IntArray quantsB, FloatArray scalesB,
            IntArray quantsC, FloatArray scalesC, FloatArray out, FloatArray hidden, int inputs, int outputsA, int weights,
            float epsilon) {
        int rows = control.get(Control.ROWS);
        int layer = control.get(Control.LAYER);
        int outputsB = scalesB.getSize() / (scalesA.getSize() / outputsA);
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
                    sums[o - first] += TileDots.dotQ8(tile, quantsA, scalesA, (layer * outputsA + o) * inputs + t, used);
                }
                for (int o = startB; o < endB; o++) {
                    sums[outputsA + o - first] += TileDots.dotQ8(tile, quantsB, scalesB, (layer * outputsB + o) * inputs + t, used);
                }
                for (int o = startC; o < endC; o++) {
                    sums[outputsA + outputsB + o - first] += TileDots.dotQ8(tile, quantsC, scalesC, (layer * outputsC + o) * inputs + t,
                            used);
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

    /** As {@link #normAndProjectRowsQ8},
            one group of {@link ProjectionKernels#THREADS} threads per row and {@link ProjectionKernels#CHUNK} outputs. */
    public static void normAndProjectRowsQ8Grouped(KernelContext context, IntArray control, FloatArray in, FloatArray norm,
            FloatArray gains, IntArray adapter, IntArray downCodes, FloatArray downFloats, IntArray quantsA, FloatArray scalesA,
            IntArray quantsB, FloatArray scalesB, IntArray quantsC, FloatArray scalesC, FloatArray out, FloatArray hidden, int inputs,
            int outputsA, int weights, float epsilon) {
        int rows = control.get(Control.ROWS);
        int layer = control.get(Control.LAYER);
        int outputsB = scalesB.getSize() / (scalesA.getSize() / outputsA);
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
            float mine = LaneDots.dotNormedQ8(in, x, norm, g, quantsA, scalesA, (layer * outputsA + o) * inputs, lane,
                    LaneDots.within(o, outputsA, inputs));
            mine += LaneDots.dotNormedQ8(in, x, norm, g, quantsB, scalesB, (layer * outputsB + b) * inputs, lane,
                    LaneDots.within(b, outputsB, inputs));
            mine += LaneDots.dotNormedQ8(in, x, norm, g, quantsC, scalesC, (layer * outputsC + c) * inputs, lane,
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
     * As {@link ProjectionKernels#projectRows}, from blocks of 32 with one scale: element i &lt; 16 of a block is the low half of its
     * byte i minus 8, element i + 16 the high half minus 8.
     */
    public static void projectRowsQ4(IntArray control, FloatArray in, ByteArray nibbles, FloatArray scales, FloatArray parts,
            IntArray adapter, IntArray upCodes, FloatArray upFloats, FloatArray out, int inputs, int outputs, int layerStride,
            int accumulate, int site, int partCount) {
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
                    sums[o] += TileDots.dotQ4(tile, nibbles, scales, layer + (first + o) * inputs + t, width);
                }
            }
            UpHalves.addParts(sums, tile, control, adapter, parts, partCount, site, row, first, upCodes, upFloats);
            RowTile.store(sums, used, out, row * outputs + first, accumulate);
        }
    }

    /** As {@link #projectRowsQ4},
            one group of {@link ProjectionKernels#THREADS} threads per row and {@link ProjectionKernels#CHUNK} outputs. */
    public static void projectRowsQ4Grouped(KernelContext context, IntArray control, FloatArray in, ByteArray nibbles, FloatArray scales,
            FloatArray parts, IntArray adapter, IntArray upCodes, FloatArray upFloats, FloatArray out, int inputs, int outputs,
            int layerStride, int accumulate, int site, int partCount, int rank) {
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
            float mine = LaneDots.dotQ4(in, row * inputs, nibbles, scales, layer + o * inputs, lane,
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

    /** As {@link ProjectionKernels#normAndProjectRows}, from blocks as in {@link #projectRowsQ4}. */
    public static void normAndProjectRowsQ4(IntArray control, FloatArray in, FloatArray norm, FloatArray gains, IntArray adapter,
            IntArray downCodes, FloatArray downFloats, ByteArray nibblesA, FloatArray scalesA, ByteArray nibblesB, FloatArray scalesB,
            ByteArray nibblesC, FloatArray scalesC, FloatArray out, FloatArray hidden, int inputs, int outputsA, int weights,
            float epsilon) {
        int rows = control.get(Control.ROWS);
        int layer = control.get(Control.LAYER);
        int outputsB = scalesB.getSize() / (scalesA.getSize() / outputsA);
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
                    sums[o - first] += TileDots.dotQ4(tile, nibblesA, scalesA, (layer * outputsA + o) * inputs + t, used);
                }
                for (int o = startB; o < endB; o++) {
                    sums[outputsA + o - first] += TileDots.dotQ4(tile, nibblesB, scalesB, (layer * outputsB + o) * inputs + t, used);
                }
                for (int o = startC; o < endC; o++) {
                    sums[outputsA + outputsB + o - first] += TileDots.dotQ4(tile, nibblesC, scalesC, (layer * outputsC + o) * inputs + t,
                            used);
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

    /** As {@link #normAndProjectRowsQ4},
            one group of {@link ProjectionKernels#THREADS} threads per row and {@link ProjectionKernels#CHUNK} outputs. */
    public static void normAndProjectRowsQ4Grouped(KernelContext context, IntArray control, FloatArray in, FloatArray norm,
            FloatArray gains, IntArray adapter, IntArray downCodes, FloatArray downFloats, ByteArray nibblesA, FloatArray scalesA,
            ByteArray nibblesB, FloatArray scalesB, ByteArray nibblesC, FloatArray scalesC, FloatArray out, FloatArray hidden,
            int inputs, int outputsA, int weights, float epsilon) {
        int rows = control.get(Control.ROWS);
        int layer = control.get(Control.LAYER);
        int outputsB = scalesB.getSize() / (scalesA.getSize() / outputsA);
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
            float mine = LaneDots.dotNormedQ4(in, x, norm, g, nibblesA, scalesA, (layer * outputsA + o) * inputs, lane,
                    LaneDots.within(o, outputsA, inputs));
            mine += LaneDots.dotNormedQ4(in, x, norm, g, nibblesB, scalesB, (layer * outputsB + b) * inputs, lane,
                    LaneDots.within(b, outputsB, inputs));
            mine += LaneDots.dotNormedQ4(in, x, norm, g, nibblesC, scalesC, (layer * outputsC + c) * inputs, lane,
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

    /** The subtraction is made in float: of a masked byte it wraps around in the generated code. */
    static float lowQuant(int pair) {
        float quant = pair & 15;
        return quant - 8f;
    }

    static float highQuant(int pair) {
        float quant = (pair >> 4) & 15;
        return quant - 8f;
    }
}
