package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Base projections whose weights stay in blocks of 32 quants with one scale; activations are float. */
public final class QuantizedProjectionKernels {

    private QuantizedProjectionKernels() {
    }

    /**
     * As {@link ProjectionKernels#projectRows}, from blocks of 32 signed bytes with one scale: int j of the eight of a block has elements
     * j, j + 8, j + 16 and j + 24, the first in its lowest byte.
     */
    public static void projectRowsQ8(IntArray control, FloatArray in, IntArray quants, FloatArray scales, FloatArray parts,
            IntArray adapter, IntArray upCodes, FloatArray upFloats, FloatArray out, int inputs, int outputs, int layerStride,
            int accumulate, int site, int partCount) {
        int count = ChunkProjection.count(control, outputs);
        for (@Parallel int index = 0; index < count; index++) {
            ChunkProjection.project(index, control, in, WeightFormat.Q8, scales, null, quants, null, 0, parts, adapter, upCodes, upFloats,
                    out, inputs, outputs, layerStride, accumulate, site, partCount);
        }
    }

    /** As {@link #projectRowsQ8}, one group per row and {@link ProjectionKernels#GROUP_OUTPUTS} outputs. */
    public static void projectRowsQ8Grouped(KernelContext context, IntArray control, FloatArray in, IntArray quants, FloatArray scales,
            FloatArray parts, IntArray adapter, IntArray upCodes, FloatArray upFloats, FloatArray out, int inputs, int outputs,
            int layerStride, int accumulate, int site, int partCount, int rank) {
        GroupProjection.project(context, control, in, WeightFormat.Q8, scales, null, null, quants, 0, parts, adapter, upCodes, upFloats,
                out, inputs, outputs, layerStride, accumulate, site, partCount, rank);
    }

    /** As {@link #projectRowsQ8}, one group per tile of rows and outputs: for many rows. */
    public static void projectTilesQ8(KernelContext context, IntArray control, FloatArray in, IntArray quants, FloatArray scales,
            FloatArray parts, IntArray adapter, IntArray upCodes, FloatArray upFloats, FloatArray out, int inputs, int outputs,
            int layerStride, int accumulate, int site, int partCount) {
        TileProjection.project(context, control, in, WeightFormat.Q8, scales, null, null, quants, 0, parts, adapter, upCodes, upFloats, out,
                inputs, outputs, layerStride, accumulate, site, partCount);
    }

    /** As {@link ProjectionKernels#normAndProjectRows}, from blocks as in {@link #projectRowsQ8}. */
    public static void normAndProjectRowsQ8(IntArray control, FloatArray in, FloatArray norm, FloatArray gains, IntArray adapter,
            IntArray downCodes, FloatArray downFloats, IntArray quantsA, FloatArray scalesA, IntArray quantsB, FloatArray scalesB,
            IntArray quantsC, FloatArray scalesC, FloatArray out, FloatArray hidden, int inputs, int outputsA, int weights,
            float epsilon) {
        int outputsB = scalesB.getSize() / (scalesA.getSize() / outputsA);
        int count = ChunkProjection.count(control, LowRankKernels.stacked(control, outputsA, outputsB, weights));
        for (@Parallel int index = 0; index < count; index++) {
            ChunkProjection.normAndProject(index, control, in, norm, gains, adapter, downCodes, downFloats, WeightFormat.Q8, 0, scalesA,
                    null, quantsA, null, scalesB, null, quantsB, null, scalesC, null, quantsC, null, out, hidden, inputs, outputsA,
                    outputsB, weights, epsilon);
        }
    }

    /** As {@link #normAndProjectRowsQ8}, one group per row and {@link ProjectionKernels#GROUP_OUTPUTS} outputs. */
    public static void normAndProjectRowsQ8Grouped(KernelContext context, IntArray control, FloatArray in, FloatArray norm,
            FloatArray gains, IntArray adapter, IntArray downCodes, FloatArray downFloats, IntArray quantsA, FloatArray scalesA,
            IntArray quantsB, FloatArray scalesB, IntArray quantsC, FloatArray scalesC, FloatArray out, FloatArray hidden, int inputs,
            int outputsA, int weights, float epsilon) {
        int outputsB = scalesB.getSize() / (scalesA.getSize() / outputsA);
        GroupProjection.normAndProject(context, control, in, norm, gains, adapter, downCodes, downFloats, WeightFormat.Q8, 0, scalesA, null,
                null, quantsA, scalesB, null, null, quantsB, scalesC, null, null, quantsC, out, hidden, inputs, outputsA, outputsB, weights,
                epsilon);
    }

    /** As {@link #normAndProjectRowsQ8}, one group per tile of rows and outputs: for many rows. */
    public static void normAndProjectTilesQ8(KernelContext context, IntArray control, FloatArray in, FloatArray norm,
            FloatArray gains, IntArray adapter, IntArray downCodes, FloatArray downFloats, IntArray quantsA, FloatArray scalesA,
            IntArray quantsB, FloatArray scalesB, IntArray quantsC, FloatArray scalesC, FloatArray out, FloatArray hidden, int inputs,
            int outputsA, int weights, float epsilon) {
        int outputsB = scalesB.getSize() / (scalesA.getSize() / outputsA);
        TileProjection.normAndProject(context, control, in, norm, gains, adapter, downCodes, downFloats, WeightFormat.Q8, 0, scalesA, null,
                null, quantsA, scalesB, null, null, quantsB, scalesC, null, null, quantsC, out, hidden, inputs, outputsA, outputsB, weights,
                epsilon);
    }

