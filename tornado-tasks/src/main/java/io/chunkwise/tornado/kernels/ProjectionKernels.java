package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;

/** Base projections in F32 and in the 16-bit formats, with the low-rank updates that are computed beside them. */
public final class ProjectionKernels {
    /** Threads that share one output in the grouped form. */
    public static final int LANES = 32;
    /** Threads of a group in the grouped form. */
    public static final int THREADS = 256;
    /** Components that such a group computes where it has no outputs: one for a group's lanes. */
    public static final int GROUP_COMPONENTS = THREADS / LANES;
    /** Outputs of such a group: four for its lanes. */
    public static final int GROUP_OUTPUTS = 4 * GROUP_COMPONENTS;
    /** Threads of a group in the grouped form for many rows. */
    public static final int TILE_THREADS = TileProjection.THREADS;
    /** Rows of such a group; outputs, too. */
    public static final int TILE = TileProjection.SIDE;
    /** Passes of fewer rows are better computed row by row: a tile costs the same for any number of rows. */
    public static final int LEAST_TILE_ROWS = 16;
    /** Outputs of a thread in the threaded form. */
    public static final int CHUNK = 16;
    /** For {@link #decode}. */
    public static final int F16_MANTISSA_BITS = 10;
    public static final int BF16_MANTISSA_BITS = 7;

    private ProjectionKernels() {
    }

    /**
     * out[r, o] = Σ_i weight[l, o, i] · in[r, i] + Σ_{k < activeRank[r]} (Σ_p parts[r, p, k]) · up[k, o], with l the layer;
     * added to out where {@code accumulate} isn't 0. One thread per row and {@link #CHUNK} outputs.
     *
     * @param control     in     rows, layer
     * @param in          in     [rowCapacity, inputs]
     * @param weight      in     [layers, outputs, inputs]
     * @param parts       in     [rowCapacity, partCount, reserved rank]   sums of parts of the down half, gains applied; those of
     *                           {@link DownHalves#partsOf}
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
        int count = ChunkProjection.count(control, outputs);
        for (@Parallel int index = 0; index < count; index++) {
            ChunkProjection.project(index, control, in, WeightFormat.F32, weight, null, null, null, 0, parts, adapter, upCodes, upFloats,
                    out, inputs, outputs, layerStride, accumulate, site, partCount);
        }
    }

    /**
     * As {@link #projectRows}, one group of {@link #THREADS} threads per row and {@link #GROUP_OUTPUTS} outputs, {@link #LANES} for each.
     *
     * @param rank the most components that a site can have
     */
    public static void projectRowsGrouped(KernelContext context, IntArray control, FloatArray in, FloatArray weight, FloatArray parts,
            IntArray adapter, IntArray upCodes, FloatArray upFloats, FloatArray out, int inputs, int outputs, int layerStride,
            int accumulate, int site, int partCount, int rank) {
        GroupProjection.project(context, control, in, WeightFormat.F32, weight, null, null, null, 0, parts, adapter, upCodes, upFloats, out,
                inputs, outputs, layerStride, accumulate, site, partCount, rank);
    }

    /** As {@link #projectRows}, one group per tile of rows and outputs: for many rows. */
    public static void projectTiles(KernelContext context, IntArray control, FloatArray in, FloatArray weight, FloatArray parts,
            IntArray adapter, IntArray upCodes, FloatArray upFloats, FloatArray out, int inputs, int outputs, int layerStride,
            int accumulate, int site, int partCount) {
        TileProjection.project(context, control, in, WeightFormat.F32, weight, null, null, null, 0, parts, adapter, upCodes, upFloats, out,
                inputs, outputs, layerStride, accumulate, site, partCount);
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
        int outputsB = weightB.getSize() / (weightA.getSize() / outputsA);
        int count = ChunkProjection.count(control, LowRankKernels.stacked(control, outputsA, outputsB, weights));
        for (@Parallel int index = 0; index < count; index++) {
            ChunkProjection.normAndProject(index, control, in, norm, gains, adapter, downCodes, downFloats, WeightFormat.F32, 0, weightA,
                    null, null, null, weightB, null, null, null, weightC, null, null, null, out, hidden, inputs, outputsA, outputsB,
                    weights, epsilon);
        }
    }

    /** As {@link #normAndProjectRows}, one group of {@link #THREADS} threads per row and {@link #GROUP_OUTPUTS} outputs. */
    public static void normAndProjectRowsGrouped(KernelContext context, IntArray control, FloatArray in, FloatArray norm,
            FloatArray gains, IntArray adapter, IntArray downCodes, FloatArray downFloats, FloatArray weightA, FloatArray weightB,
            FloatArray weightC, FloatArray out, FloatArray hidden, int inputs, int outputsA, int weights, float epsilon) {
        int outputsB = weightB.getSize() / (weightA.getSize() / outputsA);
        GroupProjection.normAndProject(context, control, in, norm, gains, adapter, downCodes, downFloats, WeightFormat.F32, 0, weightA,
                null, null, null, weightB, null, null, null, weightC, null, null, null, out, hidden, inputs, outputsA, outputsB, weights,
                epsilon);
    }

