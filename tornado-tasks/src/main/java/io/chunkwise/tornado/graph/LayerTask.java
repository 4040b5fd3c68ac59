package io.chunkwise.tornado.graph;

import io.chunkwise.model.forward.Activation;
import io.chunkwise.model.forward.LayerOp;
import io.chunkwise.model.forward.WeightRole;
import java.util.List;

/** One task of a graph: an op of the description, or several ops and parts of ops in one. */
sealed interface LayerTask {

    /** An op that stays alone. */
    record Alone(LayerOp op) implements LayerTask {
    }

    /** The down half of all low-rank updates that read {@code in}; sites are consecutive. */
    record ProjectDown(Activation in, List<WeightRole> sites) implements LayerTask {
        public ProjectDown {
            sites = List.copyOf(sites);
        }
    }

    /** A projection and the up half of the low-rank update that follows it. */
    record ProjectAndAddUp(LayerOp.Project base, LayerOp.AddLowRank update) implements LayerTask {
    }
}
