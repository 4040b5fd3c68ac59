package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;
import uk.ac.manchester.tornado.api.types.vectors.Float8;
import uk.ac.manchester.tornado.api.types.vectors.Int8;

/**
 * Eight neighbours at a time: from every number format, and what is done with them. A signed byte of an int comes as a float in units of
 * {@link #BYTE}, by which scales are multiplied: shifted to the left it keeps its sign, and shifts to the right have none in what
 * TornadoVM's PTX backend makes of them. All of it is exact.
 */
final class Eights {
    static final float BYTE = 1f / 16777216f;

    private Eights() {
    }

    static Float8 zeros() {
        return new Float8(0f, 0f, 0f, 0f, 0f, 0f, 0f, 0f);
    }

    // Not Float8.mult(Float8, float): of a loop that is unrolled whole, TornadoVM takes the last product for all.
    static Float8 splat(float x) {
        return new Float8(x, x, x, x, x, x, x, x);
    }

    static float sumOf(Float8 a) {
        return ((a.getS0() + a.getS1()) + (a.getS2() + a.getS3())) + ((a.getS4() + a.getS5()) + (a.getS6() + a.getS7()));
    }

    static Float8 of(FloatArray x, int i) {
        return new Float8(x.get(i), x.get(i + 1), x.get(i + 2), x.get(i + 3), x.get(i + 4), x.get(i + 5), x.get(i + 6), x.get(i + 7));
    }

    static Float8 ofF16(ShortArray bits, FloatArray decode, int mantissaBits, int i) {
        return new Float8(ProjectionKernels.decode(bits.get(i), decode, mantissaBits),
                ProjectionKernels.decode(bits.get(i + 1), decode, mantissaBits),
                ProjectionKernels.decode(bits.get(i + 2), decode, mantissaBits),
                ProjectionKernels.decode(bits.get(i + 3), decode, mantissaBits),
                ProjectionKernels.decode(bits.get(i + 4), decode, mantissaBits),
                ProjectionKernels.decode(bits.get(i + 5), decode, mantissaBits),
                ProjectionKernels.decode(bits.get(i + 6), decode, mantissaBits),
                ProjectionKernels.decode(bits.get(i + 7), decode, mantissaBits));
    }

    static Int8 of(IntArray x, int i) {
        return new Int8(x.get(i), x.get(i + 1), x.get(i + 2), x.get(i + 3), x.get(i + 4), x.get(i + 5), x.get(i + 6), x.get(i + 7));
    }

    /** The lowest byte of each of eight ints, in units of {@link #BYTE}. */
    static Float8 firstBytes(Int8 q) {
        return new Float8(first(q.getS0()), first(q.getS1()), first(q.getS2()), first(q.getS3()), first(q.getS4()),
                first(q.getS5()), first(q.getS6()), first(q.getS7()));
    }

    static Float8 secondBytes(Int8 q) {
        return new Float8(second(q.getS0()), second(q.getS1()), second(q.getS2()), second(q.getS3()), second(q.getS4()),
                second(q.getS5()), second(q.getS6()), second(q.getS7()));
    }

    static Float8 thirdBytes(Int8 q) {
        return new Float8(third(q.getS0()), third(q.getS1()), third(q.getS2()), third(q.getS3()), third(q.getS4()),
                third(q.getS5()), third(q.getS6()), third(q.getS7()));
    }

    static Float8 fourthBytes(Int8 q) {
        return new Float8(fourth(q.getS0()), fourth(q.getS1()), fourth(q.getS2()), fourth(q.getS3()), fourth(q.getS4()),
                fourth(q.getS5()), fourth(q.getS6()), fourth(q.getS7()));
    }

    /** The byte at a bit of each of eight ints: for loops, which are fewer nodes than the four above. */
    static Float8 bytesAt(Int8 q, int bit) {
        return new Float8(byteAt(q.getS0(), bit), byteAt(q.getS1(), bit), byteAt(q.getS2(), bit), byteAt(q.getS3(), bit),
                byteAt(q.getS4(), bit), byteAt(q.getS5(), bit), byteAt(q.getS6(), bit), byteAt(q.getS7(), bit));
    }

    /** In units of {@link #BYTE}. */
    static float byteAt(int bytes, int bit) {
        return bytes << (24 - bit) & 0xff000000;
    }

    static float first(int bytes) {
        return bytes << 24;
    }

    static float second(int bytes) {
        return bytes << 16 & 0xff000000;
    }

    static float third(int bytes) {
        return bytes << 8 & 0xff000000;
    }

    static float fourth(int bytes) {
        return bytes & 0xff000000;
    }

    static Float8 low(ByteArray q, int i) {
        return new Float8(lowQuant(q.get(i)), lowQuant(q.get(i + 1)), lowQuant(q.get(i + 2)), lowQuant(q.get(i + 3)),
                lowQuant(q.get(i + 4)), lowQuant(q.get(i + 5)), lowQuant(q.get(i + 6)), lowQuant(q.get(i + 7)));
    }

    static Float8 high(ByteArray q, int i) {
        return new Float8(highQuant(q.get(i)), highQuant(q.get(i + 1)), highQuant(q.get(i + 2)), highQuant(q.get(i + 3)),
                highQuant(q.get(i + 4)), highQuant(q.get(i + 5)), highQuant(q.get(i + 6)), highQuant(q.get(i + 7)));
    }

    private static float lowQuant(int pair) {
        return QuantizedProjectionKernels.lowQuant(pair);
    }

    private static float highQuant(int pair) {
        return QuantizedProjectionKernels.highQuant(pair);
    }
}
