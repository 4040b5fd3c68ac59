package io.chunkwise.model.cpu;

import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vector shapes that the kernels use: as many float lanes as this machine likes best, and as many bytes, shorts and
 * ints as there are float lanes.
 */
final class Lanes {
    static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;
    /** Float lanes of a vector: 4, 8 or 16; divides the 32 elements of a quantization block. */
    static final int COUNT = FLOATS.length();
    static final VectorSpecies<Integer> INTS = VectorSpecies.of(int.class, FLOATS.vectorShape());
    static final VectorSpecies<Short> SHORTS = VectorSpecies.of(short.class, VectorShape.forBitSize(COUNT * Short.SIZE));
    /** No vector is narrower than 64 bits: with 4 float lanes a load brings the bytes of two float vectors. */
    static final VectorSpecies<Byte> BYTES = VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, COUNT * Byte.SIZE)));
    /** Float vectors that the bytes of one load fill. */
    static final int PARTS = BYTES.length() / COUNT;
    static final ByteOrder ORDER = ByteOrder.LITTLE_ENDIAN;

    private static final VectorShuffle<Float> BY_8 = rotation(8);
    private static final VectorShuffle<Float> BY_4 = rotation(4);
    private static final VectorShuffle<Float> BY_2 = rotation(2);
    private static final VectorShuffle<Float> BY_1 = rotation(1);

    private Lanes() {
    }

    /**
     * The sum of all lanes, halves first. The Vector API's own reduction leaves the order open, and interpreted and compiled
     * code differ in it: the same pass would not give the same bits twice.
     */
    static float sum(FloatVector lanes) {
        FloatVector sums = lanes;
        if (COUNT >= 16) {
            sums = sums.add(sums.rearrange(BY_8));
        }
        if (COUNT >= 8) {
            sums = sums.add(sums.rearrange(BY_4));
        }
        if (COUNT >= 4) {
            sums = sums.add(sums.rearrange(BY_2));
        }
        return sums.add(sums.rearrange(BY_1)).lane(0);
    }

    /**
     * The same sum of lanes that were stored, for ends of loops that fill a compiler's limits: where it no longer inlines, a vector that
     * is handed over goes through the heap. The lanes are lost.
     */
    static float sum(float[] lanes) {
        for (int half = lanes.length / 2; half >= 4; half /= 2) {
            for (int i = 0; i < half; i++) {
                lanes[i] += lanes[i + half];
            }
        }
        return (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]);
    }

    private static VectorShuffle<Float> rotation(int lanes) {
        return VectorShuffle.fromOp(FLOATS, lane -> (lane + lanes) % COUNT);
    }

    /** Copies a few values within an array, to where they do not overlap: a call of {@link System#arraycopy} would cost more. */
    static void copy(float[] values, int from, int to, int count) {
        int whole = roundDown(count);
        for (int i = 0; i < whole; i += COUNT) {
            FloatVector.fromArray(FLOATS, values, from + i).intoArray(values, to + i);
        }
        for (int i = whole; i < count; i++) {
            values[to + i] = values[from + i];
        }
    }

    /** {@code count} rounded up to whole vectors. */
    static int roundUp(int count) {
        return (count + COUNT - 1) / COUNT * COUNT;
    }

    /** The leading elements of {@code count} that fill whole vectors. */
    static int roundDown(int count) {
        return count - count % COUNT;
    }
}
