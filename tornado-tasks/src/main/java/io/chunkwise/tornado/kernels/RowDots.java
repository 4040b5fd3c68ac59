package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;
import uk.ac.manchester.tornado.api.types.vectors.Float8;

/**
 * Σ_{i < count} weight[w + i] · in[x + i], and the same with in[x + i] · norm[g + i], for every number format: what one thread sums up.
 * Eight sums side by side, because drivers keep the order of additions, and vectors of one CPU device are as wide. Counts of quantized
 * weights, and where they begin, are multiples of 32. Loops stay loops here: TornadoVM inlines methods of 600 nodes at most.
 */
final class RowDots {

    private RowDots() {
    }

    static float dotF32(FloatArray in, int x, FloatArray weight, int w, int count) {
        Float8 sums = zeros();
        int i = 0;
        for (; i + 7 < count; i += 8) {
            sums = Float8.add(sums, Float8.mult(eight(weight, w + i), eight(in, x + i)));
        }
        float sum = sumOf(sums);
        for (; i < count; i++) {
            sum += weight.get(w + i) * in.get(x + i);
        }
        return sum;
    }

    static float dotNormedF32(FloatArray in, int x, FloatArray norm, int g, FloatArray weight, int w, int count) {
        Float8 sums = zeros();
        int i = 0;
        for (; i + 7 < count; i += 8) {
            sums = Float8.add(sums, Float8.mult(eight(weight, w + i), Float8.mult(eight(in, x + i), eight(norm, g + i))));
        }
        float sum = sumOf(sums);
        for (; i < count; i++) {
            sum += weight.get(w + i) * (in.get(x + i) * norm.get(g + i));
        }
        return sum;
    }

    static float dotF16(FloatArray in, int x, ShortArray weight, FloatArray decode, int mantissaBits, int w, int count) {
        Float8 sums = zeros();
        int i = 0;
        for (; i + 7 < count; i += 8) {
            sums = Float8.add(sums, Float8.mult(eightF16(weight, decode, mantissaBits, w + i), eight(in, x + i)));
        }
        float sum = sumOf(sums);
        for (; i < count; i++) {
            sum += ProjectionKernels.decode(weight.get(w + i), decode, mantissaBits) * in.get(x + i);
        }
        return sum;
    }

    static float dotNormedF16(FloatArray in, int x, FloatArray norm, int g, ShortArray weight, FloatArray decode, int mantissaBits, int w,
            int count) {
        Float8 sums = zeros();
        int i = 0;
        for (; i + 7 < count; i += 8) {
            sums = Float8.add(sums,
                    Float8.mult(eightF16(weight, decode, mantissaBits, w + i), Float8.mult(eight(in, x + i), eight(norm, g + i))));
        }
        float sum = sumOf(sums);
        for (; i < count; i++) {
            sum += ProjectionKernels.decode(weight.get(w + i), decode, mantissaBits) * (in.get(x + i) * norm.get(g + i));
        }
        return sum;
    }

    static float dotQ8(FloatArray in, int x, ByteArray quants, FloatArray scales, int w, int count) {
        Float8 sums = zeros();
        for (int b = 0; b < count / 32; b++) {
            int q = w + b * 32;
            int from = x + b * 32;
            Float8 block = zeros();
            for (int i = 0; i < 32; i += 8) {
                block = Float8.add(block, Float8.mult(eightQ8(quants, q + i), eight(in, from + i)));
            }
            sums = Float8.add(sums, Float8.mult(block, splat(scales.get(w / 32 + b))));
        }
        return sumOf(sums);
    }

    static float dotNormedQ8(FloatArray in, int x, FloatArray norm, int g, ByteArray quants, FloatArray scales, int w, int count) {
        Float8 sums = zeros();
        for (int b = 0; b < count / 32; b++) {
            int q = w + b * 32;
            int from = x + b * 32;
            int gain = g + b * 32;
            Float8 block = zeros();
            for (int i = 0; i < 32; i += 8) {
                block = Float8.add(block,
                        Float8.mult(eightQ8(quants, q + i), Float8.mult(eight(in, from + i), eight(norm, gain + i))));
            }
            sums = Float8.add(sums, Float8.mult(block, splat(scales.get(w / 32 + b))));
        }
        return sumOf(sums);
    }

