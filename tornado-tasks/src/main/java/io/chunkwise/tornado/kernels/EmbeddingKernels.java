package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;

/** out[r, i] = embedding[token[r], i], from every weight format; embedding is [vocab, width], out [rowCapacity, width]. */
public final class EmbeddingKernels {

    private EmbeddingKernels() {
    }

    public static void embedTokens(IntArray control, FloatArray embedding, FloatArray out, int width) {
        int count = control.get(Control.ROWS) * width;
        for (@Parallel int index = 0; index < count; index++) {
            int row = index / width;
            int i = index - row * width;
            int from = control.get(Control.TOKENS + Control.ROW_STRIDE * row) * width;
            out.set(index, embedding.get(from + i));
        }
    }

    public static void embedTokensF16(IntArray control, ShortArray embedding, FloatArray table, FloatArray out, int width,
            int mantissaBits) {
        int count = control.get(Control.ROWS) * width;
        for (@Parallel int index = 0; index < count; index++) {
            int row = index / width;
            int i = index - row * width;
            int from = control.get(Control.TOKENS + Control.ROW_STRIDE * row) * width;
            out.set(index, ProjectionKernels.decode(embedding.get(from + i), table, mantissaBits));
        }
    }

    public static void embedTokensHalf(IntArray control, HalfFloatArray embedding, FloatArray out, int width) {
        int count = control.get(Control.ROWS) * width;
        for (@Parallel int index = 0; index < count; index++) {
            int row = index / width;
            int i = index - row * width;
            int from = control.get(Control.TOKENS + Control.ROW_STRIDE * row) * width;
            out.set(index, embedding.get(from + i).getFloat32());
        }
    }

    public static void embedTokensQ8(IntArray control, IntArray quants, FloatArray scales, FloatArray out, int width) {
        int count = control.get(Control.ROWS) * width;
        for (@Parallel int index = 0; index < count; index++) {
            int row = index / width;
            int i = index - row * width;
            int from = control.get(Control.TOKENS + Control.ROW_STRIDE * row) * width;
            out.set(index, LowRankKernels.code(quants, scales, from + i));
        }
    }

    public static void embedTokensQ4(IntArray control, ByteArray nibbles, FloatArray scales, FloatArray out, int width) {
        int count = control.get(Control.ROWS) * width;
        for (@Parallel int index = 0; index < count; index++) {
            int row = index / width;
            int i = index - row * width;
            int from = control.get(Control.TOKENS + Control.ROW_STRIDE * row) * width;
            int pair = nibbles.get((from + i) / 32 * 16 + i % 16);
            float quant = QuantizedProjectionKernels.lowQuant(pair);
            if (i % 32 >= 16) {
                quant = QuantizedProjectionKernels.highQuant(pair);
            }
            out.set(index, scales.get((from + i) / 32) * quant);
        }
    }

    public static void embedTokensPackedQ4(IntArray control, IntArray quants, FloatArray scales, FloatArray out, int width) {
        int count = control.get(Control.ROWS) * width;
        for (@Parallel int index = 0; index < count; index++) {
            int row = index / width;
            int i = index - row * width;
            int from = control.get(Control.TOKENS + Control.ROW_STRIDE * row) * width;
            out.set(index, WeightFormat.packedQ4(quants, scales, from + i));
        }
    }
}
