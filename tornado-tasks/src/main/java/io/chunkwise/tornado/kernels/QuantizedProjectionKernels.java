package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Base projections whose weights stay in blocks of 32 quants with one scale; activations are float. */
public final class QuantizedProjectionKernels {
    /** Threads of a group in the grouped form. */
    public static final int LANES = ProjectionKernels.LANES;

    private QuantizedProjectionKernels() {
    }

    /**
     * out[r, o] = Σ_b scale[l, o, b] · Σ_{i in block b} quant[l, o, i] · in[r, i] + Σ_{k < activeRank[r]} hidden[r, s, k] · up[o, k],
     * with l the layer, s the adapter's site and blocks of 32; added to out where {@code accumulate} isn't 0. One thread per row
     * and output. Other arguments are those of {@link ProjectionKernels#projectRows}.
     *
     * @param control     in     rows, layer
     * @param in          in     [rowCapacity, inputs]
     * @param quants      in     [layers, outputs, inputs]       signed bytes
     * @param scales      in     [layers, outputs, inputs / 32]
     * @param out         in+out [rowCapacity, outputs]
     */
    public static void projectRowsQ8(IntArray control, FloatArray in, ByteArray quants, FloatArray scales, FloatArray hidden,
            IntArray adapter, FloatArray up,
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
            float sum = 0f;
            for (int block = 0; block < inputs / 32; block++) {
                int xb = x + block * 32;
                int wb = w + block * 32;
                float s0 = 0f;
                float s1 = 0f;
                float s2 = 0f;
                float s3 = 0f;
                for (int i = 0; i < 32; i += 4) {
                    s0 += quants.get(wb + i) * in.get(xb + i);
                    s1 += quants.get(wb + i + 1) * in.get(xb + i + 1);
                    s2 += quants.get(wb + i + 2) * in.get(xb + i + 2);
                    s3 += quants.get(wb + i + 3) * in.get(xb + i + 3);
                }
                sum += scales.get(w / 32 + block) * ((s0 + s1) + (s2 + s3));
            }
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

    /** As {@link #projectRowsQ8}, one group of {@link #LANES} threads per row and output. */
    public static void projectRowsQ8Grouped(KernelContext context, IntArray control, FloatArray in, ByteArray quants, FloatArray scales,
            FloatArray hidden, IntArray adapter, FloatArray up,
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
            mine += scales.get((w + i) / 32) * quants.get(w + i) * in.get(x + i);
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
     * As {@link #projectRowsQ8}, with weights of four bits: element i &lt; 16 of a block is the low half of its byte i minus 8,
     * element i + 16 the high half minus 8.
     *
     * @param nibbles in [layers, outputs, inputs / 2]    16 bytes per block
     * @param scales  in [layers, outputs, inputs / 32]
     */
    public static void projectRowsQ4(IntArray control, FloatArray in, ByteArray nibbles, FloatArray scales, FloatArray hidden,
            IntArray adapter, FloatArray up,
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
            float sum = 0f;
            for (int block = 0; block < inputs / 32; block++) {
                int xb = x + block * 32;
                int wb = w / 2 + block * 16;
                float s0 = 0f;
                float s1 = 0f;
                for (int i = 0; i < 16; i++) {
                    int pair = nibbles.get(wb + i);
                    s0 += lowQuant(pair) * in.get(xb + i);
                    s1 += highQuant(pair) * in.get(xb + 16 + i);
                }
                sum += scales.get(w / 32 + block) * (s0 + s1);
            }
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

    /** As {@link #projectRowsQ4}, one group of {@link #LANES} threads per row and output. */
    public static void projectRowsQ4Grouped(KernelContext context, IntArray control, FloatArray in, ByteArray nibbles, FloatArray scales,
            FloatArray hidden, IntArray adapter, FloatArray up,
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
            int pair = nibbles.get((w + i) / 32 * 16 + i % 16);
            float quant = lowQuant(pair);
            if (i % 32 >= 16) {
                quant = highQuant(pair);
            }
            mine += scales.get((w + i) / 32) * quant * in.get(x + i);
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
