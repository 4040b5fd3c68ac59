package io.chunkwise.model.cpu;

import static io.chunkwise.model.cpu.Lanes.ORDER;
import static io.chunkwise.model.cpu.WeightDecoder.SHORT;

import io.chunkwise.model.format.TensorType;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;

/**
 * A base weight times one row of activations that are rounded to integers, a scale for each block of 32: what decoding does instead of
 * {@link RowProjection} where {@link io.chunkwise.model.forward.ActivationFormat#INTEGER} allows it. A block becomes floats once, as
 * eight sums of four products, instead of weight by weight.
 *
 * <p>The Vector API has no multiply-add of neighbours. Q4_0 gets it from one 32-bit product, as in (w₀ + 2¹⁶ w₁) · (x₁ + 2¹⁶ x₀): its
 * upper half is w₀x₀ + w₁x₁, and what is below the binary point of that, w₀x₁, is less than half of a step. Four products of −8 to 7 times
 * at most 1,023 fit in the upper half, so that activations keep 11 bits. Q8_0 multiplies shorts: two products of −128 to 127
 * times at most 127 fit in one.
 *
 * <p>Loops end with a store and plain additions for the reasons of {@link Lanes#sum(float[])}.
 */
final class IntegerProjection {
    private static final int LARGEST_Q4 = 1023;
    private static final int LARGEST_Q8 = 127;
    private static final int BYTES_Q4 = 18; // of a block of weights; ints of a block of activations, too: one variable is the index of both
    private static final int BYTES_Q8 = 34; // and shorts of a block of activations
    private static final int NIBBLES = 0x000f000f;
    private static final int EIGHTS = 0x0008_0008;

    private IntegerProjection() {
    }

    /** Whether this machine's vectors are long enough. */
    static boolean isSupported() {
        return Lanes.COUNT >= 8;
    }

    /** Rows of rounded activations, in the order of the quants of a type; memory that is used again and grows. */
    static final class Input {
        private final TensorType type;
        private int[] pairs = new int[0]; // Q4_0: per block 16 pairs of neighbours, second + 2^16 first, then the bits of the scale
        private short[] shorts = new short[0]; // Q8_0: per block 16 elements of even and 16 of odd index
        private float[] scales = new float[0]; // Q8_0: at the index where a block begins in shorts

        /** @param type Q8_0 or Q4_0 */
        Input(TensorType type) {
            this.type = type;
        }

        /** @param in [rows, inputs] */
        void round(float[] in, int inputs, int rows) {
            int blocks = rows * inputs / 32;
            if (type == TensorType.Q4_0) {
                pairs = pairs.length >= blocks * BYTES_Q4 ? pairs : new int[blocks * BYTES_Q4];
                for (int block = 0; block < blocks; block++) {
                    roundToPairs(in, block * 32, block * BYTES_Q4);
                }
            } else {
                shorts = shorts.length >= blocks * BYTES_Q8 ? shorts : new short[blocks * BYTES_Q8];
                scales = Scratch.atLeast(scales, blocks * BYTES_Q8);
                for (int block = 0; block < blocks; block++) {
                    roundToShorts(in, block * 32, block * BYTES_Q8);
                }
            }
        }

        private void roundToPairs(float[] in, int from, int at) {
            float step = largest(in, from) / LARGEST_Q4;
            float inverse = step == 0 ? 0 : 1 / step;
            for (int i = 0; i < 32; i += 2) {
                pairs[at + i / 2] = ((int) Math.rint(in[from + i] * inverse) << 16) + (int) Math.rint(in[from + i + 1] * inverse);
            }
            pairs[at + 16] = Float.floatToRawIntBits(step * 0x1p-16f);
        }

        private void roundToShorts(float[] in, int from, int at) {
            float step = largest(in, from) / LARGEST_Q8;
            float inverse = step == 0 ? 0 : 1 / step;
            for (int i = 0; i < 16; i++) {
                shorts[at + i] = (short) Math.rint(in[from + 2 * i] * inverse);
                shorts[at + 16 + i] = (short) Math.rint(in[from + 2 * i + 1] * inverse);
            }
            scales[at] = step;
        }

        private static float largest(float[] in, int from) {
            float largest = 0;
            for (int i = from; i < from + 32; i++) {
                largest = Math.max(largest, Math.abs(in[i]));
            }
            return largest;
        }
    }

    /**
     * out[o] = Σ_i weight[o, i] · in[row, i], for outputs [from, to); added to out where {@code accumulate}
     *
     * @param data in         [outputs, inputs] of the type that {@code in} was made for
     * @param out  out/in+out [outputs] from {@code outAt}
     */
    static void project(MemorySegment data, int inputs, Input in, int row, boolean accumulate, float[] out, int outAt, int from, int to) {
        int rowBytes = (int) in.type.bytesFor(inputs);
        if (in.type == TensorType.Q4_0) {
            projectQ4(data, rowBytes, in.pairs, row * rowBytes, accumulate, out, outAt, from, to);
        } else {
            projectQ8(data, rowBytes, in.shorts, in.scales, row * rowBytes, accumulate, out, outAt, from, to);
        }
    }

