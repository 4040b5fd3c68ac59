package io.chunkwise.tornado.graph;

import io.chunkwise.model.forward.LayerOp;
import io.chunkwise.model.forward.LayerOp.AddLowRank;
import io.chunkwise.model.forward.LayerOp.Attend;
import io.chunkwise.model.forward.LayerOp.Project;
import io.chunkwise.model.forward.LayerOp.RmsNorm;
import io.chunkwise.model.forward.LayerOp.RotateByHadamard;
import io.chunkwise.model.forward.LayerOp.SwiGlu;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What is done in one launch: an op of the description, or several ops and halves of ops. The down half of a low-rank update may be
 * in one task and its up half in a later one; the update is an op of the task where the description has it.
 */
sealed interface LayerTask {

    /** Ops of the description, in its order. */
    List<LayerOp> ops();

    /** Updates whose components this task computes. */
    default List<AddLowRank> projectedDown() {
        return List.of();
    }

    /** Updates whose components this task multiplies with their up half. */
    default List<AddLowRank> addedUp() {
        return List.of();
    }

    /** An op that stays alone; not a low-rank update. */
    record Alone(LayerOp op) implements LayerTask {
        @Override
        public List<LayerOp> ops() {
            return List.of(op);
        }
    }

    /** A low-rank update beside its projection: two launches. */
    record Apart(AddLowRank update) implements LayerTask {
        @Override
        public List<LayerOp> ops() {
            return List.of(update);
        }

        @Override
        public List<AddLowRank> projectedDown() {
            return List.of(update);
        }

        @Override
        public List<AddLowRank> addedUp() {
            return List.of(update);
        }
    }

    /** A norm, the projections that read it, and the down halves of their updates; the result is a stack. */
    record NormAndProject(RmsNorm norm, List<Project> projections, List<AddLowRank> updates) implements LayerTask {
        public NormAndProject {
            projections = List.copyOf(projections);
            updates = List.copyOf(updates);
        }

        @Override
        public List<LayerOp> ops() {
            List<LayerOp> ops = new ArrayList<>(List.of(norm));
            for (int i = 0; i < projections.size(); i++) {
                ops.add(projections.get(i));
                ops.addAll(updates.isEmpty() ? List.of() : List.of(updates.get(i)));
            }
            return ops;
        }

        @Override
        public List<AddLowRank> projectedDown() {
            return updates;
        }
    }

    /**
     * The up halves of the updates of query, key and value, and everything that is done to their heads.
     *
     * @param biased    whether there are biases
     * @param hadamard  whether heads are transformed by Hadamard
     */
    record FinishHeads(List<AddLowRank> updates, List<LayerOp> ops, boolean biased, boolean hadamard) implements LayerTask {
        public FinishHeads {
            updates = List.copyOf(updates);
            ops = List.copyOf(ops);
        }

        @Override
        public List<AddLowRank> addedUp() {
            return updates;
        }
    }

    /** Attention in splits, which the next task puts together. */
    record AttendSplits(Attend op) implements LayerTask {
        @Override
        public List<LayerOp> ops() {
            return List.of(op);
        }
    }

    /**
     * What is done to the heads that attention has left, and the down half of the update that reads them. At least one of both, unless
     * attention has left splits.
     */
    record FinishAttended(Optional<RotateByHadamard> transform, Optional<AddLowRank> update) implements LayerTask {
        @Override
        public List<LayerOp> ops() {
            return transform.stream().map(LayerOp.class::cast).toList();
        }

        @Override
        public List<AddLowRank> projectedDown() {
            return update.stream().toList();
        }
    }

    /** The up halves of the updates of gate and up, their product, and the down half of the update that reads it. */
    record MultiplySilu(List<AddLowRank> updates, SwiGlu product, Optional<AddLowRank> next) implements LayerTask {
        public MultiplySilu {
            updates = List.copyOf(updates);
        }

        @Override
        public List<LayerOp> ops() {
            return List.of(product);
        }

        @Override
        public List<AddLowRank> projectedDown() {
            return next.stream().toList();
        }

        @Override
        public List<AddLowRank> addedUp() {
            return updates;
        }
    }

    /** A projection and the up half of the update that follows it, whose components come in parts. */
    record ProjectAndAddUp(Project base, Optional<AddLowRank> update) implements LayerTask {
        @Override
        public List<LayerOp> ops() {
            return Stream.<LayerOp>concat(Stream.of(base), update.stream()).toList();
        }

        @Override
        public List<AddLowRank> addedUp() {
            return update.stream().toList();
        }
    }
}
