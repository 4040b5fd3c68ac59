package io.chunkwise.tornado.graph;

import io.chunkwise.tornado.device.DeviceAdapter;
import io.chunkwise.tornado.device.StackedWeight;
import io.chunkwise.tornado.device.TensorBuffers;
import io.chunkwise.tornado.kernels.EmbeddingKernels;
import io.chunkwise.tornado.kernels.LowRankKernels;
import io.chunkwise.tornado.kernels.ProjectionKernels;
import io.chunkwise.tornado.kernels.QuantizedProjectionKernels;
import io.chunkwise.tornado.kernels.TensorKernels;
import java.util.List;
import java.util.stream.LongStream;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Tasks that read weights of the base or the adapter: the only place where a number format chooses a kernel. */
final class WeightTasks {
    /** How projections are divided among threads. */
    enum Form {
        THREADED,
        GROUPED,
        /** As {@link #GROUPED}, with a tile of rows for a group: for passes of {@link ProjectionKernels#LEAST_TILE_ROWS} rows or more. */
        TILED,
        /** As {@link #TILED}, multiplied by tensor cores from rows that are split into halves by a task before. */
        TENSOR;

        static Form of(KernelForm form) {
            return switch (form) {
                case KernelForm.THREADED -> THREADED;
                case KernelForm.GROUPED -> GROUPED;
            };
        }
    }

    /** A group for each row. */
    private static final Launch SPLIT = Launch.groupsPerRow(1, TensorKernels.SPLIT_THREADS);

    private final IntArray control;
    private final FloatArray gains;
    private final DeviceAdapter adapter;
    private final KernelContext context;
    private final Form form;
    private final TensorBuffers tensors;

    /** @param tensors scratch of {@link Form#TENSOR} */
    WeightTasks(IntArray control, FloatArray gains, DeviceAdapter adapter, KernelContext context, Form form, TensorBuffers tensors) {
        this.control = control;
        this.gains = gains;
        this.adapter = adapter;
        this.context = context;
        this.form = form;
        this.tensors = tensors;
    }

    void embed(TaskSink sink, StackedWeight embedding, FloatArray out, int width) {
        Launch launch = Launch.threadsPerRow(width);
        switch (embedding) {
            case StackedWeight.F32(var values) ->
                sink.task("embed", launch, EmbeddingKernels::embedTokens, control, values, out, width);
            case StackedWeight.F16(var bits, var table, var mantissaBits) ->
                sink.task("embed", launch, EmbeddingKernels::embedTokensF16, control, bits, table, out, width, mantissaBits);
            case StackedWeight.NativeF16(var values) ->
                sink.task("embed", launch, EmbeddingKernels::embedTokensHalf, control, values, out, width);
            case StackedWeight.Q8(var quants, var scales) ->
                sink.task("embed", launch, EmbeddingKernels::embedTokensQ8, control, quants, scales, out, width);
            case StackedWeight.Q4(var nibbles, var scales) ->
                sink.task("embed", launch, EmbeddingKernels::embedTokensQ4, control, nibbles, scales, out, width);
            case StackedWeight.PackedQ4(var quants, var scales) ->
                sink.task("embed", launch, EmbeddingKernels::embedTokensPackedQ4, control, quants, scales, out, width);
        }
    }

