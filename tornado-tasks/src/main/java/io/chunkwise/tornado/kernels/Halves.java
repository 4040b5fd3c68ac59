package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;

/** F16 in shorts, for devices without a half type and without a view of a float's bits. */
final class Halves {
    private Halves() {
    }

    /** Exact for finite ones. @param decode [64], see {@link ProjectionKernels#decode} */
    static float get(ShortArray halves, FloatArray decode, int i) {
        return ProjectionKernels.decode(halves.get(i), decode, ProjectionKernels.F16_MANTISSA_BITS);
    }

    /**
     * The nearest F16, ties to even; 65,504 for what is larger. In units of the smallest subnormal, an element of the lowest two
     * binades is its own bits; each binade above is halved down to them. All of it is exact, up to the last step to a whole number.
     * Without a branch: OpenCL drivers compile loops wrongly in which there are several.
     */
    static short of(float x) {
        float units = TornadoMath.min(TornadoMath.abs(x), 65504f) * 16777216f;
        int by16 = reaches(units, 1f / 67108864f);
        units = units * (1f - by16 * (1f - 1f / 65536f));
        int by8 = reaches(units, 1f / 262144f);
        units = units * (1f - by8 * (1f - 1f / 256f));
        int by4 = reaches(units, 1f / 16384f);
        units = units * (1f - by4 * (1f - 1f / 16f));
        int by2 = reaches(units, 1f / 4096f);
        units = units * (1f - by2 * (1f - 1f / 4f));
        int by1 = reaches(units, 1f / 2048f);
        units = units * (1f - by1 * (1f - 1f / 2f));
        int whole = (int) units;
        float rest = (units - whole) * 2f;
        int isHalf = (int) rest;
        int odd = whole - whole / 2 * 2;
        int isMore = reaches(rest - isHalf, 16777216f);
        int up = isHalf * (odd + isMore - odd * isMore);
        int negative = reaches(TornadoMath.max(-x, 0f), 1e38f);
        return (short) ((by16 * 16 + by8 * 8 + by4 * 4 + by2 * 2 + by1) * 1024 + whole + up - negative * 32768);
    }

    /** 1 if {@code x · scale} is at least 1, else 0; x is not negative. */
    private static int reaches(float x, float scale) {
        return (int) TornadoMath.min(x * scale, 1f);
    }
}
