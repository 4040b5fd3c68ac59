package io.chunkwise.tornado.device;

import io.chunkwise.model.forward.ExecutorException;
import java.lang.foreign.MemorySegment;
import java.util.function.Function;
import java.util.function.Supplier;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * Makes TornadoVM arrays. Their elements are indexed with ints, and their host side takes memory: what does not fit is refused here, by
 * name. The host side of a large one takes memory only where somebody has written, and can be released.
 */
public final class DeviceArrays {
    private static final long LARGE = 1 << 20; // bytes

    private DeviceArrays() {
    }

    /** @throws ExecutorException naming {@code what} if there are more than 2^31 - 1 elements, or no host memory for them */
    public static FloatArray floats(String what, long... sizes) {
        int count = count(what, sizes);
        return reserve(what, 4L * count, () -> new FloatArray(count), FloatArray::fromSegmentShallow);
    }

    public static FloatArray floats(String what, float[] values) {
        FloatArray array = floats(what, Math.max(1, values.length));
        MemorySegment.copy(MemorySegment.ofArray(values), 0, array.getSegment(), 0, 4L * values.length);
        return array;
    }

    public static IntArray ints(String what, long... sizes) {
        int count = count(what, sizes);
        return reserve(what, 4L * count, () -> new IntArray(count), IntArray::fromSegmentShallow);
    }

    public static ShortArray shorts(String what, long... sizes) {
        int count = count(what, sizes);
        return reserve(what, 2L * count, () -> new ShortArray(count), ShortArray::fromSegmentShallow);
    }

    public static HalfFloatArray halves(String what, long... sizes) {
        int count = count(what, sizes);
        return reserve(what, 2L * count, () -> new HalfFloatArray(count), HalfFloatArray::fromSegmentShallow);
    }

    public static ByteArray bytes(String what, long... sizes) {
        int count = count(what, sizes);
        return reserve(what, count, () -> new ByteArray(count), ByteArray::fromSegmentShallow);
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

    /**
     * Gives the host memory of a large array back to the system: its elements are lost there, not on the device. They may be set again.
     */
    public static void release(TornadoNativeArray array) {
        MemorySegment segment = array.getSegmentWithHeader();
        if (segment.byteSize() >= LARGE) {
            HostPages.release(segment, TornadoNativeArray.ARRAY_HEADER);
        }
    }

    private static <A> A reserve(String what, long bytes, Supplier<A> small, Function<MemorySegment, A> large) {
        try {
            long all = bytes + TornadoNativeArray.ARRAY_HEADER;
            return all < LARGE ? small.get() : large.apply(HostPages.allocate(all));
        } catch (OutOfMemoryError e) {
            throw new ExecutorException("no host memory for the " + bytes + " bytes of " + what
                    + ": free some, raise -XX:MaxDirectMemorySize, or use --executor cpu", e);
        }
    }
}
