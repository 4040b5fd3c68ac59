package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;
import uk.ac.manchester.tornado.api.types.vectors.Float8;
import uk.ac.manchester.tornado.api.types.vectors.Int8;

/**
 * Σ_{i < count} weight[w + i] · tile[i] for every number format, with a {@link RowTile}: what one thread sums up. Eight sums side by side,
 * because drivers keep the order of additions, and vectors of one CPU device are as wide. Counts of quantized weights, and where they
 * begin, are multiples of 32. Loops stay loops here: TornadoVM inlines methods of 600 nodes at most.
 */
final class TileDots {

    private TileDots() {
    }

    static float dotF32(float[] tile, FloatArray weight, int w, int count) {
        Float8 sums = Eights.zeros();
        int i = 0;
        for (; i + 7 < count; i += 8) {
            sums = Float8.add(sums, Float8.mult(Eights.of(weight, w + i), eight(tile, i)));
        }
        float sum = Eights.sumOf(sums);
        for (; i < count; i++) {
            sum += weight.get(w + i) * tile[i];
        }
        return sum;
    }

    static float dotF16(float[] tile, ShortArray weight, FloatArray decode, int mantissaBits, int w, int count) {
        Float8 sums = Eights.zeros();
        int i = 0;
        for (; i + 7 < count; i += 8) {
            sums = Float8.add(sums, Float8.mult(Eights.ofF16(weight, decode, mantissaBits, w + i), eight(tile, i)));
        }
        float sum = Eights.sumOf(sums);
        for (; i < count; i++) {
            sum += ProjectionKernels.decode(weight.get(w + i), decode, mantissaBits) * tile[i];
        }
        return sum;
    }

    static float dotQ8(float[] tile, IntArray quants, FloatArray scales, int w, int count) {
        Float8 sums = Eights.zeros();
        for (int b = 0; b < count / 32; b++) {
            Int8 q = Eights.of(quants, w / 4 + b * 8);
            int i = b * 32;
            Float8 block = Float8.mult(Eights.firstBytes(q), eight(tile, i));
            block = Float8.add(block, Float8.mult(Eights.secondBytes(q), eight(tile, i + 8)));
            block = Float8.add(block, Float8.mult(Eights.thirdBytes(q), eight(tile, i + 16)));
            block = Float8.add(block, Float8.mult(Eights.fourthBytes(q), eight(tile, i + 24)));
            sums = Float8.add(sums, Float8.mult(block, Eights.splat(scales.get(w / 32 + b) * Eights.BYTE)));
        }
        return Eights.sumOf(sums);
    }

    static float dotQ4(float[] tile, ByteArray nibbles, FloatArray scales, int w, int count) {
        Float8 sums = Eights.zeros();
        for (int b = 0; b < count / 32; b++) {
            int q = w / 2 + b * 16;
            int from = b * 32;
            Float8 block = Eights.zeros();
            for (int i = 0; i < 16; i += 8) {
                block = Float8.add(block, Float8.mult(Eights.low(nibbles, q + i), eight(tile, from + i)));
                block = Float8.add(block, Float8.mult(Eights.high(nibbles, q + i), eight(tile, from + 16 + i)));
            }
            sums = Float8.add(sums, Float8.mult(block, Eights.splat(scales.get(w / 32 + b))));
        }
        return Eights.sumOf(sums);
    }

    /** Σ_{i < count} tile[i]² */
    static float squares(float[] tile, int count) {
        Float8 sums = Eights.zeros();
        int i = 0;
        for (; i + 7 < count; i += 8) {
            Float8 some = eight(tile, i);
            sums = Float8.add(sums, Float8.mult(some, some));
        }
        float sum = Eights.sumOf(sums);
        for (; i < count; i++) {
            sum += tile[i] * tile[i];
        }
        return sum;
    }

    private static Float8 eight(float[] tile, int i) {
        return new Float8(tile[i], tile[i + 1], tile[i + 2], tile[i + 3], tile[i + 4], tile[i + 5], tile[i + 6], tile[i + 7]);
    }
}
