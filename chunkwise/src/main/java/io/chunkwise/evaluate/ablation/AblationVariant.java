package io.chunkwise.evaluate.ablation;

import io.chunkwise.policy.ChunkPolicy;
import io.chunkwise.policy.KvPolicy;
import java.util.Optional;

/**
 * One of the things that an experiment compares.
 *
 * @param name        unique in its experiment
 * @param reference   the variant of the same experiment that it is compared with; empty for those that others are compared with
 * @param description of the policy, with what was changed about it
 */
public record AblationVariant(Experiment experiment, String name, Optional<String> reference, String description, ChunkPolicy policy,
        KvPolicy kv) {
}
