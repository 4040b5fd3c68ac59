package io.chunkwise.model.cpu;

import io.chunkwise.model.forward.Activation;
import io.chunkwise.model.forward.LayerOp;
import java.util.ArrayList;
import java.util.List;

/**
 * Ops that the executor acts on at once. Consecutive projections of one input, with their low-rank updates, become one
 * step: whatever reads only the input is one job of the team instead of up to six, and an adapter costs no extra waiting
 * for its first half.
 */
sealed interface Step {

    record Single(LayerOp op) implements Step {
    }

    /**
     * Base projections, then updates; every update belongs to one of the projections.
     *
     * @param in read by all of them, written by none
     */
    record Projections(Activation in, List<LayerOp.Project> bases, List<LayerOp.AddLowRank> updates) implements Step {
    }

    /** The same ops in the same order, except that updates move behind the projections of their step. */
    static List<Step> plan(List<LayerOp> ops) {
        List<Step> steps = new ArrayList<>();
        for (LayerOp op : ops) {
            Projections open = !steps.isEmpty() && steps.getLast() instanceof Projections last ? last : null;
            switch (op) {
                case LayerOp.Project base -> {
                    if (open == null || open.in() != base.in() || base.out() == open.in() || writes(open, base.out())) {
                        open = new Projections(base.in(), new ArrayList<>(), new ArrayList<>());
                        steps.add(open);
                    }
                    open.bases().add(base);
                }
                case LayerOp.AddLowRank update -> {
                    if (open == null || open.in() != update.in() || !writes(open, update.out())) {
                        open = new Projections(update.in(), new ArrayList<>(), new ArrayList<>());
                        steps.add(open);
                    }
                    open.updates().add(update);
                }
                case LayerOp.Embed _, LayerOp.RmsNorm _, LayerOp.AddBias _, LayerOp.Rotate _, LayerOp.RotateByHadamard _,
                        LayerOp.AppendKv _, LayerOp.Attend _, LayerOp.SwiGlu _ -> steps.add(new Single(op));
            }
        }
        return List.copyOf(steps);
    }

    private static boolean writes(Projections step, Activation out) {
        return step.bases().stream().anyMatch(base -> base.out() == out);
    }
}
