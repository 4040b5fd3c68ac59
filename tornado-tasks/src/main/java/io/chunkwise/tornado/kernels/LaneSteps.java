package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;

/**
 * What a lane adds to an output in a step: its {@link #share} of the weight's elements times the inputs that belong to them, which the
 * caller reads (from local memory, whose address TornadoVM gets wrong in methods that are given it), once for several outputs. All weights
 * of a step are requested before any is waited for. Of blocks a lane has a half, of which the ints are neighbours and the scale is one;
 * of other formats elements lane, lane + 32, …, so that neighbouring lanes read neighbouring ones.
 *
 * <p>Of blocks, inputs lie in local memory as they are read: sixteen of a lane behind each other, and one float behind them is left out so
 * that lanes read from different banks. A quant stays where it is in its int, which makes it larger by a power of two, and its input is
 * there as much smaller: {@link #unit}. Inputs come as floats because TornadoVM fuses no multiplication with the addition of a vector's
 * element.
 */
final class LaneSteps {
    private static final int LANES = ProjectionKernels.LANES;
    /** Half of a block. */
    private static final int HALF = 16;
    /** Inputs from one quad of a lane to the next, where its elements are not neighbours. */
    private static final int QUAD = 4 * LANES;

    private LaneSteps() {
    }

    private static boolean hasBlocks(int format) {
        if (format == WeightFormat.Q8) {
            return true;
        }
        return format == WeightFormat.PACKED_Q4;
    }

    /** Elements of a lane in a step. A stack of three weights whose lanes decode eight by a table is more than TornadoVM compiles. */
    private static int share(int format) {
        int share = 8;
        if (format == WeightFormat.F16) {
            share = 4;
        }
        if (hasBlocks(format)) {
            share = HALF;
        }
        return share;
    }

    /** Inputs of a step. */
    static int step(int format) {
        return share(format) * LANES;
    }

    /** Floats of local memory that {@code inputs} take, a multiple of a block. */
    static int space(int format, int inputs) {
        int space = inputs;
        if (hasBlocks(format)) {
            space = inputs / HALF * (HALF + 1);
        }
        return space;
    }

    /** Where in local memory input i is. */
    static int place(int format, int i) {
        int element = i & 31;
        int block = (i >> 5) * 2 * (HALF + 1);
        int place = i;
        if (format == WeightFormat.Q8) {
            int bytes = element & 7;
            place = block + (bytes >> 2) * (HALF + 1) + (bytes & 3) * 4 + (element >> 3);
        }
        if (format == WeightFormat.PACKED_Q4) {
            int eight = element & 3;
            place = block + (eight >> 1) * (HALF + 1) + (eight & 1) * 8 + (element >> 2);
        }
        return place;
    }

    /** What input i is multiplied with in local memory. */
    static float unit(int format, int i) {
        float unit = 1f;
        if (format == WeightFormat.Q8) {
            if ((i & 31) >= 24) {
                unit = Eights.BYTE;
            }
        }
        if (format == WeightFormat.PACKED_Q4) {
            unit = 1f / (1 << (i & 28));
        }
        return unit;
    }

    /** Where in local memory a lane's first input of a step is. */
    static int first(int format, int at, int lane) {
        int first = at + lane;
        if (hasBlocks(format)) {
            first = ((at >> 4) + lane) * (HALF + 1);
        }
        return first;
    }

    /** Where quad n of a lane is, from the first one; 0 where it has none, so that what is read there is not used. */
    static int quadAt(int format, int n) {
        int at = 4 * n * apart(format);
        if (4 * n >= share(format)) {
            at = 0;
        }
        return at;
    }

    /** From one input of a lane's quad to the next. */
    static int apart(int format) {
        int apart = LANES;
        if (hasBlocks(format)) {
            apart = 1;
        }
        return apart;
    }

    /** What all inputs together take from the sum, because their elements come larger by 8: all but those of the highest four bits. */
    static float offset(int format, float x0, float x1, float x2, float x3, float x4, float x5, float x6, float x7, float x8, float x9,
            float x10, float x11, float x12, float x13, float x14, float x15) {
        float offset = 0f;
        if (format == WeightFormat.PACKED_Q4) {
            offset = offsetOfSeven(x0, x1, x2, x3, x4, x5, x6) + offsetOfSeven(x8, x9, x10, x11, x12, x13, x14);
        }
        return offset;
    }

    private static float offsetOfSeven(float x0, float x1, float x2, float x3, float x4, float x5, float x6) {
        float offset = x0 * 0x8p0f;
        offset += x1 * 0x8p4f;
        offset += x2 * 0x8p8f;
        offset += x3 * 0x8p12f;
        offset += x4 * 0x8p16f;
        offset += x5 * 0x8p20f;
        offset += x6 * 0x8p24f;
        return offset;
    }

