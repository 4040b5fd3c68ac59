package io.chunkwise.calibrate.budget;

import io.chunkwise.policy.ChunkPolicy;
import io.chunkwise.policy.KvPolicy;

/**
 * A policy that may be chosen.
 *
 * @param name of the policy, unique among those of the same KV policy
 * @param kvName of the KV policy with its bounds
 */
public record Candidate(String name, ChunkPolicy policy, String kvName, KvPolicy kv) {

    static Candidate full(String name, ChunkPolicy policy) {
        return new Candidate(name, policy, "full", new KvPolicy.Full());
    }

    Candidate with(String otherName, KvPolicy other) {
        return new Candidate(name, other instanceof KvPolicy.Adaptive(var bounds) ? policy.withKv(bounds) : policy, otherName, other);
    }

    /** Whether chunks differ. */
    public boolean adaptive() {
        return policy.estimates();
    }
}
