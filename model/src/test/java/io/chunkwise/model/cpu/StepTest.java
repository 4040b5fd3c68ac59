package io.chunkwise.model.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.model.fixtures.ModelCase;
import io.chunkwise.model.forward.LayerOp;
import io.chunkwise.model.forward.LlamaForward;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class StepTest {

    @ParameterizedTest
    @MethodSource("io.chunkwise.model.fixtures.ModelCase#all")
    void stepsHaveTheSameOpsAndUpdatesStayInFrontOfWhateverReadsThem(ModelCase model) {
        LlamaForward forward = new LlamaForward(model.config(), false);
        for (List<LayerOp> ops : List.of(forward.embedding(), forward.layer(), forward.head())) {
            List<LayerOp> flat = new ArrayList<>();
            for (Step step : Step.plan(ops)) {
                switch (step) {
                    case Step.Single(var op) -> flat.add(op);
                    case Step.Projections(var in, var bases, var updates) -> {
                        List<LayerOp> together = Stream.<LayerOp>concat(bases.stream(), updates.stream()).toList();
                        // They are consecutive in the description, too, whatever their order.
                        assertEquals(new HashSet<>(ops.subList(flat.size(), flat.size() + together.size())), new HashSet<>(together));
                        assertTrue(bases.stream().allMatch(base -> base.in() == in && base.out() != in), "bases read " + in);
                        assertTrue(updates.stream().allMatch(update -> update.in() == in), "updates read " + in);
                        assertEquals(bases.size(), bases.stream().map(LayerOp.Project::out).distinct().count(),
                                "every base has an output of its own");
                        flat.addAll(together);
                    }
                }
            }
            assertEquals(ops.size(), flat.size());
        }
    }
}
