package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;
/** Base projections in F32 and in the 16-bit formats. */
public final class ProjectionKernels {
    /** Threads of a group in the grouped form. */
    public static final int LANES = 32;

    private ProjectionKernels() {
    }

    /**
     * out[r, o] = Σ_i weight[l, o, i] · in[r, i] + Σ_{k < activeRank[r]} hidden[r, s, k] · up[o, k], with l the layer and s the
     * adapter's site; added to out where {@code accumulate} isn't 0. One thread per row and output, eight independent sums each.
     *
     * @param control     in     rows, layer
     * @param in          in     [rowCapacity, inputs]
     * @param weight      in     [layers, outputs, inputs]
     * @param hidden      in     [rowCapacity, SITES, maxRank]   of the adapter, gains applied ({@link LowRankKernels})
     * @param adapter     in     table of the adapter
     * @param up          in     [outputs, rank] per site
     * @param out         in+out [rowCapacity, outputs]
     * @param layerStride elements between two layers of {@code weight}; 0 if there is one for all
     * @param site        index among the adaptable projections; -1 where no adapter can be
     */
    public static void projectRows(IntArray control, FloatArray in, FloatArray weight, FloatArray hidden, IntArray adapter, FloatArray up,
            FloatArray out, int inputs, int outputs, int layerStride, int accumulate, int site) {
        int rows = control.get(Control.ROWS);
        int layer = control.get(Control.LAYER) * layerStride;
        int count = rows * outputs;
        for (@Parallel int index = 0; index < count; index++) {
            int output = index / rows;
            int row = index - output * rows;
            int w = layer + output * inputs;
            int x = row * inputs;
            int y = row * outputs + output;
            float s0 = 0f; float s1 = 0f; float s2 = 0f; float s3 = 0f; float s4 = 0f; float s5 = 0f; float s6 = 0f; float s7 = 0f;
            int i = 0;
            for (; i + 7 < inputs; i += 8) {
                s0 += weight.get(w + i) * in.get(x + i);
                s1 += weight.get(w + i + 1) * in.get(x + i + 1);
                s2 += weight.get(w + i + 2) * in.get(x + i + 2);
                s3 += weight.get(w + i + 3) * in.get(x + i + 3);
                s4 += weight.get(w + i + 4) * in.get(x + i + 4);
                s5 += weight.get(w + i + 5) * in.get(x + i + 5);
                s6 += weight.get(w + i + 6) * in.get(x + i + 6);
                s7 += weight.get(w + i + 7) * in.get(x + i + 7);
            }
            for (; i < inputs; i++) {
                s0 += weight.get(w + i) * in.get(x + i);
            }
            float sum = ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7));
            int activeRank = LowRankKernels.activeRank(control, adapter, site, row);
            int h = LowRankKernels.hiddenAt(adapter, site, row);
            int u = LowRankKernels.upAt(control, adapter, site, output);
            for (int k = 0; k < activeRank; k++) {
                sum += hidden.get(h + k) * up.get(u + k);
            }
            if (accumulate != 0) {
                sum += out.get(y);
            }
            out.set(y, sum);
        }
    }

    /** As {@link #projectRows}, one group of {@link #LANES} threads per row and output. */
    public static void projectRowsGrouped(KernelContext context, IntArray control, FloatArray in, FloatArray weight, FloatArray hidden,
            IntArray adapter, FloatArray up,
            FloatArray out, int inputs, int outputs, int layerStride, int accumulate, int site) {
        int index = context.groupIdx;
        int lane = context.localIdx;
        int rows = control.get(Control.ROWS);
        if (index >= rows * outputs) {
            return;
        }
        int output = index / rows;
        int row = index - output * rows;
        int w = control.get(Control.LAYER) * layerStride + output * inputs;
        int x = row * inputs;
        int y = row * outputs + output;
        float[] partial = context.allocateFloatLocalArray(LANES);
        float mine = 0f;
        for (int i = lane; i < inputs; i += LANES) {
            mine += weight.get(w + i) * in.get(x + i);
        }
        int activeRank = LowRankKernels.activeRank(control, adapter, site, row);
        int h = LowRankKernels.hiddenAt(adapter, site, row);
        int u = LowRankKernels.upAt(control, adapter, site, output);
        for (int k = lane; k < activeRank; k += LANES) {
            mine += hidden.get(h + k) * up.get(u + k);
        }
        partial[lane] = mine;
        for (int stride = LANES / 2; stride > 0; stride /= 2) {
            context.localBarrier();
            if (lane < stride) {
                partial[lane] += partial[lane + stride];
            }
        }
        if (lane == 0) {
            float sum = partial[0];
            if (accumulate != 0) {
                sum += out.get(y);
            }
            out.set(y, sum);
        }
    }

    /**
     * As {@link #projectRows}, with 16-bit weights decoded exactly (F16 and BF16; TornadoVM's half type needs a device that
     * has one): element = (mantissa + implicit one) · table[sign and exponent].
     *
     * @param weight       in [layers, outputs, inputs]
     * @param table        in [2^(16 - mantissaBits)]   sign · 2^(exponent - bias - mantissaBits)
     * @param mantissaBits 10 for F16, 7 for BF16
     */
    public static void projectRowsF16(IntArray control, FloatArray in, ShortArray weight, FloatArray table, FloatArray hidden,
            IntArray adapter, FloatArray up,
            FloatArray out, int inputs, int outputs, int layerStride, int accumulate, int site,
            int mantissaBits) {
        int rows = control.get(Control.ROWS);
        int layer = control.get(Control.LAYER) * layerStride;
        int count = rows * outputs;
        for (@Parallel int index = 0; index < count; index++) {
            int output = index / rows;
            int row = index - output * rows;
            int w = layer + output * inputs;
            int x = row * inputs;
            int y = row * outputs + output;
            float s0 = 0f; float s1 = 0f; float s2 = 0f; float s3 = 0f;
            int i = 0;
            for (; i + 3 < inputs; i += 4) {
                s0 += decode(weight.get(w + i), table, mantissaBits) * in.get(x + i);
                s1 += decode(weight.get(w + i + 1), table, mantissaBits) * in.get(x + i + 1);
                s2 += decode(weight.get(w + i + 2), table, mantissaBits) * in.get(x + i + 2);
                s3 += decode(weight.get(w + i + 3), table, mantissaBits) * in.get(x + i + 3);
            }
            for (; i < inputs; i++) {
                s0 += decode(weight.get(w + i), table, mantissaBits) * in.get(x + i);
            }
            float sum = (s0 + s1) + (s2 + s3);
            int activeRank = LowRankKernels.activeRank(control, adapter, site, row);
            int h = LowRankKernels.hiddenAt(adapter, site, row);
            int u = LowRankKernels.upAt(control, adapter, site, output);
            for (int k = 0; k < activeRank; k++) {
                sum += hidden.get(h + k) * up.get(u + k);
            }
            if (accumulate != 0) {
                sum += out.get(y);
            }
            out.set(y, sum);
        }
    }

    /** As {@link #projectRowsF16}, one group of {@link #LANES} threads per row and output. */
    public static void projectRowsF16Grouped(KernelContext context, IntArray control, FloatArray in, ShortArray weight, FloatArray table,
            FloatArray hidden, IntArray adapter, FloatArray up,
            FloatArray out, int inputs, int outputs, int layerStride, int accumulate, int site,
            int mantissaBits) {
        int index = context.groupIdx;
        int lane = context.localIdx;
        int rows = control.get(Control.ROWS);
        if (index >= rows * outputs) {
            return;
        }
        int output = index / rows;
        int row = index - output * rows;
        int w = control.get(Control.LAYER) * layerStride + output * inputs;
        int x = row * inputs;
        int y = row * outputs + output;
        float[] partial = context.allocateFloatLocalArray(LANES);
        float mine = 0f;
        for (int i = lane; i < inputs; i += LANES) {
            mine += decode(weight.get(w + i), table, mantissaBits) * in.get(x + i);
        }
        int activeRank = LowRankKernels.activeRank(control, adapter, site, row);
        int h = LowRankKernels.hiddenAt(adapter, site, row);
        int u = LowRankKernels.upAt(control, adapter, site, output);
        for (int k = lane; k < activeRank; k += LANES) {
            mine += hidden.get(h + k) * up.get(u + k);
        }
        partial[lane] = mine;
        for (int stride = LANES / 2; stride > 0; stride /= 2) {
            context.localBarrier();
            if (lane < stride) {
                partial[lane] += partial[lane + stride];
            }
        }
        if (lane == 0) {
            float sum = partial[0];
            if (accumulate != 0) {
                sum += out.get(y);
            }
            out.set(y, sum);
        }
    }

    /** Exact value of a finite F16 or BF16. The sum is made in float: masked shorts are unsigned to some compilers. */
    static float decode(short bits, FloatArray table, int mantissaBits) {
        int one = 1 << mantissaBits;
        int exponent = (bits >> mantissaBits) & ((1 << (15 - mantissaBits)) - 1);
        int signed = (bits >> mantissaBits) & ((1 << (16 - mantissaBits)) - 1);
        float mantissa = bits & (one - 1);
        if (exponent != 0) {
            mantissa += one;
        }
        return mantissa * table.get(signed);
    }
}
