package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;

/**
 * Projections of many rows on tensor cores, for devices of TornadoVM's PTX backend: rows are split into halves first, then multiplied, see
 * {@link TensorProjection}. What they compute is what the kernels of {@link ProjectionKernels} compute.
 */
public final class TensorKernels {
    /** Threads of a group that splits a row. */
    public static final int SPLIT_THREADS = SplitRows.THREADS;
    /** Sides of a product of {@link #multiplyHalves}, and its threads. */
    public static final int PRODUCT_ROWS = TensorProjection.LONG;
    public static final int PRODUCT_INPUTS = TensorProjection.LONG;
    public static final int PRODUCT_OUTPUTS = TensorProjection.SHORT;
    public static final int PRODUCT_THREADS = ProjectionKernels.LANES;

    private TensorKernels() {
    }

    /** Ints of a split row that the kernels here read: of its inputs, and of components if there are any. */
    public static int splitInts(int inputs, int rank) {
        return SplitRows.wholeSteps(inputs) + SplitRows.wholeSteps(rank);
    }

    /**
     * Rows and the components of an update, split into halves, as {@link SplitRows} describes.
     *
     * @param control in  rows, active rank, active groups of each row
     * @param in      in  [rowCapacity, inputs]
     * @param parts   in  [rowCapacity, parts, reserved rank]   of the components
     * @param adapter in  table of the adapter, see {@link LowRankKernels}
     * @param split   out [rows, inputs and components in whole steps]
     * @param factors out [rowCapacity]   what sums of products of a split row are multiplied with
     * @param site    of the update, or -1
     */
    public static void splitRows(KernelContext context, IntArray control, FloatArray in, FloatArray parts, IntArray adapter, IntArray split,
            FloatArray factors, int inputs, int site, int partCount) {
        SplitRows.split(context, control, in, 0, null, parts, adapter, split, factors, inputs, site, partCount, 0f);
    }

    /**
     * As {@link #splitRows}, without components: in[r, i] · norm[l, i], and factors with 1 / √(mean_i(in[r, i]²) + ε) in them.
     *
     * @param norm in [layers, inputs]
     */
    public static void normAndSplitRows(KernelContext context, IntArray control, FloatArray in, FloatArray norm, IntArray split,
            FloatArray factors, int inputs, float epsilon) {
        SplitRows.split(context, control, in, 1, norm, null, null, split, factors, inputs, -1, 0, epsilon);
    }

    /**
     * As {@link ProjectionKernels#projectTiles}, of split rows.
     *
     * @param split   in      see {@link #splitRows}
     * @param factors in      see {@link #splitRows}
     * @param weight  in      [layers, outputs, inputs]
     * @param sums    scratch [rows, outputs], each in whole tiles
     * @param out     in+out  [rowCapacity, outputs]
     */
    public static void projectSplit(KernelContext context, IntArray control, IntArray split, FloatArray factors, FloatArray weight,
            IntArray adapter, IntArray upCodes, FloatArray upFloats, FloatArray sums, FloatArray out, int inputs, int outputs,
            int layerStride, int accumulate, int site) {
        TensorProjection.project(context, control, split, factors, WeightFormat.F32, 0, weight, null, null, null, null, null, null, null,
                null, null, null, null, null, adapter, upCodes, upFloats, sums, out, null, 0, inputs, outputs, 0, 1, layerStride,
                accumulate, site);
    }

    /** As {@link #projectSplit}, from 16-bit weights that {@link ProjectionKernels#decode} decodes. */
    public static void projectSplitF16(KernelContext context, IntArray control, IntArray split, FloatArray factors, ShortArray weight,
            FloatArray decode, IntArray adapter, IntArray upCodes, FloatArray upFloats, FloatArray sums, FloatArray out, int inputs,
            int outputs, int layerStride, int accumulate, int site, int mantissaBits) {
        TensorProjection.project(context, control, split, factors, WeightFormat.F16, mantissaBits, decode, weight, null, null, null, null,
                null, null, null, null, null, null, null, adapter, upCodes, upFloats, sums, out, null, 0, inputs, outputs, 0, 1,
                layerStride, accumulate, site);
    }

