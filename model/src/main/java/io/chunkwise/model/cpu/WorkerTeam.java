package io.chunkwise.model.cpu;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/**
 * A fixed team of threads that share the items of one job after the other. A pass has some hundred jobs of a few
 * microseconds, so waiting is spinning first and parking later, and a job costs one small object.
 *
 * <p>Items are handed out in chunks as workers ask for them: a core that is slowed down by others takes fewer. Towards the end chunks may
 * become smaller, so that the last worker is not long behind the others. A worker that comes too late for a job finds it handed out and
 * does nothing; nobody waits for it.
 */
final class WorkerTeam implements AutoCloseable {
    private static final int SPINS_BEFORE_PARKING = 20_000; // some 100 µs to 1 ms: longer than the gaps between the jobs of a pass
    private static final int SPINS_BEFORE_YIELDING = 2_000;

    /** Does the items {@code [from, to)}. */
    @FunctionalInterface
    interface Work {
        /** @param worker in [0, size()), to find the worker's own scratch memory */
        void run(int worker, int from, int to);
    }

    private static final class Job {
        private final Work work;
        private final int items;
        private final int chunk;
        private final int smallest;
        private final int workers;
        private final AtomicInteger handedOut = new AtomicInteger();
        private final AtomicInteger finished = new AtomicInteger();
        private final AtomicReference<Throwable> failure = new AtomicReference<>();

        Job(Work work, int items, int chunk, int smallest, int workers) {
            this.work = work;
            this.items = items;
            this.chunk = chunk;
            this.smallest = smallest;
            this.workers = workers;
        }

        void help(int worker) {
            for (int from = handedOut.get(); from < items; from = handedOut.get()) {
                // Half of what would be this worker's part of the rest.
                int fair = (items - from) / (2 * workers) / smallest * smallest;
                int to = Math.min(items, from + Math.clamp(fair, smallest, chunk));
                if (!handedOut.compareAndSet(from, to)) {
                    continue;
                }
                try {
                    work.run(worker, from, to);
                } catch (Throwable problem) {
                    failure.compareAndSet(null, problem);
                } finally {
                    finished.addAndGet(to - from);
                }
            }
        }
    }

    private final Thread[] helpers;
    private final AtomicIntegerArray parked; // 1: the helper sleeps, or is about to
    private volatile Job current;
    private volatile boolean closed;

    /** @param size workers, the caller of {@link #share} included */
    WorkerTeam(int size) {
        helpers = new Thread[size - 1];
        parked = new AtomicIntegerArray(helpers.length);
        for (int i = 0; i < helpers.length; i++) {
            int worker = i + 1;
            helpers[i] = Thread.ofPlatform().daemon().name("chunkwise-cpu-" + worker).start(() -> serve(worker));
        }
    }

    int size() {
        return helpers.length + 1;
    }

    /**
     * Does all items, and returns when they are done. Worker 0 is the caller.
     *
     * @param chunk items handed out at a time
     */
    void share(int items, int chunk, Work work) {
        share(items, chunk, chunk, work);
    }

    /**
     * The same with chunks that become smaller towards the end.
     *
     * @param chunk    items handed out at a time, at most; a multiple of {@code smallest}
     * @param smallest all chunks but the last are multiples of it
     */
    void share(int items, int chunk, int smallest, Work work) {
        if (helpers.length == 0 || items <= chunk) {
            if (items > 0) {
                work.run(0, 0, items);
            }
            return;
        }
        Job job = new Job(work, items, chunk, smallest, size());
        current = job;
        for (int i = 0; i < helpers.length; i++) {
            if (parked.get(i) != 0) {
                LockSupport.unpark(helpers[i]);
            }
        }
        job.help(0);
        await(() -> job.finished.get() == items);
        current = null;
        rethrow(job.failure.get());
    }

    /**
     * Returns once something is done, soon presumably. Within a job a worker may wait for earlier items of it, if these do not wait
     * themselves: items are handed out in order.
     */
    static void await(BooleanSupplier done) {
        for (int spins = 0; !done.getAsBoolean(); spins++) {
            if (spins < SPINS_BEFORE_YIELDING) {
                Thread.onSpinWait();
            } else {
                Thread.yield();
            }
        }
    }

    private static void rethrow(Throwable failure) {
        switch (failure) {
            case null -> {
            }
            case RuntimeException problem -> throw problem;
            case Error problem -> throw problem;
            default -> throw new IllegalStateException("a worker failed", failure);
        }
    }

    private void serve(int worker) {
        Job done = null;
        int spins = 0;
        while (!closed) {
            Job job = current;
            if (job != null && job != done) {
                job.help(worker);
                done = job;
                spins = 0;
            } else if (spins++ < SPINS_BEFORE_PARKING) {
                Thread.onSpinWait();
            } else {
                parked.set(worker - 1, 1);
                // A job that came before the flag was seen would not wake this thread up.
                if (current == null && !closed) {
                    LockSupport.park(this);
                }
                parked.set(worker - 1, 0);
                spins = 0;
            }
        }
    }

    /** Ends the threads. */
    @Override
    public void close() {
        closed = true;
        for (Thread helper : helpers) {
            LockSupport.unpark(helper);
        }
    }
}
