package io.chunkwise.tornado.device;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/**
 * Host memory of large arrays, of which only pages take memory that somebody has written: TornadoVM wants a host array behind every
 * device array, even if nobody ever looks at it. (An arena would write zeros everywhere.)
 */
final class HostPages {
    private static final long PAGE = 1 << 16; // a multiple of the page sizes that there are
    private static final int DONT_NEED = 4; // MADV_DONTNEED of Linux and of macOS
    private static final Linker LINKER = Linker.nativeLinker();
    private static final MethodHandle CALLOC = LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow("calloc"),
            FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));
    private static final MethodHandle FREE = LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow("free"),
            FunctionDescriptor.ofVoid(ValueLayout.ADDRESS));
    private static final Optional<MethodHandle> ADVISE = LINKER.defaultLookup().find("madvise").map(function -> LINKER.downcallHandle(
            function, FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT)));

    private HostPages() {
    }

    /**
     * Zeros, freed when nobody refers to them any more.
     *
     * @throws OutOfMemoryError if the system has no room for them
     */
    static MemorySegment allocate(long bytes) {
        MemorySegment fresh = (MemorySegment) call(CALLOC, 1L, bytes);
        if (fresh.equals(MemorySegment.NULL)) {
            throw new OutOfMemoryError(bytes + " bytes");
        }
        return fresh.reinterpret(bytes, Arena.ofAuto(), segment -> call(FREE, segment));
    }

    /**
     * Gives all whole pages back to the system, but for those of the first {@code kept} bytes; what they held is lost, and they may be
     * written again. Where the system can't do that, nothing happens.
     */
    static void release(MemorySegment segment, long kept) {
        long from = Math.ceilDiv(segment.address() + kept, PAGE) * PAGE;
        long to = (segment.address() + segment.byteSize()) / PAGE * PAGE;
        if (to > from) {
            ADVISE.ifPresent(advise -> call(advise, MemorySegment.ofAddress(from), to - from, DONT_NEED));
        }
    }

    private static Object call(MethodHandle function, Object... arguments) {
        try {
            return function.invokeWithArguments(arguments);
        } catch (Throwable e) {
            throw new IllegalStateException("a function of the C library failed", e);
        }
    }
}
