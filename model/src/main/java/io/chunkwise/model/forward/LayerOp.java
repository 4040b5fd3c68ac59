package io.chunkwise.model.forward;

/**
 * One op of the forward pass, as data over named buffers and weights. The CPU executor acts on an op when it meets it;
 * the TornadoVM executor turns it into a task once. Both switch over this closed set without a default, so a new op
 * breaks both builds until it has both bodies.
 */
public sealed interface LayerOp {

    /** out[r] = embedding[token[r]] */
    record Embed(Activation out) implements LayerOp {
    }

    /** out[r, i] = in[r, i] · gain[i] / √(mean_i(in[r, i]²) + ε) */
    record RmsNorm(Activation in, WeightRole gain, Activation out) implements LayerOp {
    }

    /** out[r, o] = Σ_i weight[o, i] · in[r, i]; added to out where {@code accumulate} */
    record Project(Activation in, WeightRole weight, Activation out, boolean accumulate) implements LayerOp {
    }

    /** out[r, o] += bias[o] */
    record AddBias(WeightRole bias, Activation out) implements LayerOp {
    }

    /**
     * out[r, o] += Σ_k gain[r, group(k)] · up[o, k] · (Σ_i down[k, i] · in[r, i]), over the components k of the site's
     * {@link io.chunkwise.model.adapter.LowRankPair} whose group has a gain other than 0 in row r. Nothing where the
     * adapter has no pair at this site and layer.
     */
    record AddLowRank(Activation in, WeightRole site, Activation out) implements LayerOp {
    }

    /** Rotates every head of every row by its position's angles (RoPE), in place. */
    record Rotate(Activation queryOrKey) implements LayerOp {
    }

    /**
     * Multiplies every head of every row by the normalised Hadamard matrix, in place; doing it twice changes nothing. Where
     * the head dimension is no power of two, blocks of its largest factor that is one are multiplied. Outliers are spread over
     * all elements, so that few bits per element suffice.
     */
    record RotateByHadamard(Activation heads) implements LayerOp {
    }

    /**
     * Stores the rows' keys and values in the layer's KV cache, at the rows' positions, and remembers the newest rows' queries
     * as probes (see {@link io.chunkwise.model.kv.KvPages#measure}).
     */
    record AppendKv(Activation query, Activation key, Activation value) implements LayerOp {
    }

    /** out[r] = softmax(query[r] · keysᵀ / √headDim) · values, per head, over the positions that row r may see. */
    record Attend(Activation query, Activation out) implements LayerOp {
    }

    /** gate[r, i] = silu(gate[r, i]) · up[r, i], in place */
    record SwiGlu(Activation gate, Activation up) implements LayerOp {
    }
}
