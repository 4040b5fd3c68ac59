package io.chunkwise.tornado.graph;

import io.chunkwise.model.forward.LayerOp;
import io.chunkwise.model.forward.LlamaForward;
import java.util.List;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/** A pass as plain Java calls of the threaded kernels, in the wiring that the task graphs have. For tests. */
public final class DirectPasses implements Passes {
    private final DeviceState state;
    private final LlamaForward forward;

    public DirectPasses(DeviceState state) {
        this.state = state;
        forward = new LlamaForward(state.config(), false);
    }

    @Override
    public void embed(int rows) {
        run(forward.embedding(), null);
    }

    @Override
    public void layer(int rows) {
        run(forward.layer(), null);
    }

    @Override
    public void lastHead() {
        run(forward.head(), state.buffers().lastLogits());
    }

    @Override
    public void rowHead(int rows) {
        run(forward.head(), state.buffers().rowLogits());
    }

    @Override
    public void top() {
        new LayerGraphBuilder(state, KernelForm.THREADED).wireTop(new DirectSink());
    }

    @Override
    public void uploadAdapter() {
        // Everything is on the host already.
    }

    @Override
    public void fetchLastLogits() {
        // Everything is on the host already.
    }

    @Override
    public void fetchRowLogits() {
        // Everything is on the host already.
    }

    @Override
    public void fetchCache() {
        // Everything is on the host already.
    }

    @Override
    public void close() {
        // Nothing but host memory.
    }

    private void run(List<LayerOp> ops, FloatArray logits) {
        new LayerGraphBuilder(state, KernelForm.THREADED).wire(ops, new DirectSink(), logits);
    }
}
