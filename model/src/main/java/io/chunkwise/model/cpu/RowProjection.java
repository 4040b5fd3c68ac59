package io.chunkwise.model.cpu;

import static io.chunkwise.model.cpu.Lanes.BYTES;
import static io.chunkwise.model.cpu.Lanes.COUNT;
import static io.chunkwise.model.cpu.Lanes.FLOATS;
import static io.chunkwise.model.cpu.Lanes.INTS;
import static io.chunkwise.model.cpu.Lanes.ORDER;
import static io.chunkwise.model.cpu.Lanes.PARTS;
import static io.chunkwise.model.cpu.Lanes.SHORTS;
import static io.chunkwise.model.cpu.WeightDecoder.FLOAT;
import static io.chunkwise.model.cpu.WeightDecoder.HALF_BITS;
import static io.chunkwise.model.cpu.WeightDecoder.HALF_TO_FLOAT;
import static io.chunkwise.model.cpu.WeightDecoder.SHORT;

import io.chunkwise.model.format.TensorType;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;

/**
 * A base weight times one row of activations: what decoding spends its time on. Weights are read once and in the order
 * they lie in memory, in the number format and place that they are mapped in; the aim is to take no longer than reading
 * them. (Two outputs at a time would share the loads of the activations, but read two streams, which memory likes less.)
 *
 * <p>Two sums per output hide the latency of an addition. Loops are written out in each method, because vectors that
 * cross a call which the compiler does not inline end up on the heap.
 */
final class RowProjection {
    private static final int STEP = 2 * COUNT; // inputs per iteration: a vector for each of the two sums

    private RowProjection() {
    }

    /**
     * out[o] = Σ_i weight[o, i] · in[i], for outputs [from, to); added to out where {@code accumulate}
     *
     * @param data       in         [outputs, inputs]
     * @param in         in         [inputs] from {@code inAt}
     * @param correction in         [inputs / 32, lanes] from {@code correctionAt}, from {@link #prepareQ4}; read for Q4_0 only
     * @param out        out/in+out [outputs] from {@code outAt}
     */
    static void project(TensorType type, MemorySegment data, int inputs, float[] in, int inAt, float[] correction, int correctionAt,
            boolean accumulate, float[] out, int outAt, int from, int to) {
        switch (type) {
            case F32 -> projectF32(data, inputs, in, inAt, accumulate, out, outAt, from, to);
            case F16 -> projectF16(data, inputs, in, inAt, accumulate, out, outAt, from, to);
            case BF16 -> projectBf16(data, inputs, in, inAt, accumulate, out, outAt, from, to);
            case Q8_0 -> projectQ8(data, inputs / 32, in, inAt, accumulate, out, outAt, from, to);
            case Q4_0 -> projectQ4(data, inputs / 32, in, inAt, correction, correctionAt, accumulate, out, outAt, from, to);
        }
    }

    private static void projectF32(MemorySegment data, int inputs, float[] in, int inAt, boolean accumulate, float[] out, int outAt, int from, int to) {
        int whole = inputs - inputs % STEP;
        for (int o = from; o < to; o++) {
            long row = o * (inputs * 4L);
            FloatVector even = FloatVector.zero(FLOATS);
            FloatVector odd = FloatVector.zero(FLOATS);
            for (int i = 0; i < whole; i += STEP) {
                even = FloatVector.fromMemorySegment(FLOATS, data, row + i * 4L, ORDER).fma(FloatVector.fromArray(FLOATS, in, inAt + i), even);
                odd = FloatVector.fromMemorySegment(FLOATS, data, row + (i + COUNT) * 4L, ORDER)
                        .fma(FloatVector.fromArray(FLOATS, in, inAt + i + COUNT), odd);
            }
            float sum = Lanes.sum(even.add(odd));
            for (int i = whole; i < inputs; i++) {
                sum += data.get(FLOAT, row + i * 4L) * in[inAt + i];
            }
            out[outAt + o] = accumulate ? out[outAt + o] + sum : sum;
        }
    }