    /** As {@link #projectSplit}, from F16 in the half type. */
    public static void projectSplitHalf(KernelContext context, IntArray control, IntArray split, FloatArray factors, HalfFloatArray weight,
            IntArray adapter, IntArray upCodes, FloatArray upFloats, FloatArray sums, FloatArray out, int inputs, int outputs,
            int layerStride, int accumulate, int site) {
        TensorProjection.project(context, control, split, factors, WeightFormat.NATIVE_F16, 0, null, null, weight, null, null, null, null,
                null, null, null, null, null, null, adapter, upCodes, upFloats, sums, out, null, 0, inputs, outputs, 0, 1, layerStride,
                accumulate, site);
    }

    /** As {@link #projectSplit}, from blocks as in {@link QuantizedProjectionKernels#projectRowsQ8}. */
    public static void projectSplitQ8(KernelContext context, IntArray control, IntArray split, FloatArray factors, IntArray quants,
            FloatArray scales, IntArray adapter, IntArray upCodes, FloatArray upFloats, FloatArray sums, FloatArray out, int inputs,
            int outputs, int layerStride, int accumulate, int site) {
        TensorProjection.project(context, control, split, factors, WeightFormat.Q8, 0, scales, null, null, quants, null, null, null, null,
                null, null, null, null, null, adapter, upCodes, upFloats, sums, out, null, 0, inputs, outputs, 0, 1, layerStride,
                accumulate, site);
    }

    /** As {@link #projectSplit}, from blocks as in {@link QuantizedProjectionKernels#projectRowsQ4Grouped}. */
    public static void projectSplitQ4(KernelContext context, IntArray control, IntArray split, FloatArray factors, IntArray quants,
            FloatArray scales, IntArray adapter, IntArray upCodes, FloatArray upFloats, FloatArray sums, FloatArray out, int inputs,
            int outputs, int layerStride, int accumulate, int site) {
        TensorProjection.project(context, control, split, factors, WeightFormat.PACKED_Q4, 0, scales, null, null, quants, null, null, null,
                null, null, null, null, null, null, adapter, upCodes, upFloats, sums, out, null, 0, inputs, outputs, 0, 1, layerStride,
                accumulate, site);
    }

    /**
     * As {@link ProjectionKernels#normAndProjectTiles}, of rows split by {@link #normAndSplitRows}.
     *
     * @param sums scratch [rows, rows of the stack], each in whole tiles
     */
    public static void projectSplitStack(KernelContext context, IntArray control, IntArray split, FloatArray factors, FloatArray gains,
            IntArray adapter, IntArray downCodes, FloatArray downFloats, FloatArray weightA, FloatArray weightB, FloatArray weightC,
            FloatArray sums, FloatArray out, FloatArray hidden, int inputs, int outputsA, int weights) {
        int outputsB = weightB.getSize() / (weightA.getSize() / outputsA);
        TensorProjection.project(context, control, split, factors, WeightFormat.F32, 0, weightA, null, null, null, weightB, null, null,
                null, weightC, null, null, null, gains, adapter, downCodes, downFloats, sums, out, hidden, 1, inputs, outputsA, outputsB,
                weights, 0, 0, -1);
    }

    /** As {@link #projectSplitStack}, from 16-bit weights that {@link ProjectionKernels#decode} decodes. */
    public static void projectSplitStackF16(KernelContext context, IntArray control, IntArray split, FloatArray factors, FloatArray gains,
            IntArray adapter, IntArray downCodes, FloatArray downFloats, ShortArray weightA, ShortArray weightB, ShortArray weightC,
            FloatArray decode, FloatArray sums, FloatArray out, FloatArray hidden, int inputs, int outputsA, int weights,
            int mantissaBits) {
        int outputsB = weightB.getSize() / (weightA.getSize() / outputsA);
        TensorProjection.project(context, control, split, factors, WeightFormat.F16, mantissaBits, decode, weightA, null, null, decode,
                weightB, null, null, decode, weightC, null, null, gains, adapter, downCodes, downFloats, sums, out, hidden, 1, inputs,
                outputsA, outputsB, weights, 0, 0, -1);
    }

