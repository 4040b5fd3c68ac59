package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.vectors.Float8;
import uk.ac.manchester.tornado.api.types.vectors.Int8;

/** Σ_{i < count} weight[w + i] · in[x + i]: as {@link TileDots}, where inputs are read once only. */
final class RowDots {

    private RowDots() {
    }

    static float dotF32(FloatArray in, int x, FloatArray weight, int w, int count) {
        Float8 sums = Eights.zeros();
        int i = 0;
        for (; i + 7 < count; i += 8) {
            sums = Float8.add(sums, Float8.mult(Eights.of(weight, w + i), Eights.of(in, x + i)));
        }
        float sum = Eights.sumOf(sums);
        for (; i < count; i++) {
            sum += weight.get(w + i) * in.get(x + i);
        }
        return sum;
    }

    static float dotQ8(FloatArray in, int x, IntArray quants, FloatArray scales, int w, int count) {
        Float8 sums = Eights.zeros();
        for (int b = 0; b < count / 32; b++) {
            Int8 q = Eights.of(quants, w / 4 + b * 8);
            Float8 block = Eights.zeros();
            for (int i = 0; i < 32; i += 8) {
                block = Float8.add(block, Float8.mult(Eights.bytesAt(q, i), Eights.of(in, x + b * 32 + i)));
            }
            sums = Float8.add(sums, Float8.mult(block, Eights.splat(scales.get(w / 32 + b) * Eights.BYTE)));
        }
        return Eights.sumOf(sums);
    }
}