    static float dotQ4(FloatArray in, int x, ByteArray nibbles, FloatArray scales, int w, int count) {
        Float8 sums = zeros();
        for (int b = 0; b < count / 32; b++) {
            int q = w / 2 + b * 16;
            int from = x + b * 32;
            Float8 block = zeros();
            for (int i = 0; i < 16; i += 8) {
                block = Float8.add(block, Float8.mult(eightLow(nibbles, q + i), eight(in, from + i)));
                block = Float8.add(block, Float8.mult(eightHigh(nibbles, q + i), eight(in, from + 16 + i)));
            }
            sums = Float8.add(sums, Float8.mult(block, splat(scales.get(w / 32 + b))));
        }
        return sumOf(sums);
    }

    static float dotNormedQ4(FloatArray in, int x, FloatArray norm, int g, ByteArray nibbles, FloatArray scales, int w, int count) {
        Float8 sums = zeros();
        for (int b = 0; b < count / 32; b++) {
            int q = w / 2 + b * 16;
            int from = x + b * 32;
            int gain = g + b * 32;
            Float8 block = zeros();
            for (int i = 0; i < 16; i += 8) {
                block = Float8.add(block,
                        Float8.mult(eightLow(nibbles, q + i), Float8.mult(eight(in, from + i), eight(norm, gain + i))));
                block = Float8.add(block,
                        Float8.mult(eightHigh(nibbles, q + i), Float8.mult(eight(in, from + 16 + i), eight(norm, gain + 16 + i))));
            }
            sums = Float8.add(sums, Float8.mult(block, splat(scales.get(w / 32 + b))));
        }
        return sumOf(sums);
    }

    /** Σ_{i < count} in[x + i]² */
    static float squares(FloatArray in, int x, int count) {
        return dotF32(in, x, in, x, count);
    }

    private static Float8 zeros() {
        return new Float8(0f, 0f, 0f, 0f, 0f, 0f, 0f, 0f);
    }

    // Not Float8.mult(Float8, float): of a loop that is unrolled whole, TornadoVM takes the last product for all.
    private static Float8 splat(float x) {
        return new Float8(x, x, x, x, x, x, x, x);
    }

    private static Float8 eight(FloatArray x, int i) {
        return new Float8(x.get(i), x.get(i + 1), x.get(i + 2), x.get(i + 3), x.get(i + 4), x.get(i + 5), x.get(i + 6), x.get(i + 7));
    }

    private static Float8 eightQ8(ByteArray q, int i) {
        return new Float8(q.get(i), q.get(i + 1), q.get(i + 2), q.get(i + 3), q.get(i + 4), q.get(i + 5), q.get(i + 6), q.get(i + 7));
    }

    private static Float8 eightF16(ShortArray bits, FloatArray decode, int mantissaBits, int i) {
        return new Float8(ProjectionKernels.decode(bits.get(i), decode, mantissaBits),
                ProjectionKernels.decode(bits.get(i + 1), decode, mantissaBits),
                ProjectionKernels.decode(bits.get(i + 2), decode, mantissaBits),
                ProjectionKernels.decode(bits.get(i + 3), decode, mantissaBits),
                ProjectionKernels.decode(bits.get(i + 4), decode, mantissaBits),
                ProjectionKernels.decode(bits.get(i + 5), decode, mantissaBits),
                ProjectionKernels.decode(bits.get(i + 6), decode, mantissaBits),
                ProjectionKernels.decode(bits.get(i + 7), decode, mantissaBits));
    }

    private static Float8 eightLow(ByteArray q, int i) {
        return new Float8(low(q.get(i)), low(q.get(i + 1)), low(q.get(i + 2)), low(q.get(i + 3)), low(q.get(i + 4)), low(q.get(i + 5)),
                low(q.get(i + 6)), low(q.get(i + 7)));
    }

    private static Float8 eightHigh(ByteArray q, int i) {
        return new Float8(high(q.get(i)), high(q.get(i + 1)), high(q.get(i + 2)), high(q.get(i + 3)), high(q.get(i + 4)),
                high(q.get(i + 5)), high(q.get(i + 6)), high(q.get(i + 7)));
    }

    private static float low(int pair) {
        return QuantizedProjectionKernels.lowQuant(pair);
    }

    private static float high(int pair) {
        return QuantizedProjectionKernels.highQuant(pair);
    }

    private static float sumOf(Float8 a) {
        return ((a.getS0() + a.getS1()) + (a.getS2() + a.getS3())) + ((a.getS4() + a.getS5()) + (a.getS6() + a.getS7()));
    }
}
