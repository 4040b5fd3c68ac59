package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;

/**
 * A weight's number format as a constant of the kernel, and its arrays as arguments of which a format has some and null stands for the
 * others. TornadoVM folds the conditions when it inlines, so that nothing of the other formats is left in the kernel.
 *
 * <p>{@code floats} are the values of {@link #F32}, the table that decodes {@link #F16}, or the scales of blocks; {@code halves} the 16-bit
 * values; {@code quants} those of {@link #Q8} and {@code nibbles} of {@link #Q4}. Layouts are those of the projection of the format.
 */
final class WeightFormat {
    static final int F32 = 0;
    /** F16 or BF16. */
    static final int F16 = 1;
    static final int Q8 = 2;
    /** Pairs in bytes, for the threaded form. */
    static final int Q4 = 3;
    /** Eights in ints, for the grouped form. */
    static final int PACKED_Q4 = 4;
    /** F16 in the half type of devices that have one, for the grouped form. */
    static final int NATIVE_F16 = 5;

    private WeightFormat() {
    }

    /** Whether elements are 16 bits: no more than a half has between its leading and its last. */
    static boolean isHalf(int format) {
        if (format == F16) {
            return true;
        }
        return format == NATIVE_F16;
    }

    /** Element {@code w + i} of a weight for kernels in grouped form, with i < 32; of blocks, w is where one begins. */
    static float element(int format, FloatArray floats, ShortArray halves, HalfFloatArray natives, IntArray quants, int mantissaBits, int w,
            int i) {
        if (format == F16) {
            return ProjectionKernels.decode(halves.get(w + i), floats, mantissaBits);
        }
        if (format == NATIVE_F16) {
            return natives.get(w + i).getFloat32();
        }
        if (format == Q8) {
            return LowRankKernels.code(quants, floats, w + i);
        }
        if (format == PACKED_Q4) {
            return packedQ4(quants, floats, w + i);
        }
        return floats.get(w + i);
    }

    /**
     * For j < 8, the int in which elements j, j + 8, j + 16 and j + 24 of the block at {@code w} lie together; 0 where a format has none.
     */
    static int codeOfFour(int format, IntArray quants, int w, int j) {
        if (format == Q8) {
            return quants.get(w / 4 + j);
        }
        if (format == PACKED_Q4) {
            return quants.get(w / 8 + (j & 3));
        }
        return 0;
    }

    /** Of that block; 0 where a format has none. */
    static float scaleOfFour(int format, FloatArray floats, int w) {
        if (format == Q8) {
            return floats.get(w / 32) * Eights.BYTE;
        }
        if (format == PACKED_Q4) {
            return floats.get(w / 32);
        }
        return 0f;
    }

    /** Element {@code w + i} where a format has one for itself, else 0. */
    static float ofFour(int format, FloatArray floats, ShortArray halves, HalfFloatArray natives, int mantissaBits, int w, int i) {
        if (format == Q8) {
            return 0f;
        }
        if (format == PACKED_Q4) {
            return 0f;
        }
        return element(format, floats, halves, natives, null, mantissaBits, w, i);
    }

    /** Element j + {@code behind} of {@link #codeOfFour} and {@link #scaleOfFour}, or what {@link #ofFour} gave. */
    static float decodedOfFour(int format, int code, float scale, int j, int behind, float otherwise) {
        if (format == Q8) {
            return Eights.byteAt(code, behind) * scale;
        }
        if (format == PACKED_Q4) {
            float quant = (code >> ((j & 4) + behind)) & 15;
            return (quant - 8f) * scale;
        }
        return otherwise;
    }

    /** An element of a {@link #PACKED_Q4}. */
    static float packedQ4(IntArray quants, FloatArray scales, int at) {
        int block = at / 32;
        int i = at - block * 32;
        float quant = (quants.get(block * 4 + (i & 3)) >> (i & 28)) & 15;
        return scales.get(block) * (quant - 8f);
    }

    /** Σ_{i < count} weight[w + i] · tile[i], see {@link TileDots}. */
    static float tileDot(int format, FloatArray floats, ShortArray halves, IntArray quants, ByteArray nibbles, int mantissaBits,
            float[] tile, int w, int count) {
        if (format == F16) {
            return TileDots.dotF16(tile, halves, floats, mantissaBits, w, count);
        }
        if (format == Q8) {
            return TileDots.dotQ8(tile, quants, floats, w, count);
        }
        if (format == Q4) {
            return TileDots.dotQ4(tile, nibbles, floats, w, count);
        }
        return TileDots.dotF32(tile, floats, w, count);
    }
}