    /**
     * Σ weight · input over a step.
     *
     * @param w    where the weight of the first input in local memory is
     * @param at   the step's first input, from there
     * @param last the last input that there is, from there: what is behind it reads it once more, and its inputs are 0
     * @param less the {@link #offset}
     */
    static float sum(int format, FloatArray floats, ShortArray halves, HalfFloatArray natives, IntArray quants, int mantissaBits, int w,
            int at, int last, int lane, float less, float x0, float x1, float x2, float x3, float x4, float x5, float x6, float x7,
            float x8, float x9, float x10, float x11, float x12, float x13, float x14, float x15) {
        if (hasBlocks(format)) {
            int half = TornadoMath.min((at >> 4) + lane, last >> 4);
            float scale = floats.get((w >> 5) + (half >> 1));
            if (format == WeightFormat.Q8) {
                int i = (w >> 2) + half * 4;
                int first = quants.get(i);
                int second = quants.get(i + 1);
                int third = quants.get(i + 2);
                int fourth = quants.get(i + 3);
                return scale * ((fourQ8(first, x0, x1, x2, x3) + fourQ8(second, x4, x5, x6, x7))
                        + (fourQ8(third, x8, x9, x10, x11) + fourQ8(fourth, x12, x13, x14, x15)));
            }
            int i = (w >> 3) + half * 2;
            int first = quants.get(i);
            int second = quants.get(i + 1);
            return scale * (eightQ4(first, x0, x1, x2, x3, x4, x5, x6, x7) + eightQ4(second, x8, x9, x10, x11, x12, x13, x14, x15) - less);
        }
        if (format == WeightFormat.F16) {
            return quadF16(halves, floats, mantissaBits, w, at + lane, last, x0, x1, x2, x3);
        }
        if (format == WeightFormat.NATIVE_F16) {
            return quadNativeF16(natives, w, at + lane, last, x0, x1, x2, x3)
                    + quadNativeF16(natives, w, at + lane + QUAD, last, x4, x5, x6, x7);
        }
        return quadF32(floats, w, at + lane, last, x0, x1, x2, x3) + quadF32(floats, w, at + lane + QUAD, last, x4, x5, x6, x7);
    }

    private static float quadF32(FloatArray weight, int w, int i, int last, float first, float second, float third, float fourth) {
        float sum = weight.get(w + TornadoMath.min(i, last)) * first;
        sum += weight.get(w + TornadoMath.min(i + LANES, last)) * second;
        sum += weight.get(w + TornadoMath.min(i + 2 * LANES, last)) * third;
        sum += weight.get(w + TornadoMath.min(i + 3 * LANES, last)) * fourth;
        return sum;
    }

    private static float quadF16(ShortArray weight, FloatArray decode, int mantissaBits, int w, int i, int last, float first,
            float second, float third, float fourth) {
        float sum = ProjectionKernels.decode(weight.get(w + TornadoMath.min(i, last)), decode, mantissaBits) * first;
        sum += ProjectionKernels.decode(weight.get(w + TornadoMath.min(i + LANES, last)), decode, mantissaBits) * second;
        sum += ProjectionKernels.decode(weight.get(w + TornadoMath.min(i + 2 * LANES, last)), decode, mantissaBits) * third;
        sum += ProjectionKernels.decode(weight.get(w + TornadoMath.min(i + 3 * LANES, last)), decode, mantissaBits) * fourth;
        return sum;
    }

    private static float quadNativeF16(HalfFloatArray weight, int w, int i, int last, float first, float second, float third,
            float fourth) {
        float sum = weight.get(w + TornadoMath.min(i, last)).getFloat32() * first;
        sum += weight.get(w + TornadoMath.min(i + LANES, last)).getFloat32() * second;
        sum += weight.get(w + TornadoMath.min(i + 2 * LANES, last)).getFloat32() * third;
        sum += weight.get(w + TornadoMath.min(i + 3 * LANES, last)).getFloat32() * fourth;
        return sum;
    }

    private static float fourQ8(int bytes, float first, float second, float third, float fourth) {
        float sum = (byte) bytes * first;
        sum += (byte) (bytes >> 8) * second;
        sum += (byte) (bytes >> 16) * third;
        // Not (byte) (bytes >> 24): that is taken for the shift alone, of which Eights says why it is not right.
        sum += (bytes & 0xff000000) * fourth;
        return sum;
    }

    /** Four bits each, larger by 8, in their place; but the highest, of which the turned bit makes signed ones. */
    private static float eightQ4(int eight, float x0, float x1, float x2, float x3, float x4, float x5, float x6, float x7) {
        float sum = (eight & 0x0000000f) * x0;
        sum += (eight & 0x000000f0) * x1;
        sum += (eight & 0x00000f00) * x2;
        sum += (eight & 0x0000f000) * x3;
        sum += (eight & 0x000f0000) * x4;
        sum += (eight & 0x00f00000) * x5;
        sum += (eight & 0x0f000000) * x6;
        sum += ((eight & 0xf0000000) ^ 0x80000000) * x7;
        return sum;
    }
}
