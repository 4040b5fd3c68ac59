package io.chunkwise.model.cpu;

import static io.chunkwise.model.cpu.Lanes.COUNT;
import static io.chunkwise.model.cpu.Lanes.FLOATS;
import static io.chunkwise.model.cpu.Lanes.INTS;
import static io.chunkwise.model.cpu.Lanes.ORDER;
import static io.chunkwise.model.cpu.Lanes.SHORTS;
import static io.chunkwise.model.cpu.WeightDecoder.FLOAT;
import static io.chunkwise.model.cpu.WeightDecoder.HALF_BITS;
import static io.chunkwise.model.cpu.WeightDecoder.HALF_TO_FLOAT;
import static io.chunkwise.model.cpu.WeightDecoder.SHORT;

import io.chunkwise.model.format.TensorType;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * A base weight times one row of activations: what decoding spends its time on. Weights are read once and in the order
 * they lie in memory, in the number format and place that they are mapped in; the aim is to take no longer than reading
 * them. (Two outputs at a time would share the loads of the activations, but read two streams, which memory likes less.)
 *
 * <p>Quantized weights are taken apart four at a time, where they lie in an int: a mask isolates a quant, and the power of
 * two by which it is then too large is taken off the activation, once per row instead of once per weight. That wants
 * activations in another order: {@link #prepare}.
 *
 * <p>Two sums per output hide the latency of an addition. Loops are written out in each method, because vectors that
 * cross a call which the compiler does not inline end up on the heap. A loop over blocks counts the bytes of a row, and the
 * prepared activations take a multiple of a block's bytes, so that one variable is the index of both: with two, the compiler spends
 * more on addresses and range checks than on arithmetic.
 */
final class RowProjection {
    private static final int STEP = 2 * COUNT; // inputs per iteration: a vector for each of the two sums

    // A block of 32 quants is four vectors of 8, so that wider vectors would not help.
    static final VectorSpecies<Float> QUANT_FLOATS = COUNT > 8 ? FloatVector.SPECIES_256 : FLOATS;
    static final VectorSpecies<Integer> QUANT_INTS = VectorSpecies.of(int.class, QUANT_FLOATS.vectorShape());
    static final int QUANTS = QUANT_FLOATS.length(); // 4 or 8
    static final VectorSpecies<Short> QUANT_SHORTS = VectorSpecies.of(short.class, VectorShape.forBitSize(QUANTS * Short.SIZE));
    // Floats of prepared activations per block: one or two for each byte of a block. The first 32 are the activations, the one
    // behind them is the correction for quants that do not begin at 0.
    private static final int PREPARED_Q8 = 34;
    private static final int PREPARED_Q4 = 2 * 18;

    private RowProjection() {
    }

    /** Floats that {@link #prepare} writes; 0 if it is not needed. */
    static int preparedSize(TensorType type, int inputs) {
        return switch (type) {
            case F32, F16, BF16 -> 0;
            case Q8_0 -> inputs / 32 * PREPARED_Q8;
            case Q4_0 -> inputs / 32 * PREPARED_Q4;
        };
    }

    /**
     * Brings a row of activations into the order of the quants of a block. Lane j of vector k meets quant k of the j-th
     * four, divided by 2 to the power of the quant's place among them; one more float is −z · Σ in[i], where z is what was added to
     * the quants of the block to make them positive.
     *
     * @param type     Q8_0 or Q4_0
     * @param in       in  [inputs] from {@code inAt}
     * @param prepared out [preparedSize(type, inputs)] from {@code at}
     */
    static void prepare(TensorType type, float[] in, int inAt, int inputs, float[] prepared, int at) {
        boolean bytes = type == TensorType.Q8_0;
        int width = bytes ? PREPARED_Q8 : PREPARED_Q4;
        for (int block = 0; block < inputs / 32; block++) {
            int x = inAt + block * 32;
            int y = at + block * width;
            for (int piece = 0; piece < 32; piece += 4 * QUANTS) {
                for (int j = 0; j < QUANTS; j++) {
                    int to = y + piece + j;
                    if (bytes) { // four neighbouring bytes
                        int from = x + piece + 4 * j;
                        prepared[to] = in[from];
                        prepared[to + QUANTS] = in[from + 1] * 0x1p-8f;
                        prepared[to + 2 * QUANTS] = in[from + 2] * 0x1p-16f;
                        prepared[to + 3 * QUANTS] = in[from + 3];
                    } else { // the halves of two neighbouring bytes
                        int from = x + piece / 2 + 2 * j;
                        prepared[to] = in[from];
                        prepared[to + QUANTS] = in[from + 16] * 0x1p-4f;
                        prepared[to + 2 * QUANTS] = in[from + 1] * 0x1p-8f;
                        prepared[to + 3 * QUANTS] = in[from + 17] * 0x1p-12f;
                    }
                }
            }
            FloatVector sum = FloatVector.zero(QUANT_FLOATS);
            for (int i = 0; i < 32; i += QUANTS) {
                sum = sum.add(FloatVector.fromArray(QUANT_FLOATS, in, x + i));
            }
            prepared[y + 32] = (bytes ? -128 : -8) * Lanes.sum(COUNT > 8 ? (FloatVector) sum.castShape(FLOATS, 0) : sum);
        }
    }

    /**
     * out[o] = Σ_i weight[o, i] · in[i], for outputs [from, to); added to out where {@code accumulate}
     *
     * @param data in         [outputs, inputs]
     * @param in   in         [inputs] from {@code inAt}; for quantized weights from {@link #prepare}
     * @param out  out/in+out [outputs] from {@code outAt}
     */
    static void project(TensorType type, MemorySegment data, int inputs, float[] in, int inAt, boolean accumulate,
            float[] out, int outAt, int from, int to) {
        switch (type) {
            case F32 -> projectF32(data, inputs, in, inAt, accumulate, out, outAt, from, to);
            case F16 -> projectF16(data, inputs, in, inAt, accumulate, out, outAt, from, to);
            case BF16 -> projectBf16(data, inputs, in, inAt, accumulate, out, outAt, from, to);
            case Q8_0 -> projectQ8(data, inputs / 32 * 34, in, inAt, accumulate, out, outAt, from, to);
            case Q4_0 -> projectQ4(data, inputs / 32 * 18, in, inAt, accumulate, out, outAt, from, to);
        }
    }

    private static void projectF32(MemorySegment data, int inputs, float[] in, int inAt, boolean accumulate, float[] out,
            int outAt, int from, int to) {
        int whole = inputs - inputs % STEP;
        float[] lanes = new float[COUNT];
        for (int o = from; o < to; o++) {
            long row = o * (inputs * 4L);
            FloatVector even = FloatVector.zero(FLOATS);
            FloatVector odd = FloatVector.zero(FLOATS);
            for (int i = 0; i < whole; i += STEP) {
                even = FloatVector.fromMemorySegment(FLOATS, data, row + i * 4L, ORDER)
                        .fma(FloatVector.fromArray(FLOATS, in, inAt + i), even);
                odd = FloatVector.fromMemorySegment(FLOATS, data, row + (i + COUNT) * 4L, ORDER)
                        .fma(FloatVector.fromArray(FLOATS, in, inAt + i + COUNT), odd);
            }
            even.add(odd).intoArray(lanes, 0);
            float sum = Lanes.sum(lanes);
            for (int i = whole; i < inputs; i++) {
                sum += data.get(FLOAT, row + i * 4L) * in[inAt + i];
            }
            out[outAt + o] = accumulate ? out[outAt + o] + sum : sum;
        }
    }

    private static void projectF16(MemorySegment data, int inputs, float[] in, int inAt, boolean accumulate, float[] out,
            int outAt, int from, int to) {
        int whole = inputs - inputs % STEP;
        float[] lanes = new float[COUNT];
        for (int o = from; o < to; o++) {
            long row = o * (inputs * 2L);
            FloatVector even = FloatVector.zero(FLOATS);
            FloatVector odd = FloatVector.zero(FLOATS);
            for (int i = 0; i < whole; i += STEP) {
                IntVector a = (IntVector) ShortVector.fromMemorySegment(SHORTS, data, row + i * 2L, ORDER).castShape(INTS, 0);
                IntVector b = (IntVector) ShortVector.fromMemorySegment(SHORTS, data, row + (i + COUNT) * 2L, ORDER).castShape(INTS, 0);
                even = a.lanewise(VectorOperators.LSHL, 13).and(HALF_BITS).reinterpretAsFloats().mul(HALF_TO_FLOAT)
                        .fma(FloatVector.fromArray(FLOATS, in, inAt + i), even);
                odd = b.lanewise(VectorOperators.LSHL, 13).and(HALF_BITS).reinterpretAsFloats().mul(HALF_TO_FLOAT)
                        .fma(FloatVector.fromArray(FLOATS, in, inAt + i + COUNT), odd);
            }
            even.add(odd).intoArray(lanes, 0);
            float sum = Lanes.sum(lanes);
            for (int i = whole; i < inputs; i++) {
                sum += Float.float16ToFloat(data.get(SHORT, row + i * 2L)) * in[inAt + i];
            }
            out[outAt + o] = accumulate ? out[outAt + o] + sum : sum;
        }
    }

    private static void projectBf16(MemorySegment data, int inputs, float[] in, int inAt, boolean accumulate, float[] out,
            int outAt, int from, int to) {
        int whole = inputs - inputs % STEP;
        float[] lanes = new float[COUNT];
        for (int o = from; o < to; o++) {
            long row = o * (inputs * 2L);
            FloatVector even = FloatVector.zero(FLOATS);
            FloatVector odd = FloatVector.zero(FLOATS);
            for (int i = 0; i < whole; i += STEP) {
                IntVector a = (IntVector) ShortVector.fromMemorySegment(SHORTS, data, row + i * 2L, ORDER).castShape(INTS, 0);
                IntVector b = (IntVector) ShortVector.fromMemorySegment(SHORTS, data, row + (i + COUNT) * 2L, ORDER).castShape(INTS, 0);
                even = a.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(FloatVector.fromArray(FLOATS, in, inAt + i), even);
                odd = b.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats()
                        .fma(FloatVector.fromArray(FLOATS, in, inAt + i + COUNT), odd);
            }
            even.add(odd).intoArray(lanes, 0);
            float sum = Lanes.sum(lanes);
            for (int i = whole; i < inputs; i++) {
                sum += Float.intBitsToFloat(data.get(SHORT, row + i * 2L) << 16) * in[inAt + i];
            }
            out[outAt + o] = accumulate ? out[outAt + o] + sum : sum;
        }
    }

    // The scale of a block is applied once, to the block's sums.
    private static void projectQ8(MemorySegment data, int rowBytes, float[] in, int inAt, boolean accumulate, float[] out, int outAt,
            int from, int to) {
        float[] lanes = new float[QUANTS];
        for (int o = from; o < to; o++) {
            long row = o * (long) rowBytes;
            float correction = 0;
            FloatVector even = FloatVector.zero(QUANT_FLOATS);
            FloatVector odd = FloatVector.zero(QUANT_FLOATS);
            for (int p = 0; p < rowBytes; p += 34) {
                int x = inAt + p;
                FloatVector blockEven = FloatVector.zero(QUANT_FLOATS);
                FloatVector blockOdd = FloatVector.zero(QUANT_FLOATS);
                for (int i = 0; i < 32; i += 4 * QUANTS) {
                    // The quants -128 to 127 as 0 to 255.
                    IntVector four = IntVector.fromMemorySegment(QUANT_INTS, data, row + p + 2 + i, ORDER)
                            .lanewise(VectorOperators.XOR, 0x80808080);
                    blockEven = ((FloatVector) four.and(0xff).convertShape(VectorOperators.I2F, QUANT_FLOATS, 0))
                            .fma(FloatVector.fromArray(QUANT_FLOATS, in, x + i), blockEven);
                    blockOdd = ((FloatVector) four.and(0xff00).convertShape(VectorOperators.I2F, QUANT_FLOATS, 0))
                            .fma(FloatVector.fromArray(QUANT_FLOATS, in, x + i + QUANTS), blockOdd);
                    blockEven = ((FloatVector) four.and(0xff0000).convertShape(VectorOperators.I2F, QUANT_FLOATS, 0))
                            .fma(FloatVector.fromArray(QUANT_FLOATS, in, x + i + 2 * QUANTS), blockEven);
                    blockOdd = ((FloatVector) four.lanewise(VectorOperators.LSHR, 24).convertShape(VectorOperators.I2F, QUANT_FLOATS, 0))
                            .fma(FloatVector.fromArray(QUANT_FLOATS, in, x + i + 3 * QUANTS), blockOdd);
                }
                float scale = Float.float16ToFloat(data.get(SHORT, row + p));
                correction = Math.fma(scale, in[x + 32], correction);
                FloatVector scales = FloatVector.broadcast(QUANT_FLOATS, scale);
                even = blockEven.fma(scales, even);
                odd = blockOdd.fma(scales, odd);
            }
            even.add(odd).intoArray(lanes, 0);
            float sum = Lanes.sum(lanes) + correction;
            out[outAt + o] = accumulate ? out[outAt + o] + sum : sum;
        }
    }

    private static void projectQ4(MemorySegment data, int rowBytes, float[] in, int inAt, boolean accumulate, float[] out, int outAt,
            int from, int to) {
        float[] lanes = new float[QUANTS];
        for (int o = from; o < to; o++) {
            long row = o * (long) rowBytes;
            float correction = 0;
            FloatVector even = FloatVector.zero(QUANT_FLOATS);
            FloatVector odd = FloatVector.zero(QUANT_FLOATS);
            for (int p = 0; p < rowBytes; p += 18) {
                int x = inAt + 2 * p;
                FloatVector blockEven = FloatVector.zero(QUANT_FLOATS);
                FloatVector blockOdd = FloatVector.zero(QUANT_FLOATS);
                for (int i = 0; i < 32; i += 4 * QUANTS) {
                    IntVector four = (IntVector) ShortVector.fromMemorySegment(QUANT_SHORTS, data, row + p + 2 + i / 2, ORDER)
                            .convertShape(VectorOperators.ZERO_EXTEND_S2I, QUANT_INTS, 0);
                    blockEven = ((FloatVector) four.and(0xf).convertShape(VectorOperators.I2F, QUANT_FLOATS, 0))
                            .fma(FloatVector.fromArray(QUANT_FLOATS, in, x + i), blockEven);
                    blockOdd = ((FloatVector) four.and(0xf0).convertShape(VectorOperators.I2F, QUANT_FLOATS, 0))
                            .fma(FloatVector.fromArray(QUANT_FLOATS, in, x + i + QUANTS), blockOdd);
                    blockEven = ((FloatVector) four.and(0xf00).convertShape(VectorOperators.I2F, QUANT_FLOATS, 0))
                            .fma(FloatVector.fromArray(QUANT_FLOATS, in, x + i + 2 * QUANTS), blockEven);
                    blockOdd = ((FloatVector) four.and(0xf000).convertShape(VectorOperators.I2F, QUANT_FLOATS, 0))
                            .fma(FloatVector.fromArray(QUANT_FLOATS, in, x + i + 3 * QUANTS), blockOdd);
                }
                float scale = Float.float16ToFloat(data.get(SHORT, row + p));
                correction = Math.fma(scale, in[x + 32], correction);
                FloatVector scales = FloatVector.broadcast(QUANT_FLOATS, scale);
                even = blockEven.fma(scales, even);
                odd = blockOdd.fma(scales, odd);
            }
            even.add(odd).intoArray(lanes, 0);
            float sum = Lanes.sum(lanes) + correction;
            out[outAt + o] = accumulate ? out[outAt + o] + sum : sum;
        }
    }
}
