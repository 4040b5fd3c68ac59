package io.chunkwise.tornado.graph;

import io.chunkwise.tornado.device.StackedWeight;
import io.chunkwise.tornado.kernels.EmbeddingKernels;
import io.chunkwise.tornado.kernels.ProjectionKernels;
import io.chunkwise.tornado.kernels.QuantizedProjectionKernels;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Tasks that read base weights: the only place where a number format chooses a kernel. */
final class WeightTasks {
    /** Threads that share one sum in the grouped form. */
    static final int LANES = 32;

    private final IntArray control;
    private final KernelContext context;
    private final KernelForm form;

    WeightTasks(IntArray control, KernelContext context, KernelForm form) {
        this.control = control;
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
     */
    void project(TaskSink sink, String id, StackedWeight weight, FloatArray in, FloatArray out, int inputs, int outputs,
            int layerStride, int accumulate) {
        switch (form) {
            case THREADED -> projectThreaded(sink, id, weight, in, out, inputs, outputs, layerStride, accumulate);
            case GROUPED -> projectGrouped(sink, id, weight, in, out, inputs, outputs, layerStride, accumulate);
        }
    }

    private void projectThreaded(TaskSink sink, String id, StackedWeight weight, FloatArray in, FloatArray out, int inputs, int outputs,
            int layerStride, int accumulate) {
        Launch launch = Launch.threadsPerRow(outputs);
        switch (weight) {
            case StackedWeight.F32(var values) -> sink.task(id, launch, ProjectionKernels::projectRows,
                    control, in, values, out, inputs, outputs, layerStride, accumulate);
            case StackedWeight.F16(var bits, var table, var mantissaBits) -> sink.task(id, launch, ProjectionKernels::projectRowsF16,
                    control, in, bits, table, out, inputs, outputs, layerStride, accumulate, mantissaBits);
            case StackedWeight.Q8(var quants, var scales) -> sink.task(id, launch, QuantizedProjectionKernels::projectRowsQ8,
                    control, in, quants, scales, out, inputs, outputs, layerStride, accumulate);
            case StackedWeight.Q4(var nibbles, var scales) -> sink.task(id, launch, QuantizedProjectionKernels::projectRowsQ4,
                    control, in, nibbles, scales, out, inputs, outputs, layerStride, accumulate);
        }
    }

    private void projectGrouped(TaskSink sink, String id, StackedWeight weight, FloatArray in, FloatArray out, int inputs, int outputs,
            int layerStride, int accumulate) {
        Launch launch = Launch.groupsPerRow(outputs, LANES);
        switch (weight) {
            case StackedWeight.F32(var values) -> sink.task(id, launch, ProjectionKernels::projectRowsGrouped,
                    context, control, in, values, out, inputs, outputs, layerStride, accumulate, LANES);
            case StackedWeight.F16(var bits, var table, var mantissaBits) -> sink.task(id, launch, ProjectionKernels::projectRowsF16Grouped,
                    context, control, in, bits, table, out, inputs, outputs, layerStride, accumulate, mantissaBits, LANES);
            case StackedWeight.Q8(var quants, var scales) -> sink.task(id, launch, QuantizedProjectionKernels::projectRowsQ8Grouped,
                    context, control, in, quants, scales, out, inputs, outputs, layerStride, accumulate, LANES);
            case StackedWeight.Q4(var nibbles, var scales) -> sink.task(id, launch, QuantizedProjectionKernels::projectRowsQ4Grouped,
                    context, control, in, nibbles, scales, out, inputs, outputs, layerStride, accumulate, LANES);
        }
    }
}
