package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;

/**
 * Kernels that read one element of each array: TornadoVM allocates an array on the device only where a task uses it. One
 * thread; {@code witness[0]} is their meaningless sum.
 */
public final class TouchKernels {
    /** Arrays per call. */
    public static final int ARRAYS = 8;

    private TouchKernels() {
    }

    public static void touchFloats(FloatArray a, FloatArray b, FloatArray c, FloatArray d, FloatArray e, FloatArray f, FloatArray g,
            FloatArray h, FloatArray witness) {
        witness.set(0, a.get(0) + b.get(0) + c.get(0) + d.get(0) + e.get(0) + f.get(0) + g.get(0) + h.get(0));
    }

    public static void touchInts(IntArray a, IntArray b, IntArray c, IntArray d, IntArray e, IntArray f, IntArray g, IntArray h,
            FloatArray witness) {
        witness.set(0, a.get(0) + b.get(0) + c.get(0) + d.get(0) + e.get(0) + f.get(0) + g.get(0) + h.get(0));
    }

    public static void touchShorts(ShortArray a, ShortArray b, ShortArray c, ShortArray d, ShortArray e, ShortArray f, ShortArray g,
            ShortArray h, FloatArray witness) {
        witness.set(0, a.get(0) + b.get(0) + c.get(0) + d.get(0) + e.get(0) + f.get(0) + g.get(0) + h.get(0));
    }

    public static void touchHalves(HalfFloatArray a, HalfFloatArray b, HalfFloatArray c, HalfFloatArray d, HalfFloatArray e,
            HalfFloatArray f, HalfFloatArray g, HalfFloatArray h, FloatArray witness) {
        witness.set(0, a.get(0).getFloat32() + b.get(0).getFloat32() + c.get(0).getFloat32() + d.get(0).getFloat32()
                + e.get(0).getFloat32() + f.get(0).getFloat32() + g.get(0).getFloat32() + h.get(0).getFloat32());
    }

    public static void touchBytes(ByteArray a, ByteArray b, ByteArray c, ByteArray d, ByteArray e, ByteArray f, ByteArray g, ByteArray h,
            FloatArray witness) {
        witness.set(0, a.get(0) + b.get(0) + c.get(0) + d.get(0) + e.get(0) + f.get(0) + g.get(0) + h.get(0));
    }
}
