package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;

/**
 * What a lane adds to its output in a step of {@link #STEP} inputs: sixteen elements of the weight times the inputs that belong to them,
 * which the caller reads (from local memory, whose address TornadoVM gets wrong in methods that are given it). All weights of a step are
 * requested before any is waited for, and neighbouring lanes read neighbouring ones: of 32 or 16 bits elements lane, lane + 32, …,
 * lane + 480; of Q8 four ints that are 32 apart; of Q4 two.
 *
 * <p>The sixteen inputs are four quads. They come as floats because TornadoVM fuses no multiplication with the addition of a vector's
 * element.
 */
final class LaneSteps {
    private static final int LANES = ProjectionKernels.LANES;
    private static final int BLOCK = LowRankKernels.BLOCK;
    /** Inputs of a step. */
    static final int STEP = 16 * LANES;
    /** Inputs from one quad of a lane to the next. */
    private static final int QUAD = 4 * LANES;

    private LaneSteps() {
    }

    /** Floats from one block of inputs in local memory to the next, so that lanes of neighbouring blocks read from different banks. */
    static int pitch(int format) {
        int pitch = BLOCK;
        if (format == WeightFormat.Q8) {
            pitch = 40;
        }
        if (format == WeightFormat.PACKED_Q4) {
            pitch = 36;
        }
        return pitch;
    }

    /** Where in local memory a lane's first quad begins; the third one is eight blocks behind it. */
    static int first(int format, int lane) {
        int first = lane;
        if (format == WeightFormat.Q8) {
            first = (lane >> 3) * pitch(format) + (lane & 7);
        }
        if (format == WeightFormat.PACKED_Q4) {
            first = (lane >> 2) * pitch(format) + (lane & 3);
        }
        return first;
    }

    /** From one input of a quad to the next. */
    static int apart(int format) {
        int apart = BLOCK;
        if (format == WeightFormat.Q8) {
            apart = 8;
        }
        if (format == WeightFormat.PACKED_Q4) {
            apart = 8;
        }
        return apart;
    }

    /** From the first quad to the second, and from the third to the fourth. */
    static int odd(int format) {
        int odd = 4 * pitch(format);
        if (format == WeightFormat.PACKED_Q4) {
            odd = 4;
        }
        return odd;
    }

    /**
     * Σ weight · input over a step.
     *
     * @param w    where the weight of the first input in local memory is
     * @param at   the step's first input, from there
     * @param last the last input that there is, from there: what is behind it reads it once more, and its inputs are 0
     */
    static float sum(int format, FloatArray floats, ShortArray halves, HalfFloatArray natives, IntArray quants, int mantissaBits, int w,
            int at, int last, int lane, float x0, float x1, float x2, float x3, float x4, float x5, float x6, float x7, float x8, float x9,
            float x10, float x11, float x12, float x13, float x14, float x15) {
        if (format == WeightFormat.PACKED_Q4) {
            int i = (at >> 3) + lane;
            return eightQ4(quants, floats, w, TornadoMath.min(i, last >> 3), x0, x1, x2, x3, x4, x5, x6, x7)
                    + eightQ4(quants, floats, w, TornadoMath.min(i + LANES, last >> 3), x8, x9, x10, x11, x12, x13, x14, x15);
        }
        float first = quad(format, floats, halves, natives, quants, mantissaBits, w, at, last, lane, x0, x1, x2, x3);
        float second = quad(format, floats, halves, natives, quants, mantissaBits, w, at + QUAD, last, lane, x4, x5, x6, x7);
        float third = quad(format, floats, halves, natives, quants, mantissaBits, w, at + 2 * QUAD, last, lane, x8, x9, x10, x11);
        float fourth = quad(format, floats, halves, natives, quants, mantissaBits, w, at + 3 * QUAD, last, lane, x12, x13, x14, x15);
        return (first + second) + (third + fourth);
    }

    private static float quad(int format, FloatArray floats, ShortArray halves, HalfFloatArray natives, IntArray quants, int mantissaBits,
            int w, int at, int last, int lane, float first, float second, float third, float fourth) {
        if (format == WeightFormat.F16) {
            return quadF16(halves, floats, mantissaBits, w, at + lane, last, first, second, third, fourth);
        }
        if (format == WeightFormat.NATIVE_F16) {
            return quadNativeF16(natives, w, at + lane, last, first, second, third, fourth);
        }
        if (format == WeightFormat.Q8) {
            return quadQ8(quants, floats, w, TornadoMath.min((at >> 2) + lane, last >> 2), first, second, third, fourth);
        }
        return quadF32(floats, w, at + lane, last, first, second, third, fourth);
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

    /** @param i the int, from the first of {@code w} */
    private static float quadQ8(IntArray quants, FloatArray scales, int w, int i, float first, float second, float third, float fourth) {
        int bytes = quants.get((w >> 2) + i);
        float sum = (byte) bytes * first;
        sum += (byte) (bytes >> 8) * second;
        sum += (byte) (bytes >> 16) * third;
        // Not (byte) (bytes >> 24): that is taken for the shift alone, of which Eights says why it is not right.
        sum += (bytes & 0xff000000) * fourth * Eights.BYTE;
        return scales.get((w >> 5) + (i >> 3)) * sum;
    }

    /**
     * Even quants and odd ones, which have a byte each.
     *
     * @param i the int, from the first of {@code w}
     */
    private static float eightQ4(IntArray quants, FloatArray scales, int w, int i, float x0, float x1, float x2, float x3, float x4,
            float x5, float x6, float x7) {
        int eight = quants.get((w >> 3) + i);
        int even = eight & 0x0f0f0f0f;
        int odd = (eight >> 4) & 0x0f0f0f0f;
        float sum = ((byte) even - 8f) * x0;
        sum += ((byte) (even >> 8) - 8f) * x1;
        sum += ((byte) (even >> 16) - 8f) * x2;
        sum += ((byte) (even >> 24) - 8f) * x3;
        sum += ((byte) odd - 8f) * x4;
        sum += ((byte) (odd >> 8) - 8f) * x5;
        sum += ((byte) (odd >> 16) - 8f) * x6;
        sum += ((byte) (odd >> 24) - 8f) * x7;
        return scales.get((w >> 5) + (i >> 2)) * sum;
    }
}
