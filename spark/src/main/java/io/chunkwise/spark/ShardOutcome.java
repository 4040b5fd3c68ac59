package io.chunkwise.spark;

import io.chunkwise.evaluate.Shard;
import io.chunkwise.runner.ShardedCommand.Problem;
import java.io.Serializable;
import java.util.Optional;

/**
 * What a task came to: a shard whose results are all in its file, or a problem that no other attempt would be rid of.
 *
 * @param exit of the problem; 0 for none
 * @param text of the problem; empty for none
 */
record ShardOutcome(int index, int exit, String text) implements Serializable {

    static ShardOutcome of(Shard shard, Optional<Problem> problem) {
        return new ShardOutcome(shard.index(), problem.map(Problem::exit).orElse(0), problem.map(Problem::text).orElse(""));
    }

    Optional<Problem> problem() {
        return exit == 0 ? Optional.empty() : Optional.of(new Problem(exit, text));
    }
}
