package io.chunkwise.tornado.device;

import io.chunkwise.model.forward.TokenBatch;
import io.chunkwise.tornado.kernels.Control;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * What the host tells the kernels anew in every execution: an int array (see {@link Control}) and the gains of the rows. The
 * only arrays that are copied to the device in every execution.
 */
public final class ControlBlock {
    private final IntArray ints;
    private final FloatArray gains; // [rows, groups of the pass]

    public ControlBlock(int rowCapacity, int groupCapacity) {
        ints = DeviceArrays.ints("control block", Control.TOKENS + (long) Control.ROW_STRIDE * rowCapacity);
        gains = DeviceArrays.floats("gains", rowCapacity, groupCapacity);
    }

    public IntArray ints() {
        return ints;
    }

    public FloatArray gains() {
        return gains;
    }

    /** Describes a pass. */
    public void describe(TokenBatch batch) {
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
}
