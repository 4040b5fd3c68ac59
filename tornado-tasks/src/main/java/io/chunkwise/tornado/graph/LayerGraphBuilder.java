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
import io.chunkwise.model.forward.LayerOp.SwiGlu;
import io.chunkwise.model.forward.WeightRole;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.RotaryPairing;
import io.chunkwise.tornado.device.DeviceAdapter;
import io.chunkwise.tornado.device.DeviceBuffers;
import io.chunkwise.tornado.kernels.ActivationKernels;
import io.chunkwise.tornado.kernels.AttentionKernels;
import io.chunkwise.tornado.kernels.HeadKernels;
import io.chunkwise.tornado.kernels.KvKernels;
import io.chunkwise.tornado.kernels.NormKernels;
import io.chunkwise.tornado.kernels.RotaryKernels;
import java.util.List;
import java.util.Locale;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Turns ops of the description into tasks with their grids. Every op is met once, whatever the number of layers. */
final class LayerGraphBuilder {
    private static final int NORM_LANES = 256;
    private static final int ATTENTION_LANES = 64;

    private final DeviceState state;
    private final LlamaConfig config;
    private final DeviceBuffers buffers;
    private final IntArray control;
    private final KernelForm form;
    private final KernelContext context = new KernelContext();
    private final WeightTasks weights;

    LayerGraphBuilder(DeviceState state, KernelForm form) {
        this.state = state;
        this.form = form;
        config = state.config();
        buffers = state.buffers();
        control = state.control().ints();
        weights = new WeightTasks(control, state.adapter(), context, form);
    }

    /** @param logits what {@link Activation#LOGITS} stands for in these ops */
    void wire(List<LayerOp> ops, TaskSink sink, FloatArray logits) {
        for (LayerTask task : TaskFusion.fuse(ops, state.adapter().isReserved())) {
            switch (task) {
                case LayerTask.Alone(var op) -> wire(op, sink, logits);
                case LayerTask.ProjectDown(var in, var sites) -> weights.projectDown(sink, id("down", sites.getFirst()),
                        state.control().gains(), buffer(in), in.width(config), DeviceAdapter.siteOf(sites.getFirst()), sites.size());
                case LayerTask.ProjectAndAddUp(var base, var update) ->
                    project(sink, base, logits, DeviceAdapter.siteOf(update.site()));
            }
        }
    }

    private void wire(LayerOp op, TaskSink sink, FloatArray logits) {
        switch (op) {
            case Embed(var out) -> weights.embed(sink, state.weights().get(WeightRole.EMBEDDING), buffer(out), out.width(config));
            case RmsNorm(var in, var gain, var out) -> normalize(sink, gain, buffer(in), buffer(out), in.width(config));
            case Project base -> project(sink, base, logits, -1);
            case AddBias(var bias, var out) -> sink.task(id("add", bias), Launch.threadsPerRow(out.width(config)),
                    ActivationKernels::addBias, control, state.weights().vector(bias), buffer(out), out.width(config));
            case AddLowRank(_, var site, _) -> throw new IllegalArgumentException("the low-rank update of " + site + " has no projection");
            case Rotate(var queryOrKey) -> rotate(sink, queryOrKey);
            case LayerOp.RotateByHadamard _ -> throw new UnsupportedOperationException("a quantizable KV cache");
            case AppendKv(_, var key, var value) -> sink.task("append_kv", Launch.threadsPerRow(config.kvDim()),
                    KvKernels::appendToCache, control, buffer(key), buffer(value), buffers.keys(), buffers.values(),
                    config.kvDim(), state.contextLength());
            case Attend(var query, var out) -> attend(sink, buffer(query), buffer(out));
            case SwiGlu(var gate, var up) -> sink.task("multiply_silu", Launch.threadsPerRow(gate.width(config)),
                    ActivationKernels::multiplySilu, control, buffer(up), buffer(gate), gate.width(config));
        }
    }

    /** The largest of {@code lastLogits}; not an op, because it changes nothing but what comes back. */
    void wireTop(TaskSink sink) {
        int parts = DeviceBuffers.TOP_PARTS;
        sink.task("select_top", Launch.groups(parts / 16, 16), HeadKernels::selectTopOfParts, control, buffers.lastLogits(),
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

    private void project(TaskSink sink, Project op, FloatArray logits, int site) {
        WeightRole role = op.weight();
        int outputs = Math.toIntExact(role.shape(config).get(0));
        int inputs = Math.toIntExact(role.shape(config).get(1));
        int layerStride = role.isPerLayer() ? Math.multiplyExact(outputs, inputs) : 0;
        weights.project(sink, id("project", role), state.weights().get(role), buffer(op.in()),
                op.out() == Activation.LOGITS ? logits : buffer(op.out()), inputs, outputs, layerStride, op.accumulate() ? 1 : 0, site);
    }

    private void rotate(TaskSink sink, Activation queryOrKey) {
        int headDim = config.headDim();
        int heads = queryOrKey.width(config) / headDim;
        boolean halves = config.rotaryPairing() == RotaryPairing.HALVES;
        sink.task("rotate_" + queryOrKey.name().toLowerCase(Locale.ROOT), Launch.threadsPerRow((long) heads * headDim / 2),
                RotaryKernels::rotateHeads, control, buffers.cosine(), buffers.sine(), buffer(queryOrKey), heads, headDim,
                halves ? 1 : 2, halves ? headDim / 2 : 1);
    }

    private void attend(TaskSink sink, FloatArray query, FloatArray out) {
        float scale = (float) (1 / Math.sqrt(config.headDim()));
        switch (form) {
            case THREADED -> sink.task("attend", Launch.groupsPerRow(config.heads(), 1), AttentionKernels::attendCached,
                    control, query, buffers.keys(), buffers.values(), out, config.heads(), config.kvHeads(), config.headDim(),
                    state.contextLength(), config.slidingWindow(), scale);
            case GROUPED -> sink.task("attend", Launch.groupsPerRow(config.heads(), ATTENTION_LANES), AttentionKernels::attendCachedGrouped,
                    context, control, query, buffers.keys(), buffers.values(), out, config.heads(), config.kvHeads(), config.headDim(),
                    state.contextLength(), config.slidingWindow(), scale, ATTENTION_LANES);
        }
    }

    private FloatArray buffer(Activation activation) {
        return buffers.activation(activation);
    }

    private static String id(String verb, WeightRole role) {
        return verb + "_" + role.name().toLowerCase(Locale.ROOT);
    }
}
