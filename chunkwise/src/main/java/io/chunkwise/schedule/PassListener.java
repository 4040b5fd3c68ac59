package io.chunkwise.schedule;

import io.chunkwise.model.forward.PassOutput;

/** Hears of every pass of a {@link ChunkScheduler#read}. */
@FunctionalInterface
public interface PassListener {
    PassListener NONE = (from, rows, output) -> {
    };

    /**
     * @param from   index of the pass's first token among those that are read
     * @param rows   of the pass
     * @param output what was asked for; nothing before the last pass, unless logits of all rows were
     */
    void onPass(int from, int rows, PassOutput output);
}
