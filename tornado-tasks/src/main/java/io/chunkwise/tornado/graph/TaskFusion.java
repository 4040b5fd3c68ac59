package io.chunkwise.tornado.graph;

import io.chunkwise.model.forward.Activation;
import io.chunkwise.model.forward.LayerOp;
import io.chunkwise.model.forward.LayerOp.AddBias;
import io.chunkwise.model.forward.LayerOp.AddLowRank;
import io.chunkwise.model.forward.LayerOp.AppendKv;
import io.chunkwise.model.forward.LayerOp.Attend;
import io.chunkwise.model.forward.LayerOp.Project;
import io.chunkwise.model.forward.LayerOp.RmsNorm;
import io.chunkwise.model.forward.LayerOp.Rotate;
import io.chunkwise.model.forward.LayerOp.RotateByHadamard;
import io.chunkwise.model.forward.LayerOp.SwiGlu;
import io.chunkwise.model.forward.WeightRole;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * Merges ops into fewer tasks, because every launch costs: of an attention block five remain, of a feed-forward block three, whether or
 * not there are low-rank updates. The ops that the tasks name, in order, are the description again. What does not look as expected
 * stays apart.
 */
final class TaskFusion {
    private final List<LayerOp> ops;
    private final boolean adapted;
    private final boolean split;
    private final Predicate<List<WeightRole>> stackable;
    private final List<LayerTask> tasks = new ArrayList<>();
    private int next;

    private TaskFusion(List<LayerOp> ops, boolean adapted, boolean split, Predicate<List<WeightRole>> stackable) {
        this.ops = ops;
        this.adapted = adapted;
        this.split = split;
        this.stackable = stackable;
    }

    /**
     * @param adapted   whether there can be an adapter; low-rank updates are left out otherwise
     * @param split     whether attention leaves splits for the task that follows it
     * @param stackable whether one task can read these weights, two or three
     */
    static List<LayerTask> fuse(List<LayerOp> ops, boolean adapted, boolean split, Predicate<List<WeightRole>> stackable) {
        TaskFusion fusion = new TaskFusion(ops, adapted, split, stackable);
        while (fusion.next < ops.size()) {
            if (!fusion.fuseAttention() && !fusion.fuseOutput() && !fusion.fuseFeedForward()) {
                fusion.keep(ops.get(fusion.next));
                fusion.next++;
            }
        }
        return fusion.tasks;
    }

    /** Every op alone, and two launches for each low-rank update. */
    static List<LayerTask> keepApart(List<LayerOp> ops, boolean adapted) {
        TaskFusion fusion = new TaskFusion(ops, adapted, false, _ -> false);
        ops.forEach(fusion::keep);
        return fusion.tasks;
    }

    private void keep(LayerOp op) {
        if (!(op instanceof AddLowRank update)) {
            tasks.add(new LayerTask.Alone(op));
        } else if (adapted) {
            tasks.add(new LayerTask.Apart(update));
        }
    }

    // The norm up to what is appended to the KV cache.
    private boolean fuseAttention() {
        Cursor cursor = new Cursor(next);
        Optional<LayerTask.NormAndProject> stack = cursor.normAndProject(3);
        if (stack.isEmpty()) {
            return false;
        }
        int first = cursor.at;
        boolean biased = cursor.take(AddBias.class, 3);
        boolean rotated = cursor.take(Rotate.class, 2);
        boolean transformed = cursor.take(RotateByHadamard.class, 3);
        if (!rotated || !cursor.take(AppendKv.class, 1)) {
            return false;
        }
        tasks.add(stack.get());
        tasks.add(new LayerTask.FinishHeads(stack.get().updates(), ops.subList(first, cursor.at), biased, transformed));
        next = cursor.at;
        return true;
    }

    // Attention up to the projection that reads it.
    private boolean fuseOutput() {
        if (!(ops.get(next) instanceof Attend attend) || next + 1 == ops.size()) {
            return false;
        }
        Cursor cursor = new Cursor(next + 1);
        Optional<RotateByHadamard> transform = ops.get(next + 1) instanceof RotateByHadamard op ? Optional.of(op) : Optional.empty();
        cursor.at += transform.isPresent() ? 1 : 0;
        Optional<LayerTask.ProjectAndAddUp> project = cursor.projectAndAddUp(attend.out());
        project.ifPresent(task -> {
            tasks.add(split ? new LayerTask.AttendSplits(attend) : new LayerTask.Alone(attend));
            if (split || transform.isPresent() || task.update().isPresent()) {
                tasks.add(new LayerTask.FinishAttended(transform, task.update()));
            }
            tasks.add(task);
            next = cursor.at;
        });
        return project.isPresent();
    }

    private boolean fuseFeedForward() {
        Cursor cursor = new Cursor(next);
        Optional<LayerTask.NormAndProject> stack = cursor.normAndProject(2);
        if (stack.isEmpty() || cursor.at == ops.size() || !(ops.get(cursor.at) instanceof SwiGlu product)) {
            return false;
        }
        cursor.at++;
        Optional<LayerTask.ProjectAndAddUp> project = cursor.projectAndAddUp(product.gate());
        project.ifPresent(task -> {
            tasks.add(stack.get());
            tasks.add(new LayerTask.MultiplySilu(stack.get().updates(), product, task.update()));
            tasks.add(task);
            next = cursor.at;
        });
        return project.isPresent();
    }

    /** Reads on without deciding anything. */
    private final class Cursor {
        private int at;

        private Cursor(int at) {
            this.at = at;
        }

        /** A norm and {@code count} projections of it, each with its update. */
        private Optional<LayerTask.NormAndProject> normAndProject(int count) {
            if (at + 2 * count >= ops.size() || !(ops.get(at) instanceof RmsNorm norm)) {
                return Optional.empty();
            }
            List<Project> projections = new ArrayList<>();
            List<AddLowRank> updates = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                if (!(ops.get(at + 1 + 2 * i) instanceof Project base && ops.get(at + 2 + 2 * i) instanceof AddLowRank update)
                        || base.in() != norm.out() || base.accumulate() || !isOf(base, update)) {
                    return Optional.empty();
                }
                projections.add(base);
                updates.add(update);
            }
            if (!stackable.test(projections.stream().map(Project::weight).toList())) {
                return Optional.empty();
            }
            at += 1 + 2 * count;
            return Optional.of(new LayerTask.NormAndProject(norm, projections, adapted ? updates : List.of()));
        }

        private Optional<LayerTask.ProjectAndAddUp> projectAndAddUp(Activation in) {
            if (at + 1 < ops.size() && ops.get(at) instanceof Project base && ops.get(at + 1) instanceof AddLowRank update
                    && base.in() == in && isOf(base, update)) {
                at += 2;
                return Optional.of(new LayerTask.ProjectAndAddUp(base, adapted ? Optional.of(update) : Optional.empty()));
            }
            return Optional.empty();
        }

        /** Whether {@code count} ops of this kind are next; then they are taken. */
        private boolean take(Class<? extends LayerOp> kind, int count) {
            boolean all = at + count <= ops.size() && ops.subList(at, at + count).stream().allMatch(kind::isInstance);
            at += all ? count : 0;
            return all;
        }

        private static boolean isOf(Project base, AddLowRank update) {
            return update.site() == base.weight() && update.in() == base.in() && update.out() == base.out();
        }
    }
}
