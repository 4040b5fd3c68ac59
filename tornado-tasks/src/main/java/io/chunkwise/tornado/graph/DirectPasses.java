package io.chunkwise.tornado.graph;

import io.chunkwise.model.forward.ExecutorCounters.KernelTime;
import io.chunkwise.model.forward.LlamaForward;
import java.util.List;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/** A pass as plain Java calls of the threaded kernels, in the wiring that the task graphs have. For tests. */
public final class DirectPasses implements Passes {
    private final LayerGraphBuilder builder;
    private final LlamaForward forward;
    private final FloatArray rowLogits;
    private final DirectSink sink = new DirectSink();
    private final long bytes;

    public DirectPasses(DeviceState state) {
        state.weights().bringToHost();
        state.weights().fills().forEach(fill -> FillTasks.fill(sink, fill));
        bytes = state.arrays().stream().mapToLong(TornadoNativeArray::getNumBytesOfSegmentWithHeader).sum();
        builder = new LayerGraphBuilder(state, KernelForm.THREADED);
        forward = state.forward();
        rowLogits = state.buffers().rowLogits();
    }

    @Override
    public void uploadAdapter() {
        // Everything is on the host already.
    }

    @Override
    public void updateTable() {
        builder.pages().updateTable(sink);
    }

    @Override
    public void embed(int rows) {
        builder.wire(forward.embedding(), sink, null);
    }

    @Override
    public void layer(int rows, int activeRank) {
        builder.wire(forward.layer(), sink, null);
    }

    @Override
    public void head(int rows) {
        builder.wire(forward.head(), sink, rowLogits);
    }

    @Override
    public void statistics(int rows) {
        builder.wireStatistics(sink);
    }

    @Override
    public void top() {
        builder.wireTop(sink);
    }

    @Override
    public void lastLogits() {
        builder.wireLastLogits(sink);
    }

    @Override
    public void fetchRowLogits() {
        // Everything is on the host already.
    }

    @Override
    public void measure() {
        builder.pages().measure(sink);
    }

    @Override
    public void quantize() {
        builder.pages().quantize(sink);
    }

    @Override
    public void turnKeysBack() {
        builder.pages().turnKeysBack(sink);
    }

    @Override
    public void fetchCache() {
        // Everything is on the host already.
    }

    @Override
    public long launches() {
        return 0;
    }

    @Override
    public long compileNanos() {
        return 0;
    }

    @Override
    public long uploadNanos() {
        return 0;
    }

    @Override
    public long deviceBytes() {
        return bytes;
    }

    @Override
    public List<KernelTime> kernels() {
        return List.of();
    }

    @Override
    public void close() {
        // Nothing but host memory.
    }
}
