package io.chunkwise.tornado.graph;

import io.chunkwise.model.forward.ExecutorException;

/**
 * How many threads a task gets, as a function of the rows of the pass.
 *
 * @param groupsPerRow work-groups per row, or in all where {@code perRow} is false
 * @param local        threads per work-group
 */
public record Launch(long groupsPerRow, int local, boolean perRow) {
    /** Threads per group of kernels whose threads do not cooperate. */
    private static final int THREADS = 64;

    /** At least {@code count} threads for each row, in groups that do not cooperate. */
    static Launch threadsPerRow(long count) {
        return new Launch((count + THREADS - 1) / THREADS, THREADS, true);
    }

    static Launch groupsPerRow(long groups, int local) {
        return new Launch(groups, local, true);
    }

    static Launch groups(long groups, int local) {
        return new Launch(groups, local, false);
    }

    long global(int rows) {
        return (perRow ? rows : 1) * groupsPerRow * local;
    }

    /**
     * The driver's own errors are printed, not thrown, so that a grid that it would refuse is refused here.
     *
     * @throws ExecutorException naming the task
     */
    void check(String task, int rowCapacity, int maxLocal) {
        if (local < 1 || local > maxLocal) {
            throw new ExecutorException("task '" + task + "' wants work-groups of " + local + " threads, the device has at most "
                    + maxLocal);
        }
        long global = global(rowCapacity);
        if (groupsPerRow < 1 || global % local != 0 || global > Integer.MAX_VALUE) {
            throw new ExecutorException("task '" + task + "' wants " + global + " threads in groups of " + local
                    + "; expected a positive multiple below 2^31");
        }
    }
}
