package io.chunkwise.tornado.graph;

import io.chunkwise.model.forward.ExecutorException;

/**
 * How many threads a task gets, as a function of what it has to do.
 *
 * @param threadsPerUnit threads for each unit of work; rounded up to whole groups for all units together
 * @param local          threads per work-group
 */
public record Launch(long threadsPerUnit, int local, Unit unit) {
    /** What there is more or less of from execution to execution. */
    enum Unit {
        /** The execution as a whole. */
        EXECUTION,
        /** A row of the pass, or a job of the job list. */
        ROW,
        /** A row and a component of the adapter that the pass uses. */
        COMPONENT
    }

    /**
     * What one execution has to do.
     *
     * @param rows       rows or jobs
     * @param activeRank components of the adapter
     */
    record Work(int rows, int activeRank) {
        static final Work LEAST = new Work(1, 1);

        Work {
            // Some backends refuse empty grids.
            rows = Math.max(1, rows);
            activeRank = Math.max(1, activeRank);
        }
    }

    /** Threads per group of kernels whose threads do not cooperate. */
    private static final int THREADS = 64;

    /** At least {@code count} threads for each row, in groups that do not cooperate. */
    static Launch threadsPerRow(long count) {
        return new Launch(count, THREADS, Unit.ROW);
    }

    static Launch groupsPerRow(long groups, int local) {
        return new Launch(groups * local, local, Unit.ROW);
    }

    /** At least {@code count} threads for each row and component, in groups that do not cooperate. */
    static Launch threadsPerComponent(long count) {
        return new Launch(count, THREADS, Unit.COMPONENT);
    }

    static Launch groupsPerComponent(long groups, int local) {
        return new Launch(groups * local, local, Unit.COMPONENT);
    }

    /** At least {@code count} threads, in groups that do not cooperate. */
    static Launch threads(long count) {
        return new Launch(count, THREADS, Unit.EXECUTION);
    }

    static Launch groups(long groups, int local) {
        return new Launch(groups * local, local, Unit.EXECUTION);
    }

    long global(Work work) {
        long units = switch (unit) {
            case EXECUTION -> 1;
            case ROW -> work.rows();
            case COMPONENT -> (long) work.rows() * work.activeRank();
        };
        return Math.ceilDiv(units * threadsPerUnit, local) * local;
    }

    /**
     * The driver's own errors are printed, not thrown, so that a grid that it would refuse is refused here.
     *
     * @throws ExecutorException naming the task
     */
    void check(String task, Work most, int maxLocal) {
        if (local < 1 || local > maxLocal) {
            throw new ExecutorException("task '" + task + "' wants work-groups of " + local + " threads, the device has at most "
                    + maxLocal);
        }
        long global = global(most);
        if (threadsPerUnit < 1 || global > Integer.MAX_VALUE) {
            throw new ExecutorException("task '" + task + "' wants " + global + " threads in groups of " + local
                    + "; expected a positive multiple below 2^31");
        }
    }
}
