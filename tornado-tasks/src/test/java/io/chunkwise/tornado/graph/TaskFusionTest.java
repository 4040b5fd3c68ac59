package io.chunkwise.tornado.graph;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import io.chunkwise.model.fixtures.ModelCase;
import io.chunkwise.model.forward.Activation;
import io.chunkwise.model.forward.LayerOp;
import io.chunkwise.model.forward.LlamaForward;
import io.chunkwise.model.forward.WeightRole;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Fused tasks are the description, in order. */
class TaskFusionTest {

    private static List<LayerTask> fuse(List<LayerOp> ops, boolean adapted) {
        return TaskFusion.fuse(ops, adapted, false, _ -> true);
    }

    private static List<LayerTask> fuseSplits(List<LayerOp> ops, boolean adapted) {
        return TaskFusion.fuse(ops, adapted, true, _ -> true);
    }

    private static Stream<List<LayerOp>> graphs(ModelCase model) {
        return Stream.of(false, true).map(quantizable -> new LlamaForward(model.config(), quantizable))
                .flatMap(forward -> Stream.of(forward.embedding(), forward.layer(), forward.head()));
    }

    @ParameterizedTest
    @MethodSource("io.chunkwise.model.fixtures.ModelCase#all")
    void flatteningGivesBackTheOps(ModelCase model) {
        graphs(model).forEach(ops -> {
            List<LayerOp> base = ops.stream().filter(op -> !(op instanceof LayerOp.AddLowRank)).toList();
            assertEquals(ops, flatten(fuse(ops, true)));
            assertEquals(base, flatten(fuse(ops, false)));
            assertEquals(ops, flatten(fuseSplits(ops, true)));
            assertEquals(base, flatten(fuseSplits(ops, false)));
            assertEquals(ops, flatten(TaskFusion.keepApart(ops, true)));
            assertEquals(base, flatten(TaskFusion.keepApart(ops, false)));
            assertEquals(ops, flatten(TaskFusion.fuse(ops, true, false, _ -> false)), "nothing can be stacked");
        });
    }

    @ParameterizedTest
    @MethodSource("io.chunkwise.model.fixtures.ModelCase#all")
    void everyUpdateIsProjectedDownOnceWhenItsInputIsThereAndAddedUpOnceAfterItsProjection(ModelCase model) {
        List<LayerOp> ops = new LlamaForward(model.config(), true).layer();
        for (List<LayerTask> tasks : List.of(fuse(ops, true), fuseSplits(ops, true), TaskFusion.keepApart(ops, true))) {
            List<LayerOp> done = new ArrayList<>();
            List<LayerOp.AddLowRank> down = new ArrayList<>();
            List<LayerOp.AddLowRank> up = new ArrayList<>();
            for (LayerTask task : tasks) {
                up.addAll(task.addedUp());
                done.addAll(task.ops());
                down.addAll(task.projectedDown());
                for (LayerOp.AddLowRank update : task.projectedDown()) {
                    // Between the op that writes the input and the update there are only ops that read it.
                    assertEquals(true, done.containsAll(ops.subList(0, lastWriter(ops, update) + 1)), update.site() + " too early");
                }
                for (LayerOp.AddLowRank update : task.addedUp()) {
                    assertEquals(true, down.contains(update), update.site() + " before it is projected down");
                    assertEquals(true, done.contains(ops.get(ops.indexOf(update) - 1)), update.site() + " before its projection");
                }
            }
            assertEquals(WeightRole.ADAPTABLE, down.stream().map(LayerOp.AddLowRank::site).toList());
            assertEquals(WeightRole.ADAPTABLE, up.stream().map(LayerOp.AddLowRank::site).toList());
        }
    }

    private static int lastWriter(List<LayerOp> ops, LayerOp.AddLowRank update) {
        int last = -1;
        for (int i = 0; i < ops.indexOf(update); i++) {
            boolean writes = switch (ops.get(i)) {
                case LayerOp.RmsNorm(_, _, var out) -> out == update.in();
                case LayerOp.Attend(_, var out) -> out == update.in();
                case LayerOp.RotateByHadamard(var heads) -> heads == update.in();
                case LayerOp.SwiGlu(var gate, _) -> gate == update.in();
                case LayerOp.Embed _, LayerOp.Project _, LayerOp.AddBias _, LayerOp.AddLowRank _, LayerOp.Rotate _,
                        LayerOp.AppendKv _ -> false;
            };
            last = writes ? i : last;
        }
        return last;
    }

    @ParameterizedTest
    @MethodSource("io.chunkwise.model.fixtures.ModelCase#all")
    void aLayerWithAllUpdatesIsEightTasks(ModelCase model) {
        for (boolean quantizable : new boolean[] {false, true}) {
            List<LayerOp> layer = new LlamaForward(model.config(), quantizable).layer();
            assertEquals(8, fuse(layer, true).size(), "quantizable cache " + quantizable);
            assertEquals(quantizable ? 8 : 7, fuse(layer, false).size(), "without updates, quantizable cache " + quantizable);
            assertEquals(8, fuseSplits(layer, true).size(), "attention in splits, quantizable cache " + quantizable);
            assertEquals(8, fuseSplits(layer, false).size(), "attention in splits without updates, quantizable cache " + quantizable);
        }
    }

    @ParameterizedTest
    @MethodSource("io.chunkwise.model.fixtures.ModelCase#all")
    void splitsArePutTogetherByTheTaskThatFollowsThem(ModelCase model) {
        for (boolean quantizable : new boolean[] {false, true}) {
            for (boolean adapted : new boolean[] {false, true}) {
                List<LayerTask> tasks = fuseSplits(new LlamaForward(model.config(), quantizable).layer(), adapted);
                int attend = tasks.stream().map(LayerTask::getClass).toList().indexOf(LayerTask.AttendSplits.class);
                assertInstanceOf(LayerTask.FinishAttended.class, tasks.get(attend + 1));
            }
        }
    }

    @Test
    void aLowRankUpdateOfSomethingElseStaysApart() {
        LayerOp norm = new LayerOp.RmsNorm(Activation.RESIDUAL, WeightRole.FFN_NORM, Activation.NORMED);
        LayerOp gate = new LayerOp.Project(Activation.NORMED, WeightRole.GATE, Activation.GATE, false);
        LayerOp other = new LayerOp.AddLowRank(Activation.NORMED, WeightRole.UP, Activation.UP);
        List<LayerOp> ops = List.of(norm, gate, other, gate, other, new LayerOp.SwiGlu(Activation.GATE, Activation.UP));
        assertEquals(ops, flatten(fuse(ops, true)));
        assertEquals(ops.size(), fuse(ops, true).size());
    }

    private static List<LayerOp> flatten(List<LayerTask> tasks) {
        return tasks.stream().flatMap(task -> task.ops().stream()).toList();
    }
}
