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

    private QuantizedProjectionKernels() {
    }

    /** As {@link ProjectionKernels#projectRows}, from blocks of 32 signed bytes with one scale. */
    public static void projectRowsQ8(IntArray control, FloatArray in, ByteArray quants, FloatArray scales, FloatArray parts,
            IntArray adapter, ByteArray upCodes, FloatArray upFloats, FloatArray out, int inputs, int outputs, int layerStride,
            int accumulate, int site, int partCount) {
        int rows = control.get(Control.ROWS);
        int layer = control.get(Control.LAYER) * layerStride;
        int count = rows * ((outputs + CHUNK - 1) / CHUNK);
        for (@Parallel int index = 0; index < count; index++) {
            int chunk = index / rows;
            int row = index - chunk * rows;
            int first = chunk * CHUNK;
            int end = TornadoMath.min(first + CHUNK, outputs);
            int y = row * outputs;
            for (int o = first; o < end; o++) {
                float sum = RowDots.dotQ8(in, row * inputs, quants, scales, layer + o * inputs, inputs);
                if (accumulate != 0) {
                    sum += out.get(y + o);
                }
                out.set(y + o, sum);
            }
            int activeRank = LowRankKernels.activeRank(control, adapter, site, row);
            for (int k = 0; k < activeRank; k++) {
                float component = LowRankKernels.sumOfParts(adapter, parts, row, k, partCount);
                int at = LowRankKernels.upAt(control, adapter, site, k, outputs);
                for (int o = first; o < end; o++) {
                    out.set(y + o, out.get(y + o) + component * LowRankKernels.element(adapter, upCodes, upFloats, at + o));
                }
            }
        }
    }

    /**
     * As {@link #projectRowsQ8}, one group of
     * {@link ProjectionKernels#THREADS} threads per row and {@link ProjectionKernels#CHUNK} outputs, {@link ProjectionKernels#LANES} for each.
     */
    public static void projectRowsQ8Grouped(KernelContext context, IntArray control, FloatArray in, ByteArray quants, FloatArray scales,
            FloatArray parts, IntArray adapter, ByteArray upCodes, FloatArray upFloats, FloatArray out, int inputs, int outputs,
            int layerStride, int accumulate, int site, int partCount) {
        int rows = control.get(Control.ROWS);
        int thread = context.localIdx;
        int chunk = context.groupIdx / LowRankKernels.rowsDivisor(control);
        int row = context.groupIdx - chunk * rows;
        int first = chunk * CHUNK;
        if (first >= outputs) {
            return;
        }
        if (rows < 1) {
            return;
        }
        int lane = LaneDots.laneOf(thread);
        int layer = control.get(Control.LAYER) * layerStride;
        int y = row * outputs;
        float[] partial = context.allocateFloatLocalArray(THREADS);
        int activeRank = LowRankKernels.activeRank(control, adapter, site, row);
        for (int o = first + thread / LANES; o < first + CHUNK; o += THREADS / LANES) {
            float mine = LaneDots.dotQ8(in, row * inputs, quants, scales, layer + o * inputs, lane, LaneDots.within(o, outputs, inputs));
            int used = LaneDots.within(o, outputs, activeRank);
            for (int k = lane; k < used; k += LANES) {
                int at = LowRankKernels.upAt(control, adapter, site, k, outputs);
                mine += LowRankKernels.sumOfParts(adapter, parts, row, k, partCount) * LowRankKernels.element(adapter, upCodes, upFloats, at + o);
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
                if (o < outputs) {
                    float sum = partial[thread];
                    if (accumulate != 0) {
                        sum += out.get(y + o);
                    }
                    out.set(y + o, sum);
                }
            }
        }
    }

    /** As {@link ProjectionKernels#normAndProjectRows}, from blocks of 32 signed bytes with one scale. */
    public static void normAndProjectRowsQ8(IntArray control, FloatArray in, FloatArray norm, FloatArray gains, IntArray adapter,
            ByteArray downCodes, FloatArray downFloats, ByteArray quantsA, FloatArray scalesA, ByteArray quantsB, FloatArray scalesB,
            ByteArray quantsC, FloatArray scalesC, FloatArray out, FloatArray hidden, int inputs, int outputsA, int weights, float epsilon) {
        int rows = control.get(Control.ROWS);
        int layer = control.get(Control.LAYER);
        int outputsB = quantsB.getSize() / (quantsA.getSize() / outputsA);
        int outputsC = (weights - 2) * outputsB;
        int width = outputsA + outputsB + outputsC;
        int stacked = width + weights * LowRankKernels.activeRankOf(control);
        int count = rows * ((stacked + CHUNK - 1) / CHUNK);
        for (@Parallel int index = 0; index < count; index++) {
            int chunk = index / rows;
            int row = index - chunk * rows;
            int x = row * inputs;
            int g = layer * inputs;
            int y = row * width;
            int first = chunk * CHUNK;
            int end = first + CHUNK;
            float inverse = 1f / TornadoMath.sqrt(RowDots.squares(in, x, inputs) / inputs + epsilon);
            int endA = TornadoMath.min(end, outputsA);
            for (int o = first; o < endA; o++) {
                out.set(y + o, inverse * RowDots.dotNormedQ8(in, x, norm, g, quantsA, scalesA, (layer * outputsA + o) * inputs, inputs));
            }
            int startB = TornadoMath.max(first - outputsA, 0);
            int endB = TornadoMath.min(end - outputsA, outputsB);
            for (int o = startB; o < endB; o++) {
                out.set(y + outputsA + o,
                        inverse * RowDots.dotNormedQ8(in, x, norm, g, quantsB, scalesB, (layer * outputsB + o) * inputs, inputs));
            }
            int startC = TornadoMath.max(first - outputsA - outputsB, 0);
            int endC = TornadoMath.min(end - outputsA - outputsB, outputsC);
            for (int o = startC; o < endC; o++) {
                out.set(y + outputsA + outputsB + o,
                        inverse * RowDots.dotNormedQ8(in, x, norm, g, quantsC, scalesC, (layer * outputsC + o) * inputs, inputs));
            }
            int startDown = TornadoMath.max(first - width, 0);
            int endDown = TornadoMath.min(end, stacked) - width;
            for (int d = startDown; d < endDown; d++) {
                int rank = LowRankKernels.divisor(control);
                int site = LowRankKernels.firstSite(weights) + d / rank;
                int component = d % rank;
                int group = LowRankKernels.groupOf(control, adapter, site, row, component);
                int used = LowRankKernels.usedInputs(group, inputs);
                int at = LowRankKernels.downAt(control, adapter, site, component, inputs);
                float gain = LowRankKernels.gainOf(control, gains, row, group);
                float sum = RowDots.dotNormedF32(in, x, norm, g, downFloats, at, LowRankKernels.uncoded(adapter, used))
                        + RowDots.dotNormedQ8(in, x, norm, g, downCodes, downFloats, at, LowRankKernels.coded(adapter, used));
                hidden.set(LowRankKernels.hiddenAt(adapter, site, row) + component, gain * inverse * sum);
            }
        }
    }

    /**
     * As {@link #normAndProjectRowsQ8},
             one group of {@link ProjectionKernels#THREADS} threads per row and {@link ProjectionKernels#CHUNK} rows of the stack, {@link
     * #LANES} for each.
     */
    public static void normAndProjectRowsQ8Grouped(KernelContext context, IntArray control, FloatArray in, FloatArray norm,
            FloatArray gains, IntArray adapter, ByteArray downCodes, FloatArray downFloats, ByteArray quantsA, FloatArray scalesA,
            ByteArray quantsB, FloatArray scalesB, ByteArray quantsC, FloatArray scalesC, FloatArray out, FloatArray hidden, int inputs,
            int outputsA, int weights, float epsilon) {
        int rows = control.get(Control.ROWS);
        int layer = control.get(Control.LAYER);
        int outputsB = quantsB.getSize() / (quantsA.getSize() / outputsA);
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
        int y = row * width;
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
            float mine = LaneDots.dotNormedQ8(in, x, norm, g, quantsA, scalesA, (layer * outputsA + o) * inputs, lane, LaneDots.within(o,
                    outputsA, inputs));
            mine += LaneDots.dotNormedQ8(in, x, norm, g, quantsB, scalesB, (layer * outputsB + b) * inputs, lane, LaneDots.within(b, outputsB,
                    inputs));
            mine += LaneDots.dotNormedQ8(in, x, norm, g, quantsC, scalesC, (layer * outputsC + c) * inputs, lane, LaneDots.within(c, outputsC,
                    inputs));
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
                    out.set(y + o, partial[thread]);
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
            IntArray adapter, ByteArray upCodes, FloatArray upFloats, FloatArray out, int inputs, int outputs, int layerStride,
            int accumulate, int site, int partCount) {
        int rows = control.get(Control.ROWS);
        int layer = control.get(Control.LAYER) * layerStride;
        int count = rows * ((outputs + CHUNK - 1) / CHUNK);
        for (@Parallel int index = 0; index < count; index++) {
            int chunk = index / rows;
            int row = index - chunk * rows;
            int first = chunk * CHUNK;
            int end = TornadoMath.min(first + CHUNK, outputs);
            int y = row * outputs;
            for (int o = first; o < end; o++) {
                float sum = RowDots.dotQ4(in, row * inputs, nibbles, scales, layer + o * inputs, inputs);
                if (accumulate != 0) {
                    sum += out.get(y + o);
                }
                out.set(y + o, sum);
            }
            int activeRank = LowRankKernels.activeRank(control, adapter, site, row);
            for (int k = 0; k < activeRank; k++) {
                float component = LowRankKernels.sumOfParts(adapter, parts, row, k, partCount);
                int at = LowRankKernels.upAt(control, adapter, site, k, outputs);
                for (int o = first; o < end; o++) {
                    out.set(y + o, out.get(y + o) + component * LowRankKernels.element(adapter, upCodes, upFloats, at + o));
                }
            }
        }
    }

    /**
     * As {@link #projectRowsQ4}, one group of
     * {@link ProjectionKernels#THREADS} threads per row and {@link ProjectionKernels#CHUNK} outputs, {@link ProjectionKernels#LANES} for each.
     */
    public static void projectRowsQ4Grouped(KernelContext context, IntArray control, FloatArray in, ByteArray nibbles, FloatArray scales,
            FloatArray parts, IntArray adapter, ByteArray upCodes, FloatArray upFloats, FloatArray out, int inputs, int outputs,
            int layerStride, int accumulate, int site, int partCount) {
        int rows = control.get(Control.ROWS);
        int thread = context.localIdx;
        int chunk = context.groupIdx / LowRankKernels.rowsDivisor(control);
        int row = context.groupIdx - chunk * rows;
        int first = chunk * CHUNK;
        if (first >= outputs) {
            return;
        }
        if (rows < 1) {
            return;
        }
        int lane = LaneDots.laneOf(thread);
        int layer = control.get(Control.LAYER) * layerStride;
        int y = row * outputs;
        float[] partial = context.allocateFloatLocalArray(THREADS);
        int activeRank = LowRankKernels.activeRank(control, adapter, site, row);
        for (int o = first + thread / LANES; o < first + CHUNK; o += THREADS / LANES) {
            float mine = LaneDots.dotQ4(in, row * inputs, nibbles, scales, layer + o * inputs, lane, LaneDots.within(o, outputs, inputs));
            int used = LaneDots.within(o, outputs, activeRank);
            for (int k = lane; k < used; k += LANES) {
                int at = LowRankKernels.upAt(control, adapter, site, k, outputs);
                mine += LowRankKernels.sumOfParts(adapter, parts, row, k, partCount) * LowRankKernels.element(adapter, upCodes, upFloats, at + o);
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
                if (o < outputs) {
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
     * As {@link ProjectionKernels#normAndProjectRows}, from blocks of 32 with one scale: element i &lt; 16 of a block is the low half
     * of its byte i minus 8, element i + 16 the high half minus 8.
     */
    public static void normAndProjectRowsQ4(IntArray control, FloatArray in, FloatArray norm, FloatArray gains, IntArray adapter,
            ByteArray downCodes, FloatArray downFloats, ByteArray nibblesA, FloatArray scalesA, ByteArray nibblesB, FloatArray scalesB,
            ByteArray nibblesC, FloatArray scalesC, FloatArray out, FloatArray hidden, int inputs, int outputsA, int weights, float epsilon) {
        int rows = control.get(Control.ROWS);
        int layer = control.get(Control.LAYER);
        int outputsB = nibblesB.getSize() / (nibblesA.getSize() / outputsA);
        int outputsC = (weights - 2) * outputsB;
        int width = outputsA + outputsB + outputsC;
        int stacked = width + weights * LowRankKernels.activeRankOf(control);
        int count = rows * ((stacked + CHUNK - 1) / CHUNK);
        for (@Parallel int index = 0; index < count; index++) {
            int chunk = index / rows;
            int row = index - chunk * rows;
            int x = row * inputs;
            int g = layer * inputs;
            int y = row * width;
            int first = chunk * CHUNK;
            int end = first + CHUNK;
            float inverse = 1f / TornadoMath.sqrt(RowDots.squares(in, x, inputs) / inputs + epsilon);
            int endA = TornadoMath.min(end, outputsA);
            for (int o = first; o < endA; o++) {
                out.set(y + o, inverse * RowDots.dotNormedQ4(in, x, norm, g, nibblesA, scalesA, (layer * outputsA + o) * inputs, inputs));
            }
            int startB = TornadoMath.max(first - outputsA, 0);
            int endB = TornadoMath.min(end - outputsA, outputsB);
            for (int o = startB; o < endB; o++) {
                out.set(y + outputsA + o,
                        inverse * RowDots.dotNormedQ4(in, x, norm, g, nibblesB, scalesB, (layer * outputsB + o) * inputs, inputs));
            }
            int startC = TornadoMath.max(first - outputsA - outputsB, 0);
            int endC = TornadoMath.min(end - outputsA - outputsB, outputsC);
            for (int o = startC; o < endC; o++) {
                out.set(y + outputsA + outputsB + o,
                        inverse * RowDots.dotNormedQ4(in, x, norm, g, nibblesC, scalesC, (layer * outputsC + o) * inputs, inputs));
            }
            int startDown = TornadoMath.max(first - width, 0);
            int endDown = TornadoMath.min(end, stacked) - width;
            for (int d = startDown; d < endDown; d++) {
                int rank = LowRankKernels.divisor(control);
                int site = LowRankKernels.firstSite(weights) + d / rank;
                int component = d % rank;
                int group = LowRankKernels.groupOf(control, adapter, site, row, component);
                int used = LowRankKernels.usedInputs(group, inputs);
                int at = LowRankKernels.downAt(control, adapter, site, component, inputs);
                float gain = LowRankKernels.gainOf(control, gains, row, group);
                float sum = RowDots.dotNormedF32(in, x, norm, g, downFloats, at, LowRankKernels.uncoded(adapter, used))
                        + RowDots.dotNormedQ8(in, x, norm, g, downCodes, downFloats, at, LowRankKernels.coded(adapter, used));
                hidden.set(LowRankKernels.hiddenAt(adapter, site, row) + component, gain * inverse * sum);
            }
        }
    }

    /**
     * As {@link #normAndProjectRowsQ4},
             one group of {@link ProjectionKernels#THREADS} threads per row and {@link ProjectionKernels#CHUNK} rows of the stack, {@link
     * #LANES} for each.
     */
    public static void normAndProjectRowsQ4Grouped(KernelContext context, IntArray control, FloatArray in, FloatArray norm,
            FloatArray gains, IntArray adapter, ByteArray downCodes, FloatArray downFloats, ByteArray nibblesA, FloatArray scalesA,
            ByteArray nibblesB, FloatArray scalesB, ByteArray nibblesC, FloatArray scalesC, FloatArray out, FloatArray hidden,
            int inputs, int outputsA, int weights, float epsilon) {
        int rows = control.get(Control.ROWS);
        int layer = control.get(Control.LAYER);
        int outputsB = nibblesB.getSize() / (nibblesA.getSize() / outputsA);
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
        int y = row * width;
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
            float mine = LaneDots.dotNormedQ4(in, x, norm, g, nibblesA, scalesA, (layer * outputsA + o) * inputs, lane, LaneDots.within(o,
                    outputsA, inputs));
            mine += LaneDots.dotNormedQ4(in, x, norm, g, nibblesB, scalesB, (layer * outputsB + b) * inputs, lane, LaneDots.within(b, outputsB,
                    inputs));
            mine += LaneDots.dotNormedQ4(in, x, norm, g, nibblesC, scalesC, (layer * outputsC + c) * inputs, lane, LaneDots.within(c, outputsC,
                    inputs));
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
                    out.set(y + o, partial[thread]);
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
