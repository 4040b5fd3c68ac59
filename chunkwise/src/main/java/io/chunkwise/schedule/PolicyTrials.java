package io.chunkwise.schedule;

import io.chunkwise.ladder.RankLadder;
import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.forward.ForwardExecutor;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.policy.BenefitUse;
import io.chunkwise.policy.ChunkPolicy;
import io.chunkwise.policy.KvPolicy;
import io.chunkwise.selection.RungSelector;

/**
 * One adapter on one open executor, run under one policy after another.
 *
 * @param executor owned by the caller; one scheduler at a time runs on it
 * @param config   of the model that it runs
 * @param adapter  as it was trained
 * @param ladder   of this adapter
 */
public record PolicyTrials(ForwardExecutor executor, LlamaConfig config, Adapter adapter, RankLadder ladder) {

    /**
     * A scheduler of a policy; those that were made before are of no use from then on. A policy that takes all components or none runs the
     * adapter as it was trained, so that it equals plain LoRA.
     */
    public ChunkScheduler scheduler(ChunkPolicy policy, KvPolicy kv) {
        boolean rungs = policy.needsLadder(adapter.maxRank()) || policy.estimation().benefit() == BenefitUse.REQUIRE;
        RungSelector selector = rungs ? RungSelector.of(policy, ladder) : RungSelector.plain(policy, adapter);
        return new ChunkScheduler(executor, new ChunkScheduler.Setup(config, policy, kv, selector));
    }

    /** The same with another ladder of the adapter. */
    public PolicyTrials with(RankLadder other) {
        return new PolicyTrials(executor, config, adapter, other);
    }
}