    /** As {@link #normAndProjectRows}, one group per tile of rows and outputs: for many rows. */
    public static void normAndProjectTiles(KernelContext context, IntArray control, FloatArray in, FloatArray norm,
            FloatArray gains, IntArray adapter, IntArray downCodes, FloatArray downFloats, FloatArray weightA, FloatArray weightB,
            FloatArray weightC, FloatArray out, FloatArray hidden, int inputs, int outputsA, int weights, float epsilon) {
        int outputsB = weightB.getSize() / (weightA.getSize() / outputsA);
        TileProjection.normAndProject(context, control, in, norm, gains, adapter, downCodes, downFloats, WeightFormat.F32, 0, weightA, null,
                null, null, weightB, null, null, null, weightC, null, null, null, out, hidden, inputs, outputsA, outputsB, weights,
                epsilon);
    }

    /** As {@link #projectRows}, from 16-bit weights that {@link #decode} decodes. */
    public static void projectRowsF16(IntArray control, FloatArray in, ShortArray weight, FloatArray decode, FloatArray parts,
            IntArray adapter, IntArray upCodes, FloatArray upFloats, FloatArray out, int inputs, int outputs, int layerStride,
            int accumulate, int site, int partCount, int mantissaBits) {
        int count = ChunkProjection.count(control, outputs);
        for (@Parallel int index = 0; index < count; index++) {
            ChunkProjection.project(index, control, in, WeightFormat.F16, decode, weight, null, null, mantissaBits, parts, adapter,
                    upCodes, upFloats, out, inputs, outputs, layerStride, accumulate, site, partCount);
        }
    }

    /** As {@link #projectRowsF16}, one group per row and {@link #GROUP_OUTPUTS} outputs. */
    public static void projectRowsF16Grouped(KernelContext context, IntArray control, FloatArray in, ShortArray weight,
            FloatArray decode, FloatArray parts, IntArray adapter, IntArray upCodes, FloatArray upFloats, FloatArray out, int inputs,
            int outputs, int layerStride, int accumulate, int site, int partCount, int rank, int mantissaBits) {
        GroupProjection.project(context, control, in, WeightFormat.F16, decode, weight, null, null, mantissaBits, parts, adapter, upCodes,
                upFloats, out, inputs, outputs, layerStride, accumulate, site, partCount, rank);
    }

    /** As {@link #projectRowsF16}, one group per tile of rows and outputs: for many rows. */
    public static void projectTilesF16(KernelContext context, IntArray control, FloatArray in, ShortArray weight,
            FloatArray decode, FloatArray parts, IntArray adapter, IntArray upCodes, FloatArray upFloats, FloatArray out, int inputs,
            int outputs, int layerStride, int accumulate, int site, int partCount, int mantissaBits) {
        TileProjection.project(context, control, in, WeightFormat.F16, decode, weight, null, null, mantissaBits, parts, adapter, upCodes,
                upFloats, out, inputs, outputs, layerStride, accumulate, site, partCount);
    }

    /** As {@link #normAndProjectRows}, from 16-bit weights that {@link #decode} decodes. */
    public static void normAndProjectRowsF16(IntArray control, FloatArray in, FloatArray norm, FloatArray gains, IntArray adapter,
            IntArray downCodes, FloatArray downFloats, ShortArray weightA, ShortArray weightB, ShortArray weightC, FloatArray decode,
            FloatArray out, FloatArray hidden, int inputs, int outputsA, int weights, float epsilon, int mantissaBits) {
        int outputsB = weightB.getSize() / (weightA.getSize() / outputsA);
        int count = ChunkProjection.count(control, LowRankKernels.stacked(control, outputsA, outputsB, weights));
        for (@Parallel int index = 0; index < count; index++) {
            ChunkProjection.normAndProject(index, control, in, norm, gains, adapter, downCodes, downFloats, WeightFormat.F16, mantissaBits,
                    decode, weightA, null, null, decode, weightB, null, null, decode, weightC, null, null, out, hidden, inputs, outputsA,
                    outputsB, weights, epsilon);
        }
    }

    /** As {@link #normAndProjectRowsF16}, one group of {@link #THREADS} threads per row and {@link #GROUP_OUTPUTS} outputs. */
    public static void normAndProjectRowsF16Grouped(KernelContext context, IntArray control, FloatArray in, FloatArray norm,
            FloatArray gains, IntArray adapter, IntArray downCodes, FloatArray downFloats, ShortArray weightA, ShortArray weightB,
            ShortArray weightC, FloatArray decode, FloatArray out, FloatArray hidden, int inputs, int outputsA, int weights,
            float epsilon, int mantissaBits) {
        int outputsB = weightB.getSize() / (weightA.getSize() / outputsA);
        GroupProjection.normAndProject(context, control, in, norm, gains, adapter, downCodes, downFloats, WeightFormat.F16, mantissaBits,
                decode, weightA, null, null, decode, weightB, null, null, decode, weightC, null, null, out, hidden, inputs, outputsA,
                outputsB, weights, epsilon);
    }

