package io.chunkwise.tornado.device;

import io.chunkwise.model.forward.TokenBatch;
import io.chunkwise.tornado.kernels.Control;
import io.chunkwise.tornado.kernels.Jobs;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * What the host tells the kernels anew in every execution: an int array (see {@link Control}), the gains of the rows, and the
 * job list of what is done to pages. The only arrays that are copied to the device in every execution.
 */
public final class ControlBlock {
    private final IntArray ints;
    private final FloatArray gains; // [rows, groups of the pass]
    private final IntArray jobs; // [CAPACITY, STRIDE], see Jobs
    private int jobCount;

    /**
     * @param pages  per layer in the page table
     * @param window positions that a row may see; 0: all
     */
    public ControlBlock(int rowCapacity, int groupCapacity, int pages, int window) {
        ints = DeviceArrays.ints("control block", Control.TOKENS + (long) Control.ROW_STRIDE * rowCapacity);
        gains = DeviceArrays.floats("gains", rowCapacity, groupCapacity);
        jobs = DeviceArrays.ints("jobs", Jobs.CAPACITY, Jobs.STRIDE);
        ints.set(Control.PAGES, pages);
        ints.set(Control.WINDOW, window);
    }

    public IntArray ints() {
        return ints;
    }

    public FloatArray gains() {
        return gains;
    }

    public IntArray jobs() {
        return jobs;
    }

    /**
     * Describes a pass.
     *
     * @param activeRank components that any row uses at any site
     * @param probeLayer layer whose attention is wanted as statistics; -1 for none
     */
    public void describe(TokenBatch batch, int activeRank, int probeLayer) {
        ints.set(Control.ACTIVE_RANK, activeRank);
        ints.set(Control.PROBE_LAYER, probeLayer);
        ints.set(Control.POSITION, batch.position());
        ints.set(Control.GROUPS, batch.groups());
        rows(0, batch.rows());
        for (int row = 0; row < batch.rows(); row++) {
            ints.set(Control.TOKENS + Control.ROW_STRIDE * row, batch.tokens()[row]);
            ints.set(Control.ACTIVE_GROUPS + Control.ROW_STRIDE * row, batch.activeGroups(row));
        }
        for (int i = 0; i < batch.gain().length; i++) {
            gains.set(i, batch.gain()[i]);
        }
    }

    public void layer(int layer) {
        ints.set(Control.LAYER, layer);
    }

    public void rows(int first, int rows) {
        ints.set(Control.FIRST_ROW, first);
        ints.set(Control.ROWS, rows);
    }

    public void top(int top) {
        ints.set(Control.TOP, top);
    }

    /** Describes the probes of a layer, in place of a pass. */
    public void probes(int layer, int position, int count) {
        layer(layer);
        rows(0, count);
        ints.set(Control.POSITION, position);
        ints.set(Control.PROBE_LAYER, layer);
    }

    /** @param positions by which keys are turned back */
    public void shift(int positions) {
        ints.set(Control.SHIFT, positions);
    }

    /** Empties the job list. */
    public void noJobs() {
        jobCount = 0;
        ints.set(Control.JOBS, 0);
    }

    /**
     * Appends to the job list, see {@link Jobs}.
     *
     * @return whether it is full now, and has to be done before it is emptied
     */
    public boolean job(int source, int page, int target, int format) {
        int at = jobCount * Jobs.STRIDE;
        jobs.set(at + Jobs.SOURCE, source);
        jobs.set(at + Jobs.PAGE, page);
        jobs.set(at + Jobs.TARGET, target);
        jobs.set(at + Jobs.FORMAT, format);
        jobCount++;
        ints.set(Control.JOBS, jobCount);
        return jobCount == Jobs.CAPACITY;
    }

    public int jobCount() {
        return jobCount;
    }
}