    /**
     * A projection, and the up half of an update whose components come in parts.
     *
     * @param layerStride elements between two layers; 0 if there is one for all
     * @param accumulate  1 to add to {@code out}
     * @param site        of the adapter whose update is added, or -1
     * @param parts       of the update's components
     */
    void project(TaskSink sink, String id, StackedWeight weight, FloatArray in, FloatArray out, int inputs, int outputs,
            int layerStride, int accumulate, int site, int parts) {
        Launch launch = launch(0, outputs);
        IntArray table = adapter.table();
        FloatArray sums = adapter.parts();
        int rank = adapter.reservation().rank();
        IntArray codes = adapter.upCodes();
        FloatArray floats = adapter.upFloats();
        switch (form) {
            case THREADED -> {
                switch (weight) {
                    case StackedWeight.F32(var values) -> sink.task(id, launch, ProjectionKernels::projectRows, control, in, values, sums,
                            table, codes, floats, out, inputs, outputs, layerStride, accumulate, site, parts);
                    case StackedWeight.F16(var bits, var decode, var mantissaBits) ->
                        sink.task(id, launch, ProjectionKernels::projectRowsF16, control, in, bits, decode, sums,
                                table, codes, floats, out, inputs, outputs, layerStride, accumulate, site, parts, mantissaBits);
                    case StackedWeight.NativeF16 _ -> throw otherForm(id);
                    case StackedWeight.Q8(var quants, var scales) ->
                        sink.task(id, launch, QuantizedProjectionKernels::projectRowsQ8, control, in, quants, scales, sums,
                                table, codes, floats, out, inputs, outputs, layerStride, accumulate, site, parts);
                    case StackedWeight.Q4(var nibbles, var scales) ->
                        sink.task(id, launch, QuantizedProjectionKernels::projectRowsQ4, control, in, nibbles, scales, sums,
                                table, codes, floats, out, inputs, outputs, layerStride, accumulate, site, parts);
                    case StackedWeight.PackedQ4 _ -> throw otherForm(id);
                }
            }
            case GROUPED -> {
                switch (weight) {
                    case StackedWeight.F32(var values) -> sink.task(id, launch, ProjectionKernels::projectRowsGrouped, context, control,
                            in, values, sums, table, codes, floats, out, inputs, outputs, layerStride, accumulate, site, parts, rank);
                    case StackedWeight.F16(var bits, var decode, var mantissaBits) ->
                        sink.task(id, launch, ProjectionKernels::projectRowsF16Grouped, context, control, in, bits, decode, sums,
                                table, codes, floats, out, inputs, outputs, layerStride, accumulate, site, parts, rank, mantissaBits);
                    case StackedWeight.NativeF16(var values) ->
                        sink.task(id, launch, ProjectionKernels::projectRowsHalfGrouped, context, control, in, values, sums,
                                table, codes, floats, out, inputs, outputs, layerStride, accumulate, site, parts, rank);
                    case StackedWeight.Q8(var quants, var scales) ->
                        sink.task(id, launch, QuantizedProjectionKernels::projectRowsQ8Grouped, context, control, in, quants, scales, sums,
                                table, codes, floats, out, inputs, outputs, layerStride, accumulate, site, parts, rank);
                    case StackedWeight.Q4 _ -> throw otherForm(id);
                    case StackedWeight.PackedQ4(var quants, var scales) ->
                        sink.task(id, launch, QuantizedProjectionKernels::projectRowsQ4Grouped, context, control, in, quants, scales,
                                sums, table, codes, floats, out, inputs, outputs, layerStride, accumulate, site, parts, rank);
                }
            }
            case TILED -> {
                switch (weight) {
                    case StackedWeight.F32(var values) -> sink.task(id, launch, ProjectionKernels::projectTiles, context, control, in,
                            values, sums, table, codes, floats, out, inputs, outputs, layerStride, accumulate, site, parts);
                    case StackedWeight.F16(var bits, var decode, var mantissaBits) ->
                        sink.task(id, launch, ProjectionKernels::projectTilesF16, context, control, in, bits, decode, sums, table, codes,
                                floats, out, inputs, outputs, layerStride, accumulate, site, parts, mantissaBits);
                    case StackedWeight.NativeF16(var values) ->
                        sink.task(id, launch, ProjectionKernels::projectTilesHalf, context, control, in, values, sums, table, codes,
                                floats, out, inputs, outputs, layerStride, accumulate, site, parts);
                    case StackedWeight.Q8(var quants, var scales) ->
                        sink.task(id, launch, QuantizedProjectionKernels::projectTilesQ8, context, control, in, quants, scales, sums,
                                table, codes, floats, out, inputs, outputs, layerStride, accumulate, site, parts);
                    case StackedWeight.Q4 _ -> throw otherForm(id);
                    case StackedWeight.PackedQ4(var quants, var scales) ->
                        sink.task(id, launch, QuantizedProjectionKernels::projectTilesQ4, context, control, in, quants, scales, sums,
                                table, codes, floats, out, inputs, outputs, layerStride, accumulate, site, parts);
                }
            }
            case TENSOR -> {
                IntArray split = tensors.split();
                FloatArray factors = tensors.factors();
                FloatArray tiles = tensors.sums();
                sink.task("split_" + id, SPLIT, TensorKernels::splitRows, context, control, in, sums, table, split, factors, inputs, site,
                        parts);
                switch (weight) {
                    case StackedWeight.F32(var values) -> sink.task(id, launch, TensorKernels::projectSplit, context, control, split,
                            factors, values, table, codes, floats, tiles, out, inputs, outputs, layerStride, accumulate, site);
                    case StackedWeight.F16(var bits, var decode, var mantissaBits) ->
                        sink.task(id, launch, TensorKernels::projectSplitF16, context, control, split, factors, bits, decode, table, codes,
                                floats, tiles, out, inputs, outputs, layerStride, accumulate, site, mantissaBits);
                    case StackedWeight.NativeF16(var values) ->
                        sink.task(id, launch, TensorKernels::projectSplitHalf, context, control, split, factors, values, table, codes,
                                floats, tiles, out, inputs, outputs, layerStride, accumulate, site);
                    case StackedWeight.Q8(var quants, var scales) ->
                        sink.task(id, launch, TensorKernels::projectSplitQ8, context, control, split, factors, quants, scales, table, codes,
                                floats, tiles, out, inputs, outputs, layerStride, accumulate, site);
                    case StackedWeight.Q4 _ -> throw otherForm(id);
                    case StackedWeight.PackedQ4(var quants, var scales) ->
                        sink.task(id, launch, TensorKernels::projectSplitQ4, context, control, split, factors, quants, scales, table, codes,
                                floats, tiles, out, inputs, outputs, layerStride, accumulate, site);
                }
            }
        }
    }

