package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;

/** What kernels share that quantize keys and values: the arithmetic of {@code KvFormat}. Quants are floats with integer values. */
final class QuantKernels {

    private QuantKernels() {
    }

    /** max |x| / 127 over {@code count} elements of floats or halves. */
    static float scaleQ8(FloatArray x, ShortArray halves, FloatArray decode, int isHalf, int from, int count) {
        float largest = 0f;
        for (int i = 0; i < count; i++) {
            largest = TornadoMath.max(largest, TornadoMath.abs(PageKernels.element(x, x, halves, decode, 0, isHalf, from + i)));
        }
        return largest / 127f;
    }

    /** −(the element of largest magnitude, the first of equal ones) / 8. */
    static float scaleQ4(FloatArray x, ShortArray halves, FloatArray decode, int isHalf, int from, int count) {
        float largest = 0f;
        for (int i = 0; i < count; i++) {
            float element = PageKernels.element(x, x, halves, decode, 0, isHalf, from + i);
            if (TornadoMath.abs(element) > TornadoMath.abs(largest)) {
                largest = element;
            }
        }
        return largest / -8f;
    }

    /** 1 / scale; 0 where that would be infinite, so that all quants are 0. */
    static float inverse(float scale) {
        float inverse = 0f;
        if (TornadoMath.abs(scale) > 1e-37f) {
            inverse = 1f / scale;
        }
        return inverse;
    }

    /** The nearest quant, halves upwards. */
    static float quantQ8(float x, float inverse) {
        return TornadoMath.floor(x * inverse + 0.5f);
    }

    /** The nearest quant, halves upwards; at most 7. */
    static float quantQ4(float x, float inverse) {
        return TornadoMath.min(TornadoMath.floor(x * inverse + 0.5f), 7f);
    }
}
