package io.chunkwise.tornado.graph;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.chunkwise.model.fixtures.ModelCase;
import io.chunkwise.model.forward.Activation;
import io.chunkwise.model.forward.LayerOp;
import io.chunkwise.model.forward.LlamaForward;
import io.chunkwise.model.forward.WeightRole;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Fused tasks are the description, in order. */
class TaskFusionTest {

    @ParameterizedTest
    @MethodSource("io.chunkwise.model.fixtures.ModelCase#all")
    void flatteningGivesBackTheOps(ModelCase model) {
        LlamaForward forward = new LlamaForward(model.config(), false);
        for (List<LayerOp> ops : List.of(forward.embedding(), forward.layer(), forward.head())) {
            assertEquals(ops, flatten(TaskFusion.fuse(ops, true)));
            assertEquals(ops.stream().filter(op -> !(op instanceof LayerOp.AddLowRank)).toList(), flatten(TaskFusion.fuse(ops, false)));
        }
    }

    @ParameterizedTest
    @MethodSource("io.chunkwise.model.fixtures.ModelCase#all")
    void everySiteIsProjectedDownOnceBeforeItIsAddedUp(ModelCase model) {
        Set<WeightRole> down = new HashSet<>();
        int added = 0;
        for (LayerTask task : TaskFusion.fuse(new LlamaForward(model.config(), false).layer(), true)) {
            switch (task) {
                case LayerTask.ProjectDown(_, var sites) -> sites.forEach(site -> assertEquals(true, down.add(site), site + " twice"));
                case LayerTask.ProjectAndAddUp(_, var update) -> {
                    assertEquals(true, down.contains(update.site()), update.site() + " before it is projected down");
                    added++;
                }
                case LayerTask.Alone _ -> {
                }
            }
        }
        assertEquals(WeightRole.ADAPTABLE.size(), added);
    }

    @Test
    void anAdapterCostsFourTasksPerLayer() {
        List<LayerOp> layer = new LlamaForward(ModelCase.small().config(), false).layer();
        assertEquals(14, TaskFusion.fuse(layer, false).size());
        assertEquals(18, TaskFusion.fuse(layer, true).size());
    }

    @Test
    void aLowRankUpdateWithoutItsProjectionIsRefused() {
        LayerOp update = new LayerOp.AddLowRank(Activation.NORMED, WeightRole.QUERY, Activation.QUERY);
        assertThrows(IllegalArgumentException.class, () -> TaskFusion.fuse(List.of(update), true));
        LayerOp other = new LayerOp.Project(Activation.NORMED, WeightRole.KEY, Activation.KEY, false);
        assertThrows(IllegalArgumentException.class, () -> TaskFusion.fuse(List.of(other, update), true));
    }

    private static List<LayerOp> flatten(List<LayerTask> tasks) {
        List<LayerOp> ops = new ArrayList<>();
        for (LayerTask task : tasks) {
            switch (task) {
                case LayerTask.Alone(var op) -> ops.add(op);
                case LayerTask.ProjectDown _ -> {
                }
                case LayerTask.ProjectAndAddUp(var base, var update) -> ops.addAll(List.of(base, update));
            }
        }
        return ops;
    }
}
