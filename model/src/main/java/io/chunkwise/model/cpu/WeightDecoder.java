package io.chunkwise.model.cpu;

import static io.chunkwise.model.cpu.Lanes.BYTES;
import static io.chunkwise.model.cpu.Lanes.COUNT;
import static io.chunkwise.model.cpu.Lanes.FLOATS;
import static io.chunkwise.model.cpu.Lanes.INTS;
import static io.chunkwise.model.cpu.Lanes.ORDER;
import static io.chunkwise.model.cpu.Lanes.PARTS;
import static io.chunkwise.model.cpu.Lanes.SHORTS;

import io.chunkwise.model.format.BlockCodec;
import io.chunkwise.model.format.TensorType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;

/** Stored weights to floats, a vector at a time: the same bits as {@link BlockCodec} gives, for finite values. */
final class WeightDecoder {
    static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ORDER);
    static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ORDER);
    /** An F16's bits, moved to where a float has them, stand for a value this much too small; exact for subnormals too. */
    static final float HALF_TO_FLOAT = 0x1p112f;
    /** Sign, and exponent and mantissa of an F16 at their places in a float. */
    static final int HALF_BITS = 0x8fffe000;

    private WeightDecoder() {
    }

    /**
     * Decodes {@code count} consecutive elements of one row.
     *
     * @param firstElement in {@code data}; a block boundary
     * @param count        whole blocks
     */
    static void decode(TensorType type, MemorySegment data, long firstElement, float[] out, int at, int count) {
        long from = type.bytesFor(firstElement);
        int whole = Lanes.roundDown(count);
        switch (type) {
            case F32 -> decodeF32(data, from, out, at, whole);
            case F16 -> decodeF16(data, from, out, at, whole);
            case BF16 -> decodeBf16(data, from, out, at, whole);
            case Q8_0 -> decodeQ8(data, from, out, at, count / 32);
            case Q4_0 -> decodeQ4(data, from, out, at, count / 32);
        }
        if (whole < count && !type.isQuantized()) {
            BlockCodec.decode(type, data, firstElement + whole, out, at + whole, count - whole);
        }
    }

    private static void decodeF32(MemorySegment data, long from, float[] out, int at, int count) {
        for (int i = 0; i < count; i += COUNT) {
            FloatVector.fromMemorySegment(FLOATS, data, from + i * 4L, ORDER).intoArray(out, at + i);
        }
    }

    private static void decodeF16(MemorySegment data, long from, float[] out, int at, int count) {
        for (int i = 0; i < count; i += COUNT) {
            IntVector bits = (IntVector) ShortVector.fromMemorySegment(SHORTS, data, from + i * 2L, ORDER).castShape(INTS, 0);
            bits.lanewise(VectorOperators.LSHL, 13).and(HALF_BITS).reinterpretAsFloats().mul(HALF_TO_FLOAT).intoArray(out, at + i);
        }
    }

    private static void decodeBf16(MemorySegment data, long from, float[] out, int at, int count) {
        for (int i = 0; i < count; i += COUNT) {
            IntVector bits = (IntVector) ShortVector.fromMemorySegment(SHORTS, data, from + i * 2L, ORDER).castShape(INTS, 0);
            bits.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().intoArray(out, at + i);
        }
    }

    private static void decodeQ8(MemorySegment data, long from, float[] out, int at, int blocks) {
        for (int block = 0; block < blocks; block++) {
            long p = from + block * 34L;
            FloatVector scale = FloatVector.broadcast(FLOATS, Float.float16ToFloat(data.get(SHORT, p)));
            for (int i = 0; i < 32; i += BYTES.length()) {
                ByteVector quants = ByteVector.fromMemorySegment(BYTES, data, p + 2 + i, ORDER);
                for (int part = 0; part < PARTS; part++) {
                    ((FloatVector) quants.castShape(FLOATS, part)).mul(scale).intoArray(out, at + block * 32 + i + part * COUNT);
                }
            }
        }
    }

    private static void decodeQ4(MemorySegment data, long from, float[] out, int at, int blocks) {
        for (int block = 0; block < blocks; block++) {
            long p = from + block * 18L;
            FloatVector scale = FloatVector.broadcast(FLOATS, Float.float16ToFloat(data.get(SHORT, p)));
            for (int i = 0; i < 16; i += BYTES.length()) {
                ByteVector pairs = ByteVector.fromMemorySegment(BYTES, data, p + 2 + i, ORDER);
                for (int part = 0; part < PARTS; part++) {
                    IntVector pair = (IntVector) pairs.convertShape(VectorOperators.ZERO_EXTEND_B2I, INTS, part);
                    FloatVector low = (FloatVector) pair.and(15).sub(8).convertShape(VectorOperators.I2F, FLOATS, 0);
                    FloatVector high = (FloatVector) pair.lanewise(VectorOperators.LSHR, 4).sub(8)
                            .convertShape(VectorOperators.I2F, FLOATS, 0);
                    int o = at + block * 32 + i + part * COUNT;
                    low.mul(scale).intoArray(out, o);
                    high.mul(scale).intoArray(out, o + 16);
                }
            }
        }
    }
}
