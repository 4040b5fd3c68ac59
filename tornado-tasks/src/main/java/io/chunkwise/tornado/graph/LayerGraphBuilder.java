package io.chunkwise.tornado.graph;

import io.chunkwise.model.forward.Activation;
import io.chunkwise.model.forward.LayerOp;
import io.chunkwise.model.forward.LayerOp.AddBias;
import io.chunkwise.model.forward.LayerOp.AddLowRank;
import io.chunkwise.model.forward.LayerOp.AppendKv;
import io.chunkwise.model.forward.LayerOp.Attend;
import io.chunkwise.model.forward.LayerOp.Embed;
import io.chunkwise.model.forward.LayerOp.Project;
import io.chunkwise.model.forward.LayerOp.RmsNorm;
import io.chunkwise.model.forward.LayerOp.Rotate;
import io.chunkwise.model.forward.LayerOp.RotateByHadamard;
import io.chunkwise.model.forward.LayerOp.SwiGlu;
import io.chunkwise.model.forward.WeightRole;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.RotaryPairing;
import io.chunkwise.tornado.device.DeviceAdapter;
import io.chunkwise.tornado.device.DeviceBuffers;
import io.chunkwise.tornado.kernels.ActivationKernels;
import io.chunkwise.tornado.kernels.FinishKernels;
import io.chunkwise.tornado.kernels.HadamardKernels;
import io.chunkwise.tornado.kernels.HeadKernels;
import io.chunkwise.tornado.kernels.LowRankKernels;
import io.chunkwise.tornado.kernels.NormKernels;
import io.chunkwise.tornado.kernels.ProjectionKernels;
import io.chunkwise.tornado.kernels.RotaryKernels;
import io.chunkwise.tornado.kernels.StatisticsKernels;
import java.util.List;
import java.util.Locale;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Turns ops of the description into tasks with their grids. Every op is met once, whatever the number of layers. */
final class LayerGraphBuilder {
    private static final int NORM_LANES = 256;
    private static final int HADAMARD_LANES = 32;

    private final DeviceState state;
    private final LlamaConfig config;
    private final DeviceBuffers buffers;
    private final IntArray control;
    private final KernelForm form;
    private final KernelContext context = new KernelContext();
    private final WeightTasks rowWeights;
    private final WeightTasks tileWeights;
    private final PageTasks pages;

    LayerGraphBuilder(DeviceState state, KernelForm form) {
        this.state = state;
        this.form = form;
        config = state.config();
        buffers = state.buffers();
        control = state.control().ints();
        rowWeights = new WeightTasks(control, state.control().gains(), state.adapter(), context, WeightTasks.Form.of(form),
                state.tensors());
        tileWeights = new WeightTasks(control, state.control().gains(), state.adapter(), context,
                state.tensors().arrays().isEmpty() ? WeightTasks.Form.TILED : WeightTasks.Form.TENSOR, state.tensors());
        pages = new PageTasks(state, context, form);
    }

    /** Tasks that are not of the description of a pass: they change no activation. */
    PageTasks pages() {
        return pages;
    }

    /** @param logits what {@link Activation#LOGITS} stands for in these ops */
    void wire(List<LayerOp> ops, TaskSink sink, FloatArray logits) {
        wire(ops, sink, logits, rowWeights);
    }

    /** For passes of many rows on devices that want kernels in grouped form. */
    void wireTiles(List<LayerOp> ops, TaskSink sink) {
        wire(ops, sink, null, tileWeights);
    }

