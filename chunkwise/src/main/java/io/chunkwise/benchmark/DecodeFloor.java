package io.chunkwise.benchmark;

import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.format.TensorView;
import io.chunkwise.model.forward.ForwardExecutor;
import io.chunkwise.model.forward.WeightRole;
import io.chunkwise.model.kv.KvUsage;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.model.llama.LlamaWeights;

/**
 * What one decoded token has to read, in bytes: every weight once, the active components of the adapter, and the keys and values of
 * the positions that it attends to. That over the read bandwidth is the least time that a token can take.
 */
final class DecodeFloor {

    private DecodeFloor() {
    }

    /** Everything but an embedding table of its own, of which a token reads one row. */
    static long weightBytes(LlamaModel model) {
        TensorView embedding = model.weights().get(WeightRole.EMBEDDING, 0);
        return model.weights().bytes() - (model.config().tiedOutput() ? 0 : embedding.type().bytesFor(embedding.elements()));
    }

    /** Components in the number format that an executor keeps them in. */
    static long adapterBytes(Adapter adapter, LlamaWeights weights, ForwardExecutor executor) {
        return adapter.sites().entrySet().stream().mapToLong(site -> {
            TensorType type = executor.componentType(weights.get(site.getKey().role(), site.getKey().layer()).type());
            long elements = (long) site.getValue().rank() * (site.getValue().inputs() + site.getValue().outputs());
            return elements * type.blockBytes() / type.blockElements();
        }).sum();
    }

    /**
     * Keys and values that a token attends to, mean over some tokens that have been written.
     *
     * @param usage after them
     * @param depth positions before them
     */
    static double kvBytes(LlamaConfig config, KvUsage usage, int depth, int tokens) {
        double position = depth + tokens / 2.0;
        double attended = config.slidingWindow() > 0 ? Math.min(position, config.slidingWindow()) : position;
        return usage.usedBytes() * attended / (depth + tokens);
    }
}
