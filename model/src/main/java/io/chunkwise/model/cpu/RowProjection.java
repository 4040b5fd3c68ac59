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
 * A base weight times one row of activations: what decoding spends its time on. Weights are read once, in the number
 * format and place that they are mapped in; the aim is to take no longer than reading them.
 *
 * <p>Two outputs are computed at a time, for they share the loads of the activations. The loops are written out in each
 * method, because vectors that cross a call which the compiler does not inline end up on the heap.
 */
final class RowProjection {

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
        for (int o = from; o < to; o += 2) {
            int last = Math.min(o + 1, to - 1); // the same output twice where their number is odd
            long first = type.bytesFor((long) o * inputs);
            long second = type.bytesFor((long) last * inputs);
            switch (type) {
                case F32 -> pairF32(data, first, second, inputs, in, inAt, accumulate, out, outAt + o, outAt + last);
                case F16 -> pairF16(data, first, second, inputs, in, inAt, accumulate, out, outAt + o, outAt + last);
                case BF16 -> pairBf16(data, first, second, inputs, in, inAt, accumulate, out, outAt + o, outAt + last);
                case Q8_0 -> pairQ8(data, first, second, inputs / 32, in, inAt, accumulate, out, outAt + o, outAt + last);
                case Q4_0 -> pairQ4(data, first, second, inputs / 32, in, inAt, correction, correctionAt, accumulate, out, outAt + o, outAt + last);
            }
        }
    }

    private static void store(FloatVector first, float firstRest, FloatVector second, float secondRest, boolean accumulate, float[] out, int o, int last) {
        float one = first.reduceLanes(VectorOperators.ADD) + firstRest;
        float two = second.reduceLanes(VectorOperators.ADD) + secondRest;
        if (accumulate) {
            one += out[o];
            two += out[last];
        }
        out[o] = one;
        out[last] = two;
    }

    private static void pairF32(MemorySegment data, long first, long second, int inputs, float[] in, int inAt, boolean accumulate,
            float[] out, int o, int last) {
        FloatVector one = FloatVector.zero(FLOATS);
        FloatVector two = FloatVector.zero(FLOATS);
        int whole = Lanes.roundDown(inputs);
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector x = FloatVector.fromArray(FLOATS, in, inAt + i);
            one = FloatVector.fromMemorySegment(FLOATS, data, first + i * 4L, ORDER).fma(x, one);
            two = FloatVector.fromMemorySegment(FLOATS, data, second + i * 4L, ORDER).fma(x, two);
        }
        float oneRest = 0;
        float twoRest = 0;
        for (int i = whole; i < inputs; i++) {
            oneRest += data.get(FLOAT, first + i * 4L) * in[inAt + i];
            twoRest += data.get(FLOAT, second + i * 4L) * in[inAt + i];
        }
        store(one, oneRest, two, twoRest, accumulate, out, o, last);
    }

    private static void pairF16(MemorySegment data, long first, long second, int inputs, float[] in, int inAt, boolean accumulate,
            float[] out, int o, int last) {
        FloatVector one = FloatVector.zero(FLOATS);
        FloatVector two = FloatVector.zero(FLOATS);
        int whole = Lanes.roundDown(inputs);
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector x = FloatVector.fromArray(FLOATS, in, inAt + i);
            IntVector a = (IntVector) ShortVector.fromMemorySegment(SHORTS, data, first + i * 2L, ORDER).castShape(INTS, 0);
            IntVector b = (IntVector) ShortVector.fromMemorySegment(SHORTS, data, second + i * 2L, ORDER).castShape(INTS, 0);
            one = a.lanewise(VectorOperators.LSHL, 13).and(HALF_BITS).reinterpretAsFloats().mul(HALF_TO_FLOAT).fma(x, one);
            two = b.lanewise(VectorOperators.LSHL, 13).and(HALF_BITS).reinterpretAsFloats().mul(HALF_TO_FLOAT).fma(x, two);
        }
        float oneRest = 0;
        float twoRest = 0;
        for (int i = whole; i < inputs; i++) {
            oneRest += Float.float16ToFloat(data.get(SHORT, first + i * 2L)) * in[inAt + i];
            twoRest += Float.float16ToFloat(data.get(SHORT, second + i * 2L)) * in[inAt + i];
        }
        store(one, oneRest, two, twoRest, accumulate, out, o, last);
    }

    private static void pairBf16(MemorySegment data, long first, long second, int inputs, float[] in, int inAt, boolean accumulate,
            float[] out, int o, int last) {
        FloatVector one = FloatVector.zero(FLOATS);
        FloatVector two = FloatVector.zero(FLOATS);
        int whole = Lanes.roundDown(inputs);
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector x = FloatVector.fromArray(FLOATS, in, inAt + i);
            IntVector a = (IntVector) ShortVector.fromMemorySegment(SHORTS, data, first + i * 2L, ORDER).castShape(INTS, 0);
            IntVector b = (IntVector) ShortVector.fromMemorySegment(SHORTS, data, second + i * 2L, ORDER).castShape(INTS, 0);
            one = a.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x, one);
            two = b.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(x, two);
        }
        float oneRest = 0;
        float twoRest = 0;
        for (int i = whole; i < inputs; i++) {
            oneRest += Float.intBitsToFloat(data.get(SHORT, first + i * 2L) << 16) * in[inAt + i];
            twoRest += Float.intBitsToFloat(data.get(SHORT, second + i * 2L) << 16) * in[inAt + i];
        }
        store(one, oneRest, two, twoRest, accumulate, out, o, last);
    }

    // The scale of a block is applied once, to the block's sum.
    private static void pairQ8(MemorySegment data, long first, long second, int blocks, float[] in, int inAt, boolean accumulate,
            float[] out, int o, int last) {
        FloatVector one = FloatVector.zero(FLOATS);
        FloatVector two = FloatVector.zero(FLOATS);
        for (int block = 0; block < blocks; block++) {
            long p = first + block * 34L;
            long r = second + block * 34L;
            FloatVector blockOne = FloatVector.zero(FLOATS);
            FloatVector blockTwo = FloatVector.zero(FLOATS);
            for (int i = 0; i < 32; i += BYTES.length()) {
                ByteVector a = ByteVector.fromMemorySegment(BYTES, data, p + 2 + i, ORDER);
                ByteVector b = ByteVector.fromMemorySegment(BYTES, data, r + 2 + i, ORDER);
                for (int part = 0; part < PARTS; part++) {
                    FloatVector x = FloatVector.fromArray(FLOATS, in, inAt + block * 32 + i + part * COUNT);
                    blockOne = ((FloatVector) a.castShape(FLOATS, part)).fma(x, blockOne);
                    blockTwo = ((FloatVector) b.castShape(FLOATS, part)).fma(x, blockTwo);
                }
            }
            one = blockOne.fma(FloatVector.broadcast(FLOATS, Float.float16ToFloat(data.get(SHORT, p))), one);
            two = blockTwo.fma(FloatVector.broadcast(FLOATS, Float.float16ToFloat(data.get(SHORT, r))), two);
        }
        store(one, 0, two, 0, accumulate, out, o, last);
    }

    // Σ (q − 8) · x = Σ q · x + correction, so that the quants need no subtraction.
    private static void pairQ4(MemorySegment data, long first, long second, int blocks, float[] in, int inAt, float[] correction, int correctionAt,
            boolean accumulate, float[] out, int o, int last) {
        FloatVector one = FloatVector.zero(FLOATS);
        FloatVector two = FloatVector.zero(FLOATS);
        for (int block = 0; block < blocks; block++) {
            long p = first + block * 18L;
            long r = second + block * 18L;
            FloatVector blockOne = FloatVector.fromArray(FLOATS, correction, correctionAt + block * COUNT);
            FloatVector blockTwo = blockOne;
            for (int i = 0; i < 16; i += BYTES.length()) {
                ByteVector a = ByteVector.fromMemorySegment(BYTES, data, p + 2 + i, ORDER);
                ByteVector b = ByteVector.fromMemorySegment(BYTES, data, r + 2 + i, ORDER);
                for (int part = 0; part < PARTS; part++) {
                    IntVector pairOne = (IntVector) a.convertShape(VectorOperators.ZERO_EXTEND_B2I, INTS, part);
                    IntVector pairTwo = (IntVector) b.convertShape(VectorOperators.ZERO_EXTEND_B2I, INTS, part);
                    FloatVector low = FloatVector.fromArray(FLOATS, in, inAt + block * 32 + i + part * COUNT);
                    FloatVector high = FloatVector.fromArray(FLOATS, in, inAt + block * 32 + 16 + i + part * COUNT);
                    blockOne = ((FloatVector) pairOne.and(15).convertShape(VectorOperators.I2F, FLOATS, 0)).fma(low, blockOne);
                    blockTwo = ((FloatVector) pairTwo.and(15).convertShape(VectorOperators.I2F, FLOATS, 0)).fma(low, blockTwo);
                    blockOne = ((FloatVector) pairOne.lanewise(VectorOperators.LSHR, 4).convertShape(VectorOperators.I2F, FLOATS, 0))
                            .fma(high, blockOne);
                    blockTwo = ((FloatVector) pairTwo.lanewise(VectorOperators.LSHR, 4).convertShape(VectorOperators.I2F, FLOATS, 0))
                            .fma(high, blockTwo);
                }
            }
            one = blockOne.fma(FloatVector.broadcast(FLOATS, Float.float16ToFloat(data.get(SHORT, p))), one);
            two = blockTwo.fma(FloatVector.broadcast(FLOATS, Float.float16ToFloat(data.get(SHORT, r))), two);
        }
        store(one, 0, two, 0, accumulate, out, o, last);
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
