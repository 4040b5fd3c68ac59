package io.chunkwise.model.forward;

import static io.chunkwise.model.forward.Activation.ATTENDED;
import static io.chunkwise.model.forward.Activation.GATE;
import static io.chunkwise.model.forward.Activation.KEY;
import static io.chunkwise.model.forward.Activation.LOGITS;
import static io.chunkwise.model.forward.Activation.NORMED;
import static io.chunkwise.model.forward.Activation.QUERY;
import static io.chunkwise.model.forward.Activation.RESIDUAL;
import static io.chunkwise.model.forward.Activation.UP;
import static io.chunkwise.model.forward.Activation.VALUE;

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
import io.chunkwise.model.llama.LlamaConfig;
import java.util.ArrayList;
import java.util.List;

/**
 * THE description of the forward pass of a LLaMA-family model: one pass is {@link #embedding()}, then {@link #layer()}
 * once per layer, then {@link #head()} for the rows whose logits are wanted. Executors own arithmetic and memory; order,
 * buffers, residuals and adapter sites are stated here and nowhere else.
 *
 * <p>Every adaptable projection is followed by its {@link AddLowRank}, whether or not an adapter is loaded: the op does
 * nothing without one, so that adapters come and go without a new description.
 */
public final class LlamaForward {
    private final LlamaConfig config;
    private final boolean quantizableCache;

    /**
     * @param quantizableCache whether keys and values are kept rotated by a Hadamard matrix, in all formats alike, so that pages
     *                         of any format can be read together
     */
    public LlamaForward(LlamaConfig config, boolean quantizableCache) {
        this.config = config;
        this.quantizableCache = quantizableCache;
    }

    /** The layer whose attention entropies are reported as {@link RowStatistics}: the middle one. */
    public int probeLayer() {
        return config.layers() / 2;
    }

    public List<LayerOp> embedding() {
        return List.of(new Embed(RESIDUAL));
    }

    public List<LayerOp> layer() {
        List<LayerOp> ops = new ArrayList<>();
        ops.add(new RmsNorm(RESIDUAL, WeightRole.ATTENTION_NORM, NORMED));
        adapted(ops, new Project(NORMED, WeightRole.QUERY, QUERY, false));
        adapted(ops, new Project(NORMED, WeightRole.KEY, KEY, false));
        adapted(ops, new Project(NORMED, WeightRole.VALUE, VALUE, false));
        if (config.biasedQkv()) {
            ops.add(new AddBias(WeightRole.QUERY_BIAS, QUERY));
            ops.add(new AddBias(WeightRole.KEY_BIAS, KEY));
            ops.add(new AddBias(WeightRole.VALUE_BIAS, VALUE));
        }
        ops.add(new Rotate(QUERY));
        ops.add(new Rotate(KEY));
        if (quantizableCache) {
            ops.add(new RotateByHadamard(QUERY));
            ops.add(new RotateByHadamard(KEY));
            ops.add(new RotateByHadamard(VALUE));
        }
        ops.add(new AppendKv(QUERY, KEY, VALUE));
        ops.add(new Attend(QUERY, ATTENDED));
        if (quantizableCache) {
            ops.add(new RotateByHadamard(ATTENDED));
        }
        adapted(ops, new Project(ATTENDED, WeightRole.ATTENTION_OUTPUT, RESIDUAL, true));

        ops.add(new RmsNorm(RESIDUAL, WeightRole.FFN_NORM, NORMED));
        adapted(ops, new Project(NORMED, WeightRole.GATE, GATE, false));
        adapted(ops, new Project(NORMED, WeightRole.UP, UP, false));
        ops.add(new SwiGlu(GATE, UP));
        adapted(ops, new Project(GATE, WeightRole.DOWN, RESIDUAL, true));
        return List.copyOf(ops);
    }

    public List<LayerOp> head() {
        return List.of(
                new RmsNorm(RESIDUAL, WeightRole.FINAL_NORM, NORMED),
                new Project(NORMED, WeightRole.OUTPUT, LOGITS, false));
    }

    // The only place where an adapter meets a base weight.
    private static void adapted(List<LayerOp> ops, Project base) {
        ops.add(base);
        ops.add(new AddLowRank(base.in(), base.weight(), base.out()));
    }
}
