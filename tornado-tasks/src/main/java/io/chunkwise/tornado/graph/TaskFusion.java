package io.chunkwise.tornado.graph;

import io.chunkwise.model.forward.Activation;
import io.chunkwise.model.forward.LayerOp;
import io.chunkwise.model.forward.WeightRole;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Merges ops into fewer tasks, because every launch costs. Of a low-rank update the down half is computed before the first
 * projection of the same input, together with those of the other projections of that input; the up half joins the projection's
 * own sum. The ops that the tasks name, in order, are the description again.
 */
final class TaskFusion {

    private TaskFusion() {
    }

    /** @param adapted whether there can be an adapter; low-rank updates are left out otherwise */
    static List<LayerTask> fuse(List<LayerOp> ops, boolean adapted) {
        List<LayerTask> tasks = new ArrayList<>();
        Set<Activation> projectedDown = EnumSet.noneOf(Activation.class);
        for (int i = 0; i < ops.size(); i++) {
            LayerOp op = ops.get(i);
            if (op instanceof LayerOp.Project base && i + 1 < ops.size() && ops.get(i + 1) instanceof LayerOp.AddLowRank update) {
                requireUpdateOf(base, update);
                if (adapted) {
                    if (projectedDown.add(base.in())) {
                        tasks.add(new LayerTask.ProjectDown(base.in(), sitesReading(base.in(), ops.subList(i, ops.size()))));
                    }
                    tasks.add(new LayerTask.ProjectAndAddUp(base, update));
                } else {
                    tasks.add(new LayerTask.Alone(base));
                }
                i++;
            } else if (op instanceof LayerOp.AddLowRank update) {
                throw new IllegalArgumentException("the low-rank update of " + update.site() + " does not follow its projection");
            } else {
                tasks.add(new LayerTask.Alone(op));
            }
            written(op).ifPresent(projectedDown::remove);
        }
        return tasks;
    }

    // Up to where the input changes.
    private static List<WeightRole> sitesReading(Activation in, List<LayerOp> ops) {
        List<WeightRole> sites = new ArrayList<>();
        for (LayerOp op : ops) {
            if (op instanceof LayerOp.AddLowRank update && update.in() == in) {
                sites.add(update.site());
            }
            if (written(op).filter(in::equals).isPresent()) {
                break;
            }
        }
        int first = WeightRole.ADAPTABLE.indexOf(sites.getFirst());
        if (!sites.equals(WeightRole.ADAPTABLE.subList(first, first + sites.size()))) {
            throw new IllegalArgumentException("the sites " + sites + " that read " + in + " are not consecutive");
        }
        return sites;
    }

    private static void requireUpdateOf(LayerOp.Project base, LayerOp.AddLowRank update) {
        if (update.site() != base.weight() || update.in() != base.in() || update.out() != base.out()) {
            throw new IllegalArgumentException("the low-rank update of " + update.site() + " does not belong to the projection "
                    + base.weight());
        }
    }

    private static Optional<Activation> written(LayerOp op) {
        return switch (op) {
            case LayerOp.Embed(var out) -> Optional.of(out);
            case LayerOp.RmsNorm(_, _, var out) -> Optional.of(out);
            case LayerOp.Project(_, _, var out, _) -> Optional.of(out);
            case LayerOp.AddBias(_, var out) -> Optional.of(out);
            case LayerOp.AddLowRank(_, _, var out) -> Optional.of(out);
            case LayerOp.Rotate(var queryOrKey) -> Optional.of(queryOrKey);
            case LayerOp.RotateByHadamard(var heads) -> Optional.of(heads);
            case LayerOp.AppendKv _ -> Optional.empty();
            case LayerOp.Attend(_, var out) -> Optional.of(out);
            case LayerOp.SwiGlu(var gate, _) -> Optional.of(gate);
        };
    }
}