    private void wire(List<LayerOp> ops, TaskSink sink, FloatArray logits, WeightTasks weights) {
        boolean adapted = state.adapter().isReserved();
        boolean split = form == KernelForm.GROUPED;
        List<LayerTask> tasks = state.adapter().isFused() ? TaskFusion.fuse(ops, adapted, split, this::isStackable)
                : TaskFusion.keepApart(ops, adapted);
        for (LayerTask task : tasks) {
            switch (task) {
                case LayerTask.Alone(var op) -> wire(op, sink, logits, weights);
                case LayerTask.Apart(var update) -> {
                    int site = DeviceAdapter.siteOf(update.site());
                    weights.projectDown(sink, id("down", update.site()), buffer(update.in()), update.in().width(config), site);
                    weights.addUp(sink, id("up", update.site()), buffer(update.out()), update.out().width(config), site);
                }
                case LayerTask.NormAndProject stack -> normAndProject(sink, stack, weights);
                case LayerTask.FinishHeads heads -> finishHeads(sink, heads);
                case LayerTask.AttendSplits(Attend(var query, _)) -> pages.attendSplits(sink, buffer(query));
                case LayerTask.FinishAttended(var transform, var update) -> finishAttended(sink, transform.isPresent());
                case LayerTask.MultiplySilu product -> multiplySilu(sink, buffer(product.product().gate()));
                case LayerTask.ProjectAndAddUp(var base, var update) ->
                    project(sink, base, logits, update.isPresent() ? DeviceAdapter.siteOf(base.weight()) : -1, weights);
            }
        }
    }

    private void wire(LayerOp op, TaskSink sink, FloatArray logits, WeightTasks weights) {
        switch (op) {
            case Embed(var out) -> weights.embed(sink, state.weights().get(WeightRole.EMBEDDING), buffer(out), out.width(config));
            case RmsNorm(var in, var gain, var out) -> normalize(sink, gain, buffer(in), buffer(out), in.width(config));
            case Project base -> project(sink, base, logits, -1, weights);
            case AddBias(var bias, var out) -> sink.task(id("add", bias), Launch.threadsPerRow(out.width(config)),
                    ActivationKernels::addBias, control, state.weights().vector(bias), buffer(out), out.width(config));
            case AddLowRank(_, var site, _) -> throw new AssertionError(site + ": an update is no task of its own");
            case Rotate(var queryOrKey) -> rotate(sink, queryOrKey);
            case RotateByHadamard(var heads) -> rotateByHadamard(sink, heads);
            case AppendKv(var query, var key, var value) -> pages.append(sink, buffer(query), buffer(key), buffer(value));
            case Attend(var query, var out) -> pages.attend(sink, buffer(query), buffer(out));
            case SwiGlu(var gate, var up) -> sink.task("multiply_silu", Launch.threadsPerRow(gate.width(config)),
                    ActivationKernels::multiplySilu, control, buffer(up), buffer(gate), gate.width(config));
        }
    }

    /** The first row of {@code rowLogits}; as the following, not an op, because it changes nothing but what comes back. */
    void wireLastLogits(TaskSink sink) {
        sink.task("copy_row", Launch.threadsPerRow(config.vocabSize()), HeadKernels::copyFirstRow, control, buffers.rowLogits(),
                buffers.lastLogits(), config.vocabSize());
    }

    /** Statistics of the rows of {@code rowLogits}. */
    void wireStatistics(TaskSink sink) {
        int parts = DeviceBuffers.PARTS;
        sink.task("sum_parts", Launch.threadsPerRow(parts), StatisticsKernels::sumPartsOfVocabulary, control, buffers.rowLogits(),
                buffers.vocabularySums(), config.vocabSize(), parts);
        sink.task("describe_rows", Launch.threadsPerRow(1), StatisticsKernels::describeRows, control, buffers.vocabularySums(),
                buffers.softmax(), buffers.statistics(), config.vocabSize(), parts, config.heads());
    }

    /** The largest of the first row of {@code rowLogits}. */
    void wireTop(TaskSink sink) {
        int parts = DeviceBuffers.PARTS;
        sink.task("select_top", Launch.groups(parts / 16, 16), HeadKernels::selectTopOfParts, control, buffers.rowLogits(),
                buffers.partLogits(), buffers.partIds(), config.vocabSize(), parts);
        switch (form) {
            case THREADED -> sink.task("merge_top", Launch.groups(1, 1), HeadKernels::mergeTopOfPartsAlone, control,
                    buffers.partLogits(), buffers.partIds(), buffers.partNext(), buffers.topLogits(), buffers.topIds(), parts);
            case GROUPED -> sink.task("merge_top", Launch.groups(1, parts), HeadKernels::mergeTopOfParts, context, control,
                    buffers.partLogits(), buffers.partIds(), buffers.topLogits(), buffers.topIds(), parts);
        }
    }

