package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
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
    static final int Q4 = 3;

    private WeightFormat() {
    }

    /** Element {@code w + i} of a weight, with i < 32; of blocks, w is where one begins. */
    static float element(int format, FloatArray floats, ShortArray halves, IntArray quants, ByteArray nibbles, int mantissaBits, int w,
            int i) {
        if (format == F16) {
            return ProjectionKernels.decode(halves.get(w + i), floats, mantissaBits);
        }
        if (format == Q8) {
            return LowRankKernels.code(quants, floats, w + i);
        }
        if (format == Q4) {
            return floats.get(w / 32) * LaneDots.quantQ4(nibbles, w, i);
        }
        return floats.get(w + i);
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

    /** A lane's share of Σ_{i < count} weight[w + i] · in[x + i], see {@link LaneDots}. */
    static float laneDot(int format, FloatArray floats, ShortArray halves, IntArray quants, ByteArray nibbles, int mantissaBits,
            FloatArray in, int x, int w, int lane, int count) {
        if (format == F16) {
            return LaneDots.dotF16(in, x, halves, floats, mantissaBits, w, lane, count);
        }
        if (format == Q8) {
            return LaneDots.dotQ8(in, x, quants, floats, w, lane, count);
        }
        if (format == Q4) {
            return LaneDots.dotQ4(in, x, nibbles, floats, w, lane, count);
        }
        return LaneDots.dotF32(in, x, floats, w, lane, count);
    }

    /** As {@link #laneDot}, of in[x + i] · norm[g + i]. */
    static float laneDotNormed(int format, FloatArray floats, ShortArray halves, IntArray quants, ByteArray nibbles, int mantissaBits,
            FloatArray in, int x, FloatArray norm, int g, int w, int lane, int count) {
        if (format == F16) {
            return LaneDots.dotNormedF16(in, x, norm, g, halves, floats, mantissaBits, w, lane, count);
        }
        if (format == Q8) {
            return LaneDots.dotNormedQ8(in, x, norm, g, quants, floats, w, lane, count);
        }
        if (format == Q4) {
            return LaneDots.dotNormedQ4(in, x, norm, g, nibbles, floats, w, lane, count);
        }
        return LaneDots.dotNormedF32(in, x, norm, g, floats, w, lane, count);
    }
}
