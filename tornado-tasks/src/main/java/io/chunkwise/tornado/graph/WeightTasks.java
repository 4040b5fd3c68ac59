package io.chunkwise.tornado.graph;

import io.chunkwise.tornado.device.DeviceAdapter;
import io.chunkwise.tornado.device.StackedWeight;
import io.chunkwise.tornado.kernels.EmbeddingKernels;
import io.chunkwise.tornado.kernels.LowRankKernels;
import io.chunkwise.tornado.kernels.ProjectionKernels;
import io.chunkwise.tornado.kernels.QuantizedProjectionKernels;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Tasks that read weights of the base or the adapter: the only place where a number format chooses a kernel. */
final class WeightTasks {
    private final IntArray control;
    private final DeviceAdapter adapter;
    private final KernelContext context;
    private final KernelForm form;

    WeightTasks(IntArray control, DeviceAdapter adapter, KernelContext context, KernelForm form) {
        this.control = control;
        this.adapter = adapter;
        this.context = context;
        this.form = form;
    }

    void embed(TaskSink sink, StackedWeight embedding, FloatArray out, int width) {
        Launch launch = Launch.threadsPerRow(width);
        switch (embedding) {
            case StackedWeight.F32(var values) ->
                sink.task("embed", launch, EmbeddingKernels::embedTokens, control, values, out, width);
            case StackedWeight.F16(var bits, var table, var mantissaBits) ->
                sink.task("embed", launch, EmbeddingKernels::embedTokensF16, control, bits, table, out, width, mantissaBits);
            case StackedWeight.Q8(var quants, var scales) ->
                sink.task("embed", launch, EmbeddingKernels::embedTokensQ8, control, quants, scales, out, width);
            case StackedWeight.Q4(var nibbles, var scales) ->
                sink.task("embed", launch, EmbeddingKernels::embedTokensQ4, control, nibbles, scales, out, width);
        }
    }

    /**
     * @param layerStride elements between two layers; 0 if there is one for all
     * @param accumulate  1 to add to {@code out}
     * @param site        of the adapter whose update is added, or -1
     */
    void project(TaskSink sink, String id, StackedWeight weight, FloatArray in, FloatArray out, int inputs, int outputs,
            int layerStride, int accumulate, int site) {
        switch (form) {
            case THREADED -> projectThreaded(sink, id, weight, in, out, inputs, outputs, layerStride, accumulate, site);
            case GROUPED -> projectGrouped(sink, id, weight, in, out, inputs, outputs, layerStride, accumulate, site);
        }
    }

    /** Down-projections of consecutive sites that read the same input. */
    void projectDown(TaskSink sink, String id, FloatArray gains, FloatArray in, int inputs, int site, int siteCount) {
        int rank = adapter.reservation().rank();
        switch (form) {
            case THREADED -> sink.task(id, Launch.threadsPerComponent(siteCount), LowRankKernels::projectDown,
                    control, gains, in, adapter.table(), adapter.down(), adapter.hidden(), inputs, site, siteCount, rank);
            case GROUPED -> sink.task(id, Launch.groupsPerComponent(siteCount, ProjectionKernels.LANES),
                    LowRankKernels::projectDownGrouped, context, control, gains, in, adapter.table(), adapter.down(), adapter.hidden(),
                    inputs, site, siteCount, rank);
        }
    }

    private void projectThreaded(TaskSink sink, String id, StackedWeight weight, FloatArray in, FloatArray out, int inputs, int outputs,
            int layerStride, int accumulate, int site) {
        Launch launch = Launch.threadsPerRow(outputs);
        FloatArray hidden = adapter.hidden();
        IntArray table = adapter.table();
        FloatArray up = adapter.up();
        switch (weight) {
            case StackedWeight.F32(var values) -> sink.task(id, launch, ProjectionKernels::projectRows,
                    control, in, values, hidden, table, up, out, inputs, outputs, layerStride, accumulate, site);
            case StackedWeight.F16(var bits, var decode, var mantissaBits) -> sink.task(id, launch, ProjectionKernels::projectRowsF16,
                    control, in, bits, decode, hidden, table, up, out, inputs, outputs, layerStride, accumulate, site, mantissaBits);
            case StackedWeight.Q8(var quants, var scales) -> sink.task(id, launch, QuantizedProjectionKernels::projectRowsQ8,
                    control, in, quants, scales, hidden, table, up, out, inputs, outputs, layerStride, accumulate, site);
            case StackedWeight.Q4(var nibbles, var scales) -> sink.task(id, launch, QuantizedProjectionKernels::projectRowsQ4,
                    control, in, nibbles, scales, hidden, table, up, out, inputs, outputs, layerStride, accumulate, site);
        }
    }

    private void projectGrouped(TaskSink sink, String id, StackedWeight weight, FloatArray in, FloatArray out, int inputs, int outputs,
            int layerStride, int accumulate, int site) {
        Launch launch = Launch.groupsPerRow(outputs, ProjectionKernels.LANES);
        FloatArray hidden = adapter.hidden();
        IntArray table = adapter.table();
        FloatArray up = adapter.up();
        switch (weight) {
            case StackedWeight.F32(var values) -> sink.task(id, launch, ProjectionKernels::projectRowsGrouped,
                    context, control, in, values, hidden, table, up, out, inputs, outputs, layerStride, accumulate, site);
            case StackedWeight.F16(var bits, var decode, var mantissaBits) -> sink.task(id, launch,
                    ProjectionKernels::projectRowsF16Grouped,
                    context, control, in, bits, decode, hidden, table, up, out, inputs, outputs, layerStride, accumulate, site,
                            mantissaBits);
            case StackedWeight.Q8(var quants, var scales) -> sink.task(id, launch, QuantizedProjectionKernels::projectRowsQ8Grouped,
                    context, control, in, quants, scales, hidden, table, up, out, inputs, outputs, layerStride, accumulate, site);
            case StackedWeight.Q4(var nibbles, var scales) -> sink.task(id, launch, QuantizedProjectionKernels::projectRowsQ4Grouped,
                    context, control, in, nibbles, scales, hidden, table, up, out, inputs, outputs, layerStride, accumulate, site);
        }
    }
}
