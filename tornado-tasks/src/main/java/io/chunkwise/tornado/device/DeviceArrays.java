package io.chunkwise.tornado.device;

import io.chunkwise.model.forward.ExecutorException;
import java.lang.foreign.MemorySegment;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;

/**
 * Makes TornadoVM arrays. Their elements are indexed with ints and their host side counts against the JVM's direct memory:
 * what does not fit is refused here, by name.
 */
public final class DeviceArrays {

    private DeviceArrays() {
    }

    /** @throws ExecutorException naming {@code what} if there are more than 2^31 - 1 elements, or no host memory for them */
    public static FloatArray floats(String what, long... sizes) {
        int count = count(what, sizes);
        return reserve(what, 4L * count, () -> new FloatArray(count));
    }

    public static FloatArray floats(String what, float[] values) {
        FloatArray array = floats(what, Math.max(1, values.length));
        MemorySegment.copy(MemorySegment.ofArray(values), 0, array.getSegment(), 0, 4L * values.length);
        return array;
    }

    public static IntArray ints(String what, long... sizes) {
        int count = count(what, sizes);
        return reserve(what, 4L * count, () -> new IntArray(count));
    }

    public static ShortArray shorts(String what, long... sizes) {
        int count = count(what, sizes);
        return reserve(what, 2L * count, () -> new ShortArray(count));
    }

    public static ByteArray bytes(String what, long... sizes) {
        int count = count(what, sizes);
        return reserve(what, count, () -> new ByteArray(count));
    }

    // TornadoVM's arrays also hold a header; a little less than 2^31 elements is what they can index.
    static int count(String what, long... sizes) {
        long count = 1;
        StringBuilder shape = new StringBuilder();
        for (long size : sizes) {
            count = Math.multiplyExact(count, size);
            shape.append(shape.isEmpty() ? "" : ", ").append(size);
        }
        if (count > Integer.MAX_VALUE - 64) {
            throw new ExecutorException(what + " [" + shape + "] has " + count + " elements, but one device array holds at most "
                    + (Integer.MAX_VALUE - 64) + ". Use --executor cpu, or a smaller model or context.");
        }
        return (int) count;
    }

    private interface Allocation<A> {
        A allocate();
    }

    private static <A> A reserve(String what, long bytes, Allocation<A> allocation) {
        try {
            return allocation.allocate();
        } catch (OutOfMemoryError e) {
            throw new ExecutorException("no host memory for the " + bytes + " bytes of " + what
                    + ": raise -XX:MaxDirectMemorySize, or use --executor cpu", e);
        }
    }
}
