package io.chunkwise.selection;

import io.chunkwise.ladder.RankLadder;
import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.policy.ChunkPolicy;
import java.util.Optional;

/** One adapter, cut into the rungs of one policy. */
public final class RungSelector {
    private final Optional<Adapter> adapter;

    private RungSelector(Optional<Adapter> adapter) {
        this.adapter = adapter;
    }

    /** No adapter: every band gets the base. */
    public static RungSelector base(ChunkPolicy policy) {
        return new RungSelector(Optional.empty());
    }

    /**
     * An adapter as it was trained.
     *
     * @throws IllegalArgumentException if the policy {@linkplain ChunkPolicy#needsLadder needs a ladder}
     */
    public static RungSelector plain(ChunkPolicy policy, Adapter adapter) {
        return new RungSelector(Optional.of(adapter));
    }

    /** An adapter's ladder; the whole adapter in its own order of components where the policy needs no ladder. */
    public static RungSelector of(ChunkPolicy policy, RankLadder ladder) {
        throw new UnsupportedOperationException("not yet");
    }

    /** What the executor has to attach: one component group per rung. */
    public Optional<Adapter> adapter() {
        return adapter;
    }

    /** What a band gets without a budget. */
    public Selection select(int band) {
        throw new UnsupportedOperationException("not yet");
    }
}