    /** Whether {@link #normAndProject} can read these. */
    static boolean areStackable(List<StackedWeight> weights) {
        StackedWeight first = weights.getFirst();
        return weights.stream().allMatch(weight -> switch (first) {
            case StackedWeight.F32 _ -> weight instanceof StackedWeight.F32;
            case StackedWeight.F16(_, _, var mantissaBits) -> weight instanceof StackedWeight.F16(_, _, var other) && other == mantissaBits;
            case StackedWeight.NativeF16 _ -> weight instanceof StackedWeight.NativeF16;
            case StackedWeight.Q8 _ -> weight instanceof StackedWeight.Q8;
            case StackedWeight.Q4 _ -> weight instanceof StackedWeight.Q4;
            case StackedWeight.PackedQ4 _ -> weight instanceof StackedWeight.PackedQ4;
        });
    }

    /**
     * The stack of two or three projections of one normalised input, and of the down halves of their updates.
     *
     * @param weights of one number format; the second and the third are of one size
     * @param norm    [layers, inputs]
     * @param out     [rowCapacity, outputs of all]
     */
    void normAndProject(TaskSink sink, String id, List<StackedWeight> weights, FloatArray in, FloatArray norm, FloatArray out, int inputs,
            int outputsA, int outputsB, float epsilon) {
        int count = weights.size();
        Launch launch = launch(count, outputsA, outputsB, (count - 2L) * outputsB);
        StackedWeight second = weights.get(1);
        StackedWeight third = weights.getLast();
        IntArray table = adapter.table();
        IntArray codes = adapter.downCodes();
        FloatArray floats = adapter.downFloats();
        FloatArray hidden = adapter.hidden();
        IntArray split = tensors.split();
        FloatArray factors = tensors.factors();
        FloatArray tiles = tensors.sums();
        if (form == Form.TENSOR) {
            sink.task("split_" + id, SPLIT, TensorKernels::normAndSplitRows, context, control, in, norm, split, factors, inputs, epsilon);
        }
        switch (weights.getFirst()) {
            case StackedWeight.F32(var a) -> {
                FloatArray b = ((StackedWeight.F32) second).values();
                FloatArray c = ((StackedWeight.F32) third).values();
                switch (form) {
                    case THREADED -> sink.task(id, launch, ProjectionKernels::normAndProjectRows, control, in, norm, gains, table, codes,
                            floats, a, b, c, out, hidden, inputs, outputsA, count, epsilon);
                    case GROUPED -> sink.task(id, launch, ProjectionKernels::normAndProjectRowsGrouped, context, control, in, norm, gains,
                            table, codes, floats, a, b, c, out, hidden, inputs, outputsA, count, epsilon);
                    case TILED -> sink.task(id, launch, ProjectionKernels::normAndProjectTiles, context, control, in, norm, gains,
                            table, codes, floats, a, b, c, out, hidden, inputs, outputsA, count, epsilon);
                    case TENSOR -> sink.task(id, launch, TensorKernels::projectSplitStack, context, control, split, factors, gains,
                            table, codes, floats, a, b, c, tiles, out, hidden, inputs, outputsA, count);
                }
            }
            case StackedWeight.F16(var a, var decode, var mantissaBits) -> {
                var b = ((StackedWeight.F16) second).bits();
                var c = ((StackedWeight.F16) third).bits();
                switch (form) {
                    case THREADED -> sink.task(id, launch, ProjectionKernels::normAndProjectRowsF16, control, in, norm, gains, table,
                            codes, floats, a, b, c, decode, out, hidden, inputs, outputsA, count, epsilon, mantissaBits);
                    case GROUPED -> sink.task(id, launch, ProjectionKernels::normAndProjectRowsF16Grouped, context, control, in, norm,
                            gains, table, codes, floats, a, b, c, decode, out, hidden, inputs, outputsA, count, epsilon,
                            mantissaBits);
                    case TILED -> sink.task(id, launch, ProjectionKernels::normAndProjectTilesF16, context, control, in, norm,
                            gains, table, codes, floats, a, b, c, decode, out, hidden, inputs, outputsA, count, epsilon,
                            mantissaBits);
                    case TENSOR -> sink.task(id, launch, TensorKernels::projectSplitStackF16, context, control, split, factors, gains,
                            table, codes, floats, a, b, c, decode, tiles, out, hidden, inputs, outputsA, count, mantissaBits);
                }
            }
            case StackedWeight.NativeF16(var a) -> {
                var b = ((StackedWeight.NativeF16) second).values();
                var c = ((StackedWeight.NativeF16) third).values();
                switch (form) {
                    case THREADED -> throw otherForm(id);
                    case GROUPED -> sink.task(id, launch, ProjectionKernels::normAndProjectRowsHalfGrouped, context, control, in, norm,
                            gains, table, codes, floats, a, b, c, out, hidden, inputs, outputsA, count, epsilon);
                    case TILED -> sink.task(id, launch, ProjectionKernels::normAndProjectTilesHalf, context, control, in, norm,
                            gains, table, codes, floats, a, b, c, out, hidden, inputs, outputsA, count, epsilon);
                    case TENSOR -> sink.task(id, launch, TensorKernels::projectSplitStackHalf, context, control, split, factors, gains,
                            table, codes, floats, a, b, c, tiles, out, hidden, inputs, outputsA, count);
                }
            }
            case StackedWeight.Q8(var a, var scalesA) -> {
                var b = (StackedWeight.Q8) second;
                var c = (StackedWeight.Q8) third;
                switch (form) {
                    case THREADED -> sink.task(id, launch, QuantizedProjectionKernels::normAndProjectRowsQ8, control, in, norm, gains,
                            table, codes, floats, a, scalesA, b.quants(), b.scales(), c.quants(), c.scales(), out, hidden, inputs,
                            outputsA, count, epsilon);
                    case GROUPED -> sink.task(id, launch, QuantizedProjectionKernels::normAndProjectRowsQ8Grouped, context, control, in,
                            norm, gains, table, codes, floats, a, scalesA, b.quants(), b.scales(), c.quants(), c.scales(), out, hidden,
                            inputs, outputsA, count, epsilon);
                    case TILED -> sink.task(id, launch, QuantizedProjectionKernels::normAndProjectTilesQ8, context, control, in, norm,
                            gains, table, codes, floats, a, scalesA, b.quants(), b.scales(), c.quants(), c.scales(), out, hidden, inputs,
                            outputsA, count, epsilon);
                    case TENSOR -> sink.task(id, launch, TensorKernels::projectSplitStackQ8, context, control, split, factors, gains,
                            table, codes, floats, a, scalesA, b.quants(), b.scales(), c.quants(), c.scales(), tiles, out, hidden, inputs,
                            outputsA, count);
                }
            }
            case StackedWeight.Q4(var a, var scalesA) -> {
                var b = (StackedWeight.Q4) second;
                var c = (StackedWeight.Q4) third;
                switch (form) {
                    case THREADED -> sink.task(id, launch, QuantizedProjectionKernels::normAndProjectRowsQ4, control, in, norm, gains,
                            table, codes, floats, a, scalesA, b.nibbles(), b.scales(), c.nibbles(), c.scales(), out, hidden, inputs,
                            outputsA, count, epsilon);
                    case GROUPED, TILED, TENSOR -> throw otherForm(id);
                }
            }
            case StackedWeight.PackedQ4(var a, var scalesA) -> {
                var b = (StackedWeight.PackedQ4) second;
                var c = (StackedWeight.PackedQ4) third;
                switch (form) {
                    case THREADED -> throw otherForm(id);
                    case GROUPED -> sink.task(id, launch, QuantizedProjectionKernels::normAndProjectRowsQ4Grouped, context, control, in,
                            norm, gains, table, codes, floats, a, scalesA, b.quants(), b.scales(), c.quants(), c.scales(), out, hidden,
                            inputs, outputsA, count, epsilon);
                    case TILED -> sink.task(id, launch, QuantizedProjectionKernels::normAndProjectTilesQ4, context, control, in, norm,
                            gains, table, codes, floats, a, scalesA, b.quants(), b.scales(), c.quants(), c.scales(), out, hidden, inputs,
                            outputsA, count, epsilon);
                    case TENSOR -> sink.task(id, launch, TensorKernels::projectSplitStackQ4, context, control, split, factors, gains,
                            table, codes, floats, a, scalesA, b.quants(), b.scales(), c.quants(), c.scales(), tiles, out, hidden, inputs,
                            outputsA, count);
                }
            }
        }
    }