    // Nibbles less 8 are subtracted as ints, not as shorts: a negative lower half then borrows from the upper one, as the product wants it.
    private static void projectQ4(MemorySegment data, int rowBytes, int[] in, int inAt, boolean accumulate, float[] out, int outAt,
            int from, int to) {
        float[] lanes = new float[8];
        for (int o = from; o < to; o++) {
            long row = o * (long) rowBytes;
            FloatVector sums = FloatVector.zero(FloatVector.SPECIES_256);
            for (int p = 0; p < rowBytes; p += BYTES_Q4) {
                int x = inAt + p;
                IntVector bytes = ByteVector.fromMemorySegment(ByteVector.SPECIES_128, data, row + p + 2, ORDER)
                        .convertShape(VectorOperators.ZERO_EXTEND_B2S, ShortVector.SPECIES_256, 0).reinterpretAsInts();
                IntVector first = bytes.and(NIBBLES).sub(EIGHTS).mul(IntVector.fromArray(IntVector.SPECIES_256, in, x));
                IntVector second = bytes.lanewise(VectorOperators.LSHR, 4).and(NIBBLES).sub(EIGHTS)
                        .mul(IntVector.fromArray(IntVector.SPECIES_256, in, x + 8));
                FloatVector block = (FloatVector) first.add(second).convertShape(VectorOperators.I2F, FloatVector.SPECIES_256, 0);
                float scale = Float.float16ToFloat(data.get(SHORT, row + p)) * Float.intBitsToFloat(in[x + 16]);
                sums = block.fma(FloatVector.broadcast(FloatVector.SPECIES_256, scale), sums);
            }
            sums.intoArray(lanes, 0);
            float sum = Lanes.sum(lanes);
            out[outAt + o] = accumulate ? out[outAt + o] + sum : sum;
        }
    }

    // Two outputs at a time share activations and what a row costs before its loop runs. They are half of the outputs apart, because memory
    // likes two long streams better than two that take turns. A last output without a partner is its own.
    private static void projectQ8(MemorySegment data, int rowBytes, short[] in, float[] scales, int inAt, boolean accumulate, float[] out,
            int outAt, int from, int to) {
        float[] lanes = new float[8];
        int half = (to - from + 1) / 2;
        for (int o = from; o < from + half; o++) {
            int partner = o + half < to ? o + half : o;
            long row = o * (long) rowBytes;
            long partnerRow = partner * (long) rowBytes;
            FloatVector sums = FloatVector.zero(FloatVector.SPECIES_256);
            FloatVector partnerSums = FloatVector.zero(FloatVector.SPECIES_256);
            for (int p = 0; p < rowBytes; p += BYTES_Q8) {
                int x = inAt + p;
                ShortVector evenIn = ShortVector.fromArray(ShortVector.SPECIES_256, in, x);
                ShortVector oddIn = ShortVector.fromArray(ShortVector.SPECIES_256, in, x + 16);
                ShortVector bytes = ShortVector.fromMemorySegment(ShortVector.SPECIES_256, data, row + p + 2, ORDER);
                FloatVector block = blockQ8(bytes, evenIn, oddIn);
                float scale = Float.float16ToFloat(data.get(SHORT, row + p)) * scales[x];
                sums = block.fma(FloatVector.broadcast(FloatVector.SPECIES_256, scale), sums);
                ShortVector partnerBytes = ShortVector.fromMemorySegment(ShortVector.SPECIES_256, data, partnerRow + p + 2, ORDER);
                block = blockQ8(partnerBytes, evenIn, oddIn);
                scale = Float.float16ToFloat(data.get(SHORT, partnerRow + p)) * scales[x];
                partnerSums = block.fma(FloatVector.broadcast(FloatVector.SPECIES_256, scale), partnerSums);
            }
            sums.intoArray(lanes, 0);
            float sum = Lanes.sum(lanes);
            partnerSums.intoArray(lanes, 0);
            float partnerSum = Lanes.sum(lanes);
            if (accumulate) {
                sum += out[outAt + o];
                partnerSum += out[outAt + partner];
            }
            out[outAt + o] = sum;
            out[outAt + partner] = partnerSum;
        }
    }

    /** Sums of four products each, from 16 pairs of bytes. */
    private static FloatVector blockQ8(ShortVector bytes, ShortVector evenIn, ShortVector oddIn) {
        ShortVector even = bytes.lanewise(VectorOperators.LSHL, 8).lanewise(VectorOperators.ASHR, 8).mul(evenIn);
        IntVector pairs = even.add(bytes.lanewise(VectorOperators.ASHR, 8).mul(oddIn)).reinterpretAsInts();
        IntVector fours = pairs.lanewise(VectorOperators.ASHR, 16)
                .add(pairs.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 16));
        return (FloatVector) fours.convertShape(VectorOperators.I2F, FloatVector.SPECIES_256, 0);
    }
}