    /** As {@link #projectSplitStack}, from F16 in the half type. */
    public static void projectSplitStackHalf(KernelContext context, IntArray control, IntArray split, FloatArray factors, FloatArray gains,
            IntArray adapter, IntArray downCodes, FloatArray downFloats, HalfFloatArray weightA, HalfFloatArray weightB,
            HalfFloatArray weightC, FloatArray sums, FloatArray out, FloatArray hidden, int inputs, int outputsA, int weights) {
        int outputsB = weightB.getSize() / (weightA.getSize() / outputsA);
        TensorProjection.project(context, control, split, factors, WeightFormat.NATIVE_F16, 0, null, null, weightA, null, null, null,
                weightB, null, null, null, weightC, null, gains, adapter, downCodes, downFloats, sums, out, hidden, 1, inputs, outputsA,
                outputsB, weights, 0, 0, -1);
    }

    /** As {@link #projectSplitStack}, from blocks as in {@link QuantizedProjectionKernels#projectRowsQ8}. */
    public static void projectSplitStackQ8(KernelContext context, IntArray control, IntArray split, FloatArray factors, FloatArray gains,
            IntArray adapter, IntArray downCodes, FloatArray downFloats, IntArray quantsA, FloatArray scalesA, IntArray quantsB,
            FloatArray scalesB, IntArray quantsC, FloatArray scalesC, FloatArray sums, FloatArray out, FloatArray hidden, int inputs,
            int outputsA, int weights) {
        int outputsB = scalesB.getSize() / (scalesA.getSize() / outputsA);
        TensorProjection.project(context, control, split, factors, WeightFormat.Q8, 0, scalesA, null, null, quantsA, scalesB, null, null,
                quantsB, scalesC, null, null, quantsC, gains, adapter, downCodes, downFloats, sums, out, hidden, 1, inputs, outputsA,
                outputsB, weights, 0, 0, -1);
    }

    /** As {@link #projectSplitStack}, from blocks as in {@link QuantizedProjectionKernels#projectRowsQ4Grouped}. */
    public static void projectSplitStackQ4(KernelContext context, IntArray control, IntArray split, FloatArray factors, FloatArray gains,
            IntArray adapter, IntArray downCodes, FloatArray downFloats, IntArray quantsA, FloatArray scalesA, IntArray quantsB,
            FloatArray scalesB, IntArray quantsC, FloatArray scalesC, FloatArray sums, FloatArray out, FloatArray hidden, int inputs,
            int outputsA, int weights) {
        int outputsB = scalesB.getSize() / (scalesA.getSize() / outputsA);
        TensorProjection.project(context, control, split, factors, WeightFormat.PACKED_Q4, 0, scalesA, null, null, quantsA, scalesB, null,
                null, quantsB, scalesC, null, null, quantsC, gains, adapter, downCodes, downFloats, sums, out, hidden, 1, inputs, outputsA,
                outputsB, weights, 0, 0, -1);
    }

    /**
     * sums = left · right, of one instruction, as projections do it.
     *
     * @param left  in  [PRODUCT_ROWS, PRODUCT_INPUTS / 2]     pairs of halves
     * @param right in  [PRODUCT_INPUTS, PRODUCT_OUTPUTS]      made halves
     * @param sums  out [PRODUCT_ROWS, PRODUCT_OUTPUTS]
     */
    public static void multiplyHalves(KernelContext context, IntArray left, FloatArray right, FloatArray sums) {
        TensorProjection.multiply(context, left, right, sums);
    }
}
