package io.chunkwise.tornado.graph;

import io.chunkwise.model.forward.ExecutorException;
import io.chunkwise.tornado.kernels.FinishKernels;
import io.chunkwise.tornado.kernels.ProjectionKernels;
import io.chunkwise.tornado.kernels.Splits;
import java.util.stream.LongStream;

/**
 * How many threads a task gets, as a function of what it has to do.
 *
 * @param threadsPerUnit threads for each unit of work; rounded up to whole groups for all units together
 * @param local          threads per work-group
 * @param sites          for the stacks and {@link Unit#TILE}: sites whose components are part of it; else 0
 */
public record Launch(long threadsPerUnit, int local, Unit unit, int sites) {
    /** What there is more or less of from execution to execution. */
    enum Unit {
        /** The execution as a whole. */
        EXECUTION,
        /** A row of the pass, or a job of the job list. */
        ROW,
        /** A row's part, see {@link FinishKernels#partsOf}: a group. */
        PART,
        /** A row's head and split, see {@link Splits#of}: a group. */
        SPLIT,
        /** A row and a component of the adapter that the pass uses. */
        COMPONENT,
        /** A row and {@link ProjectionKernels#CHUNK} rows of a stack of weights and of the components of some sites: a thread. */
        STACK,
        /**
         * A row and {@link ProjectionKernels#GROUP_OUTPUTS} outputs of a weight or {@link ProjectionKernels#GROUP_COMPONENTS} components: a
         * group.
         */
        GROUPED_STACK,
        /** {@link ProjectionKernels#TILE} rows, and as many rows of such a stack: a group. */
        TILE
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
        return new Launch(count, THREADS, Unit.ROW, 0);
    }

    static Launch groupsPerRow(long groups, int local) {
        return new Launch(groups * local, local, Unit.ROW, 0);
    }

    /** A thread that is alone in its group for each row and part, of which a row that is alone has {@code most}. */
    static Launch threadsPerPart(int most) {
        return new Launch(most, 1, Unit.PART, 0);
    }

    /** A group for each row, head and split. */
    static Launch groupsPerSplit(int heads, int local) {
        return new Launch(heads, local, Unit.SPLIT, 0);
    }

    /** At least {@code count} threads for each row and component, in groups that do not cooperate. */
    static Launch threadsPerComponent(long count) {
        return new Launch(count, THREADS, Unit.COMPONENT, 0);
    }

    static Launch groupsPerComponent(long groups, int local) {
        return new Launch(groups * local, local, Unit.COMPONENT, 0);
    }

    /** At least {@code count} threads, in groups that do not cooperate. */
    static Launch threads(long count) {
        return new Launch(count, THREADS, Unit.EXECUTION, 0);
    }

    static Launch groups(long groups, int local) {
        return new Launch(groups * local, local, Unit.EXECUTION, 0);
    }

    /** A thread that is alone in its group for each row and chunk of {@code outputs} rows of weights and components of {@code sites}. */
    static Launch stack(long outputs, int sites) {
        return new Launch(outputs, 1, Unit.STACK, sites);
    }

    /** A group for each row and some outputs of one weight, or some components of {@code sites}. */
    static Launch groupedStack(int sites, long... outputs) {
        long groups = LongStream.of(outputs).map(some -> Math.ceilDiv(some, ProjectionKernels.GROUP_OUTPUTS)).sum();
        return new Launch(groups, ProjectionKernels.THREADS, Unit.GROUPED_STACK, sites);
    }

    /** As {@link #stack}, a group for each tile of rows and of those. */
    static Launch tiles(long outputs, int sites) {
        return new Launch(outputs, ProjectionKernels.TILE_THREADS, Unit.TILE, sites);
    }

    long global(Work work) {
        long stacked = threadsPerUnit + (long) sites * work.activeRank();
        long groups = switch (unit) {
            case EXECUTION -> Math.ceilDiv(threadsPerUnit, local);
            case ROW -> Math.ceilDiv(work.rows() * threadsPerUnit, local);
            case PART -> (long) work.rows() * FinishKernels.partsOf(work.rows(), Math.toIntExact(threadsPerUnit));
            case SPLIT -> work.rows() * threadsPerUnit * Splits.of(work.rows(), Math.toIntExact(threadsPerUnit));
            case COMPONENT -> Math.ceilDiv((long) work.rows() * work.activeRank() * threadsPerUnit, local);
            case STACK -> work.rows() * Math.ceilDiv(stacked, ProjectionKernels.CHUNK);
            case GROUPED_STACK ->
                work.rows() * (threadsPerUnit + Math.ceilDiv((long) sites * work.activeRank(), ProjectionKernels.GROUP_COMPONENTS));
            case TILE -> Math.ceilDiv(work.rows(), ProjectionKernels.TILE) * Math.ceilDiv(stacked, ProjectionKernels.TILE);
        };
        return groups * local;
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