    private void normalize(TaskSink sink, WeightRole gain, FloatArray in, FloatArray out, int width) {
        FloatArray gains = state.weights().vector(gain);
        int layerStride = gain.isPerLayer() ? width : 0;
        switch (form) {
            case THREADED -> sink.task(id("normalize", gain), Launch.groupsPerRow(1, 1), NormKernels::normalizeRows,
                    control, in, gains, out, width, config.normEpsilon(), layerStride);
            case GROUPED -> sink.task(id("normalize", gain), Launch.groupsPerRow(1, NORM_LANES), NormKernels::normalizeRowsGrouped,
                    context, control, in, gains, out, width, config.normEpsilon(), layerStride, NORM_LANES);
        }
    }

    private void project(TaskSink sink, Project op, FloatArray logits, int site, WeightTasks weights) {
        WeightRole role = op.weight();
        int outputs = Math.toIntExact(role.shape(config).get(0));
        int inputs = Math.toIntExact(role.shape(config).get(1));
        int layerStride = role.isPerLayer() ? Math.multiplyExact(outputs, inputs) : 0;
        weights.project(sink, id("project", role), state.weights().get(role), buffer(op.in()),
                op.out() == Activation.LOGITS ? logits : buffer(op.out()), inputs, outputs, layerStride, op.accumulate() ? 1 : 0, site,
                op.in() == Activation.ATTENDED ? attendedParts() : gateParts());
    }

    private boolean isStackable(List<WeightRole> roles) {
        return WeightTasks.areStackable(roles.stream().map(state.weights()::get).toList());
    }

    private void normAndProject(TaskSink sink, LayerTask.NormAndProject stack, WeightTasks weights) {
        List<WeightRole> roles = stack.projections().stream().map(Project::weight).toList();
        weights.normAndProject(sink, id("stack", roles.getFirst()), roles.stream().map(state.weights()::get).toList(),
                buffer(stack.norm().in()), state.weights().vector(stack.norm().gain()), buffers.projected(),
                stack.norm().out().width(config), outputs(roles.getFirst()), outputs(roles.getLast()), config.normEpsilon());
    }

    private void finishHeads(TaskSink sink, LayerTask.FinishHeads task) {
        DeviceAdapter adapter = state.adapter();
        int stack = config.heads() + 2 * config.kvHeads();
        int pairStep = config.rotaryPairing() == RotaryPairing.HALVES ? 1 : 2;
        int block = task.hadamard() ? Integer.lowestOneBit(config.headDim()) : 0;
        switch (form) {
            case THREADED -> sink.task("finish_heads", Launch.groupsPerRow(stack, 1), FinishKernels::finishHeads, control,
                    buffers.projected(), adapter.hidden(), adapter.table(), adapter.upCodes(), adapter.upFloats(),
                    state.weights().qkvBias(), buffers.angles(), state.pools().table(), buffer(Activation.QUERY),
                    state.pools().keys(), state.pools().values(), state.pools().halves(), state.pools().probes(), config.heads(),
                    config.kvHeads(), config.headDim(), pairStep, block);
            case GROUPED -> sink.task("finish_heads", Launch.groupsPerRow(stack, FinishKernels.HEAD_LANES),
                    FinishKernels::finishHeadsGrouped, context, control,
                    buffers.projected(), adapter.hidden(), adapter.table(), adapter.upCodes(), adapter.upFloats(),
                    state.weights().qkvBias(), buffers.angles(), state.pools().table(), buffer(Activation.QUERY),
                    state.pools().keys(), state.pools().values(), state.pools().halves(), state.pools().probes(), config.heads(),
                    config.kvHeads(), config.headDim(), pairStep, block);
        }
    }