    private static void projectF16(MemorySegment data, int inputs, float[] in, int inAt, boolean accumulate, float[] out, int outAt, int from, int to) {
        int whole = inputs - inputs % STEP;
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
            float sum = Lanes.sum(even.add(odd));
            for (int i = whole; i < inputs; i++) {
                sum += Float.float16ToFloat(data.get(SHORT, row + i * 2L)) * in[inAt + i];
            }
            out[outAt + o] = accumulate ? out[outAt + o] + sum : sum;
        }
    }

    private static void projectBf16(MemorySegment data, int inputs, float[] in, int inAt, boolean accumulate, float[] out, int outAt, int from, int to) {
        int whole = inputs - inputs % STEP;
        for (int o = from; o < to; o++) {
            long row = o * (inputs * 2L);
            FloatVector even = FloatVector.zero(FLOATS);
            FloatVector odd = FloatVector.zero(FLOATS);
            for (int i = 0; i < whole; i += STEP) {
                IntVector a = (IntVector) ShortVector.fromMemorySegment(SHORTS, data, row + i * 2L, ORDER).castShape(INTS, 0);
                IntVector b = (IntVector) ShortVector.fromMemorySegment(SHORTS, data, row + (i + COUNT) * 2L, ORDER).castShape(INTS, 0);
                even = a.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(FloatVector.fromArray(FLOATS, in, inAt + i), even);
                odd = b.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(FloatVector.fromArray(FLOATS, in, inAt + i + COUNT), odd);
            }
            float sum = Lanes.sum(even.add(odd));
            for (int i = whole; i < inputs; i++) {
                sum += Float.intBitsToFloat(data.get(SHORT, row + i * 2L) << 16) * in[inAt + i];
            }
            out[outAt + o] = accumulate ? out[outAt + o] + sum : sum;
        }
    }

    // The scale of a block is applied once, to the block's sums.
    private static void projectQ8(MemorySegment data, int blocks, float[] in, int inAt, boolean accumulate, float[] out, int outAt, int from, int to) {
        for (int o = from; o < to; o++) {
            long row = o * (blocks * 34L);
            FloatVector even = FloatVector.zero(FLOATS);
            FloatVector odd = FloatVector.zero(FLOATS);
            for (int block = 0; block < blocks; block++) {
                long p = row + block * 34L;
                FloatVector blockEven = FloatVector.zero(FLOATS);
                FloatVector blockOdd = FloatVector.zero(FLOATS);
                for (int i = 0; i < 32; i += STEP) {
                    ByteVector a = ByteVector.fromMemorySegment(BYTES, data, p + 2 + i, ORDER);
                    ByteVector b = PARTS == 2 ? a : ByteVector.fromMemorySegment(BYTES, data, p + 2 + i + COUNT, ORDER);
                    int x = inAt + block * 32 + i;
                    blockEven = ((FloatVector) a.castShape(FLOATS, 0)).fma(FloatVector.fromArray(FLOATS, in, x), blockEven);
                    blockOdd = ((FloatVector) b.castShape(FLOATS, PARTS - 1)).fma(FloatVector.fromArray(FLOATS, in, x + COUNT), blockOdd);
                }
                FloatVector scale = FloatVector.broadcast(FLOATS, Float.float16ToFloat(data.get(SHORT, p)));
                even = blockEven.fma(scale, even);
                odd = blockOdd.fma(scale, odd);
            }
            float sum = Lanes.sum(even.add(odd));
            out[outAt + o] = accumulate ? out[outAt + o] + sum : sum;
        }
    }

    // Σ (q − 8) · x = Σ q · x + correction, so that the quants need no subtraction.
    private static void projectQ4(MemorySegment data, int blocks, float[] in, int inAt, float[] correction, int correctionAt,
            boolean accumulate, float[] out, int outAt, int from, int to) {
        for (int o = from; o < to; o++) {
            long row = o * (blocks * 18L);
            FloatVector sums = FloatVector.zero(FLOATS);
            for (int block = 0; block < blocks; block++) {
                long p = row + block * 18L;
                FloatVector blockLow = FloatVector.fromArray(FLOATS, correction, correctionAt + block * COUNT);
                FloatVector blockHigh = FloatVector.zero(FLOATS);
                for (int i = 0; i < 16; i += BYTES.length()) {
                    ByteVector pairs = ByteVector.fromMemorySegment(BYTES, data, p + 2 + i, ORDER);
                    for (int part = 0; part < PARTS; part++) {
                        IntVector pair = (IntVector) pairs.convertShape(VectorOperators.ZERO_EXTEND_B2I, INTS, part);
                        int x = inAt + block * 32 + i + part * COUNT;
                        blockLow = ((FloatVector) pair.and(15).convertShape(VectorOperators.I2F, FLOATS, 0))
                                .fma(FloatVector.fromArray(FLOATS, in, x), blockLow);
                        blockHigh = ((FloatVector) pair.lanewise(VectorOperators.LSHR, 4).convertShape(VectorOperators.I2F, FLOATS, 0))
                                .fma(FloatVector.fromArray(FLOATS, in, x + 16), blockHigh);
                    }
                }
                sums = blockLow.add(blockHigh).fma(FloatVector.broadcast(FLOATS, Float.float16ToFloat(data.get(SHORT, p))), sums);
            }
            float sum = Lanes.sum(sums);
            out[outAt + o] = accumulate ? out[outAt + o] + sum : sum;
        }
    }

    /**
     * correction[b] = −8 · Σ_{i in block b} in[i], left as a vector of partial sums
     *
     * @param in         in  [inputs] from {@code inAt}
     * @param correction out [inputs / 32, lanes] from {@code correctionAt}
     */
    static void prepareQ4(float[] in, int inAt, int inputs, float[] correction, int correctionAt) {
        for (int block = 0; block < inputs / 32; block++) {
            FloatVector sum = FloatVector.zero(FLOATS);
            for (int i = 0; i < 32; i += COUNT) {
                sum = sum.add(FloatVector.fromArray(FLOATS, in, inAt + block * 32 + i));
            }
            sum.mul(-8).intoArray(correction, correctionAt + block * COUNT);
        }
    }
}