    private AssertionError otherForm(String task) {
        return new AssertionError(task + ": weights are laid out for another form than " + form);
    }

    /** The down half of one update. */
    void projectDown(TaskSink sink, String id, FloatArray in, int inputs, int site) {
        switch (form) {
            case THREADED -> sink.task(id, Launch.threadsPerComponent(1), LowRankKernels::projectDown, control, gains, in,
                    adapter.table(), adapter.downCodes(), adapter.downFloats(), adapter.hidden(), inputs, site);
            case GROUPED, TILED, TENSOR -> sink.task(id, Launch.groupsPerComponent(1, ProjectionKernels.LANES),
                    LowRankKernels::projectDownGrouped, context, control, gains, in, adapter.table(), adapter.downCodes(),
                    adapter.downFloats(), adapter.hidden(), inputs, site);
        }
    }

    /** The up half of one update. */
    void addUp(TaskSink sink, String id, FloatArray out, int outputs, int site) {
        sink.task(id, Launch.threadsPerRow(outputs), LowRankKernels::addUp, control, adapter.hidden(), adapter.table(), adapter.upCodes(),
                adapter.upFloats(), out, outputs, site);
    }

    /** @param outputs of each weight */
    private Launch launch(int sites, long... outputs) {
        long all = LongStream.of(outputs).sum();
        return switch (form) {
            case THREADED -> Launch.stack(all, sites);
            case GROUPED -> Launch.groupedStack(sites, outputs);
            case TILED, TENSOR -> Launch.tiles(all, sites);
        };
    }
}