    private void finishAttended(TaskSink sink, boolean hadamard) {
        DeviceAdapter adapter = state.adapter();
        FloatArray attended = buffer(Activation.ATTENDED);
        int block = hadamard ? Integer.lowestOneBit(config.headDim()) : 0;
        int site = DeviceAdapter.siteOf(WeightRole.ATTENTION_OUTPUT);
        int parts = attendedParts();
        switch (form) {
            case THREADED -> sink.task("finish_attended", Launch.threadsPerPart(parts), FinishKernels::finishAttended, control, attended,
                    state.control().gains(), adapter.table(), adapter.downCodes(), adapter.downFloats(), adapter.parts(), config.heads(),
                    config.headDim(), parts, block, site);
            case GROUPED -> sink.task("finish_attended", Launch.groupsPerRow(parts, FinishKernels.HEAD_LANES),
                    FinishKernels::finishAttendedGrouped, context, control, buffers.splits(), buffers.softmax(), attended,
                    state.control().gains(), adapter.table(), adapter.downCodes(), adapter.downFloats(), adapter.parts(), config.heads(),
                    config.headDim(), block, site);
        }
    }

    private void multiplySilu(TaskSink sink, FloatArray gate) {
        DeviceAdapter adapter = state.adapter();
        int site = DeviceAdapter.siteOf(WeightRole.GATE);
        int width = config.ffnSize();
        switch (form) {
            case THREADED -> sink.task("finish_gate", Launch.threadsPerPart(gateParts()), FinishKernels::multiplySiluAndProjectDown,
                    control, buffers.projected(), adapter.hidden(), state.control().gains(), adapter.table(), adapter.upCodes(),
                    adapter.upFloats(), adapter.downCodes(), adapter.downFloats(), gate, adapter.parts(), width,
                    gateParts(), site);
            case GROUPED -> sink.task("finish_gate", Launch.groupsPerRow(gateParts(), ProjectionKernels.THREADS),
                    FinishKernels::multiplySiluAndProjectDownGrouped, context,
                    control, buffers.projected(), adapter.hidden(), state.control().gains(), adapter.table(), adapter.upCodes(),
                    adapter.upFloats(), adapter.downCodes(), adapter.downFloats(), gate, adapter.parts(), width,
                    FinishKernels.groupSlice(), site);
        }
    }

    private int attendedParts() {
        return switch (form) {
            case THREADED -> FinishKernels.mostParts(config.heads());
            case GROUPED -> config.heads();
        };
    }

    private int gateParts() {
        return switch (form) {
            case THREADED -> FinishKernels.mostParts(Math.ceilDiv(config.ffnSize(), LowRankKernels.BLOCK));
            case GROUPED -> Math.ceilDiv(config.ffnSize(), FinishKernels.groupSlice());
        };
    }

    private int outputs(WeightRole role) {
        return Math.toIntExact(role.shape(config).get(0));
    }

    private void rotate(TaskSink sink, Activation queryOrKey) {
        int headDim = config.headDim();
        int heads = queryOrKey.width(config) / headDim;
        boolean halves = config.rotaryPairing() == RotaryPairing.HALVES;
        sink.task("rotate_" + queryOrKey.name().toLowerCase(Locale.ROOT), Launch.threadsPerRow((long) heads * headDim / 2),
                RotaryKernels::rotateHeads, control, buffers.angles(), buffer(queryOrKey), heads, headDim,
                halves ? 1 : 2, halves ? headDim / 2 : 1);
    }

    private void rotateByHadamard(TaskSink sink, Activation activation) {
        int headDim = config.headDim();
        int heads = activation.width(config) / headDim;
        int block = Integer.lowestOneBit(headDim);
        String id = "hadamard_" + activation.name().toLowerCase(Locale.ROOT);
        switch (form) {
            case THREADED -> sink.task(id, Launch.groupsPerRow(heads, 1), HadamardKernels::transformHeads, control, buffer(activation),
                    heads, headDim, block);
            case GROUPED -> sink.task(id, Launch.groupsPerRow(heads, HADAMARD_LANES), HadamardKernels::transformHeadsGrouped, context,
                    control, buffer(activation), heads, headDim, block, HADAMARD_LANES);
        }
    }

    private FloatArray buffer(Activation activation) {
        return buffers.activation(activation);
    }

    private static String id(String verb, WeightRole role) {
        return verb + "_" + role.name().toLowerCase(Locale.ROOT);
    }
}
