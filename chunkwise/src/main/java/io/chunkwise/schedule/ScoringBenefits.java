package io.chunkwise.schedule;

import io.chunkwise.ladder.TokenBenefit;
import io.chunkwise.policy.BenefitUse;
import io.chunkwise.policy.ChunkPolicy;
import io.chunkwise.selection.RungSelector;
import java.util.List;
import java.util.Optional;

/** Which token benefits make the scores of which adapter of a sequence. */
final class ScoringBenefits {
    private final List<Optional<TokenBenefit>> perAdapter;

    /** @throws IllegalArgumentException if the policy requires benefits and an adapter has none, or has those of another vocabulary */
    ScoringBenefits(ChunkPolicy policy, List<AdapterUse> adapters, int vocabSize) {
        perAdapter = adapters.stream().map(adapter -> of(policy, adapter.selector(), vocabSize)).toList();
    }

    /** Those of an adapter; empty where weighted signals make its scores. */
    Optional<TokenBenefit> of(int adapter) {
        return perAdapter.get(adapter);
    }

    /** Whether no adapter's scores are made of weighted signals. */
    boolean areAll() {
        return perAdapter.stream().allMatch(Optional::isPresent);
    }

    private static Optional<TokenBenefit> of(ChunkPolicy policy, RungSelector selector, int vocabSize) {
        Optional<TokenBenefit> scoring = policy.scoring(selector.benefit());
        if (scoring.isEmpty() && policy.estimates() && policy.estimation().benefit() == BenefitUse.REQUIRE) {
            throw new IllegalArgumentException("policy '" + policy.name() + "' requires token benefits, and "
                    + (selector.name().isEmpty() ? "the base model without an adapter has none; name a calibrated adapter"
                            : "adapter '" + selector.name() + "' has none; calibrate its ladder with 'chunkwise ladder --calibrate TEXT'"));
        }
        if (scoring.isPresent() && scoring.get().vocabSize() != vocabSize) {
            throw new IllegalArgumentException("adapter '" + selector.name() + "' has benefits of " + scoring.get().vocabSize()
                    + " tokens, the model has " + vocabSize + "; calibrate its ladder with 'chunkwise ladder --calibrate TEXT'");
        }
        return scoring;
    }
}