    /**
     * As {@link ProjectionKernels#projectRows}, from blocks of 32 with one scale: element i &lt; 16 of a block is the low half of its
     * byte i minus 8, element i + 16 the high half minus 8.
     */
    public static void projectRowsQ4(IntArray control, FloatArray in, ByteArray nibbles, FloatArray scales, FloatArray parts,
            IntArray adapter, IntArray upCodes, FloatArray upFloats, FloatArray out, int inputs, int outputs, int layerStride,
            int accumulate, int site, int partCount) {
        int count = ChunkProjection.count(control, outputs);
        for (@Parallel int index = 0; index < count; index++) {
            ChunkProjection.project(index, control, in, WeightFormat.Q4, scales, null, null, nibbles, 0, parts, adapter, upCodes, upFloats,
                    out, inputs, outputs, layerStride, accumulate, site, partCount);
        }
    }

    /** As {@link #projectRowsQ4}, one group per row and {@link ProjectionKernels#GROUP_OUTPUTS} outputs. */
    public static void projectRowsQ4Grouped(KernelContext context, IntArray control, FloatArray in, IntArray quants, FloatArray scales,
            FloatArray parts, IntArray adapter, IntArray upCodes, FloatArray upFloats, FloatArray out, int inputs, int outputs,
            int layerStride, int accumulate, int site, int partCount, int rank) {
        GroupProjection.project(context, control, in, WeightFormat.PACKED_Q4, scales, null, null, quants, 0, parts, adapter, upCodes,
                upFloats, out, inputs, outputs, layerStride, accumulate, site, partCount, rank);
    }

    /** As {@link #projectRowsQ4}, one group per tile of rows and outputs: for many rows. */
    public static void projectTilesQ4(KernelContext context, IntArray control, FloatArray in, IntArray quants, FloatArray scales,
            FloatArray parts, IntArray adapter, IntArray upCodes, FloatArray upFloats, FloatArray out, int inputs, int outputs,
            int layerStride, int accumulate, int site, int partCount) {
        TileProjection.project(context, control, in, WeightFormat.PACKED_Q4, scales, null, null, quants, 0, parts, adapter, upCodes,
                upFloats, out, inputs, outputs, layerStride, accumulate, site, partCount);
    }

    /** As {@link ProjectionKernels#normAndProjectRows}, from blocks as in {@link #projectRowsQ4}. */
    public static void normAndProjectRowsQ4(IntArray control, FloatArray in, FloatArray norm, FloatArray gains, IntArray adapter,
            IntArray downCodes, FloatArray downFloats, ByteArray nibblesA, FloatArray scalesA, ByteArray nibblesB, FloatArray scalesB,
            ByteArray nibblesC, FloatArray scalesC, FloatArray out, FloatArray hidden, int inputs, int outputsA, int weights,
            float epsilon) {
        int outputsB = scalesB.getSize() / (scalesA.getSize() / outputsA);
        int count = ChunkProjection.count(control, LowRankKernels.stacked(control, outputsA, outputsB, weights));
        for (@Parallel int index = 0; index < count; index++) {
            ChunkProjection.normAndProject(index, control, in, norm, gains, adapter, downCodes, downFloats, WeightFormat.Q4, 0, scalesA,
                    null, null, nibblesA, scalesB, null, null, nibblesB, scalesC, null, null, nibblesC, out, hidden, inputs, outputsA,
                    outputsB, weights, epsilon);
        }
    }

    /** As {@link #normAndProjectRowsQ4}, one group per row and {@link ProjectionKernels#GROUP_OUTPUTS} outputs. */
    public static void normAndProjectRowsQ4Grouped(KernelContext context, IntArray control, FloatArray in, FloatArray norm,
            FloatArray gains, IntArray adapter, IntArray downCodes, FloatArray downFloats, IntArray quantsA, FloatArray scalesA,
            IntArray quantsB, FloatArray scalesB, IntArray quantsC, FloatArray scalesC, FloatArray out, FloatArray hidden,
            int inputs, int outputsA, int weights, float epsilon) {
        int outputsB = scalesB.getSize() / (scalesA.getSize() / outputsA);
        GroupProjection.normAndProject(context, control, in, norm, gains, adapter, downCodes, downFloats, WeightFormat.PACKED_Q4, 0,
                scalesA, null, null, quantsA, scalesB, null, null, quantsB, scalesC, null, null, quantsC, out, hidden, inputs, outputsA,
                outputsB, weights, epsilon);
    }

    /** As {@link #normAndProjectRowsQ4}, one group per tile of rows and outputs: for many rows. */
    public static void normAndProjectTilesQ4(KernelContext context, IntArray control, FloatArray in, FloatArray norm,
            FloatArray gains, IntArray adapter, IntArray downCodes, FloatArray downFloats, IntArray quantsA, FloatArray scalesA,
            IntArray quantsB, FloatArray scalesB, IntArray quantsC, FloatArray scalesC, FloatArray out, FloatArray hidden,
            int inputs, int outputsA, int weights, float epsilon) {
        int outputsB = scalesB.getSize() / (scalesA.getSize() / outputsA);
        TileProjection.normAndProject(context, control, in, norm, gains, adapter, downCodes, downFloats, WeightFormat.PACKED_Q4, 0, scalesA,
                null, null, quantsA, scalesB, null, null, quantsB, scalesC, null, null, quantsC, out, hidden, inputs, outputsA, outputsB,
                weights, epsilon);
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
