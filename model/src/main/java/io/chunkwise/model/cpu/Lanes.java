package io.chunkwise.model.cpu;

import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShape;
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

    private Lanes() {
    }

    /**
     * The sum of a vector that was stored to {@code lanes} from {@code at} on, always in the same order. The Vector API's own
     * reduction leaves the order open and adds in another one as soon as the method is compiled, so that the same pass
     * would not give the same bits twice.
     */
    static float sum(float[] lanes, int at) {
        float sum = 0;
        for (int i = at; i < at + COUNT; i += 4) {
            sum += (lanes[i] + lanes[i + 1]) + (lanes[i + 2] + lanes[i + 3]);
        }
        return sum;
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