    /** As {@link #normAndProjectRowsF16}, one group per tile of rows and outputs: for many rows. */
    public static void normAndProjectTilesF16(KernelContext context, IntArray control, FloatArray in, FloatArray norm,
            FloatArray gains, IntArray adapter, IntArray downCodes, FloatArray downFloats, ShortArray weightA, ShortArray weightB,
            ShortArray weightC, FloatArray decode, FloatArray out, FloatArray hidden, int inputs, int outputsA, int weights,
            float epsilon, int mantissaBits) {
        int outputsB = weightB.getSize() / (weightA.getSize() / outputsA);
        TileProjection.normAndProject(context, control, in, norm, gains, adapter, downCodes, downFloats, WeightFormat.F16, mantissaBits,
                decode, weightA, null, null, decode, weightB, null, null, decode, weightC, null, null, out, hidden, inputs, outputsA,
                outputsB, weights, epsilon);
    }

    /** As {@link #projectRowsGrouped}, from F16 of devices that have a half type. */
    public static void projectRowsHalfGrouped(KernelContext context, IntArray control, FloatArray in, HalfFloatArray weight,
            FloatArray parts, IntArray adapter, IntArray upCodes, FloatArray upFloats, FloatArray out, int inputs, int outputs,
            int layerStride, int accumulate, int site, int partCount, int rank) {
        GroupProjection.project(context, control, in, WeightFormat.NATIVE_F16, null, null, weight, null, 0, parts, adapter, upCodes,
                upFloats, out, inputs, outputs, layerStride, accumulate, site, partCount, rank);
    }

    /** As {@link #projectTiles}, from F16 of devices that have a half type. */
    public static void projectTilesHalf(KernelContext context, IntArray control, FloatArray in, HalfFloatArray weight, FloatArray parts,
            IntArray adapter, IntArray upCodes, FloatArray upFloats, FloatArray out, int inputs, int outputs, int layerStride,
            int accumulate, int site, int partCount) {
        TileProjection.project(context, control, in, WeightFormat.NATIVE_F16, null, null, weight, null, 0, parts, adapter, upCodes,
                upFloats, out, inputs, outputs, layerStride, accumulate, site, partCount);
    }

    /** As {@link #normAndProjectRowsGrouped}, from F16 of devices that have a half type. */
    public static void normAndProjectRowsHalfGrouped(KernelContext context, IntArray control, FloatArray in, FloatArray norm,
            FloatArray gains, IntArray adapter, IntArray downCodes, FloatArray downFloats, HalfFloatArray weightA, HalfFloatArray weightB,
            HalfFloatArray weightC, FloatArray out, FloatArray hidden, int inputs, int outputsA, int weights, float epsilon) {
        int outputsB = weightB.getSize() / (weightA.getSize() / outputsA);
        GroupProjection.normAndProject(context, control, in, norm, gains, adapter, downCodes, downFloats, WeightFormat.NATIVE_F16, 0, null,
                null, weightA, null, null, null, weightB, null, null, null, weightC, null, out, hidden, inputs, outputsA, outputsB, weights,
                epsilon);
    }

    /** As {@link #normAndProjectTiles}, from F16 of devices that have a half type. */
    public static void normAndProjectTilesHalf(KernelContext context, IntArray control, FloatArray in, FloatArray norm,
            FloatArray gains, IntArray adapter, IntArray downCodes, FloatArray downFloats, HalfFloatArray weightA, HalfFloatArray weightB,
            HalfFloatArray weightC, FloatArray out, FloatArray hidden, int inputs, int outputsA, int weights, float epsilon) {
        int outputsB = weightB.getSize() / (weightA.getSize() / outputsA);
        TileProjection.normAndProject(context, control, in, norm, gains, adapter, downCodes, downFloats, WeightFormat.NATIVE_F16, 0, null,
                null, weightA, null, null, null, weightB, null, null, null, weightC, null, out, hidden, inputs, outputsA, outputsB, weights,
                epsilon);
    }

    /**
     * Exact value of a finite F16 or BF16: (mantissa + implicit one) · table[sign and exponent]; TornadoVM's half type needs a device that
     * has one. Without a branch, and the sum is made in float: masked shorts are unsigned to some compilers.
     *
     * @param table        [2^(16 - mantissaBits)]   sign · 2^(exponent - bias - mantissaBits)
     * @param mantissaBits of the format: {@link #F16_MANTISSA_BITS} or {@link #BF16_MANTISSA_BITS}
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
