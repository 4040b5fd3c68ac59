package io.chunkwise.model.cpu;

import io.chunkwise.model.forward.ReadProbe;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.ExecutionException;
import java.util.ArrayList;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** Reads given memory with all threads of an executor. */
final class CpuReadProbe implements ReadProbe {
    private static final VectorSpecies<Long> SPECIES = LongVector.SPECIES_PREFERRED;
    private static final int PIECE_BYTES = 1 << 18;

    private final List<MemorySegment> pieces = new ArrayList<>();
    private final long bytes;
    private final int threads;
    private final ExecutorService pool;
    private final AtomicLong checksum = new AtomicLong(); // keeps the reading from being optimised away

    /** @param threads 0: as many as there are cores */
    CpuReadProbe(List<MemorySegment> segments, int threads) {
        this.threads = threads == 0 ? Runtime.getRuntime().availableProcessors() : threads;
        for (MemorySegment segment : segments) {
            for (long at = 0; at + PIECE_BYTES <= segment.byteSize(); at += PIECE_BYTES) {
                pieces.add(segment.asSlice(at, PIECE_BYTES));
            }
        }
        if (pieces.isEmpty()) { // weights of a few KiB are in the cache whatever one does
            pieces.addAll(segments);
        }
        bytes = pieces.stream().mapToLong(MemorySegment::byteSize).sum();
        pool = Executors.newFixedThreadPool(this.threads, Thread.ofPlatform().daemon().name("bandwidth-", 0).factory());
    }

    @Override
    public double bytesPerSecond() {
        AtomicInteger next = new AtomicInteger();
        long started = System.nanoTime();
        List<Future<?>> running = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            running.add(pool.submit(() -> {
                for (int piece = next.getAndIncrement(); piece < pieces.size(); piece = next.getAndIncrement()) {
                    checksum.addAndGet(sum(pieces.get(piece)));
                }
            }));
        }
        for (Future<?> future : running) {
            await(future);
        }
        return bytes * 1e9 / (System.nanoTime() - started);
    }

    private static void await(Future<?> future) {
        try {
            future.get();
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while measuring memory bandwidth", interrupted);
        } catch (ExecutionException failed) {
            throw new IllegalStateException("measuring memory bandwidth failed", failed.getCause());
        }
    }

    private static long sum(MemorySegment piece) {
        int step = SPECIES.vectorByteSize();
        LongVector a = LongVector.zero(SPECIES);
        LongVector b = a;
        LongVector c = a;
        LongVector d = a;
        for (long at = 0; at + 4 * step <= piece.byteSize(); at += 4 * step) {
            a = a.add(LongVector.fromMemorySegment(SPECIES, piece, at, ByteOrder.LITTLE_ENDIAN));
            b = b.add(LongVector.fromMemorySegment(SPECIES, piece, at + step, ByteOrder.LITTLE_ENDIAN));
            c = c.add(LongVector.fromMemorySegment(SPECIES, piece, at + 2 * step, ByteOrder.LITTLE_ENDIAN));
            d = d.add(LongVector.fromMemorySegment(SPECIES, piece, at + 3 * step, ByteOrder.LITTLE_ENDIAN));
        }
        return a.add(b).add(c.add(d)).reduceLanesToLong(VectorOperators.ADD);
    }

    /** Ends the threads. */
    @Override
    public void close() {
        pool.shutdown();
    }
}
