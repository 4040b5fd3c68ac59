package io.chunkwise.selection;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.crossfade.GainSchedule;
import io.chunkwise.fixtures.Ladders;
import io.chunkwise.fixtures.RandomPolicies;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.SyntheticLlama;
import io.chunkwise.policy.Band;
import io.chunkwise.policy.ChunkPolicy;
import io.chunkwise.policy.RungKind;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RankBudgetTest {
    private static final LlamaConfig CONFIG = SyntheticLlama.config(16, 2, 2, 1, 24, 40, 64);

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
    void theMeanStaysWithinTheBudgetAfterEveryRow(long seed) {
        ChunkPolicy policy = RandomPolicies.policy(seed, 8, RungKind.FIXED);
        int fade = policy.fadeTokens();
        Random random = new Random(seed);
        double bound = 0.5 + 6 * random.nextDouble();
        RungSelector selector = RungSelector.of(policy, Ladders.ladder(CONFIG, 8, seed));
        RankBudget budget = new RankBudget(bound, fade);
        GainSchedule gains = new GainSchedule(fade);
        float[] row = new float[selector.adapter().orElseThrow().groups()];
        double sum = 0;
        double highest = 0;
        int rows = 0;
        for (int chunk = 0; chunk < 300; chunk++) {
            int band = random.nextInt(policy.bands().size());
            Band of = policy.bands().get(band);
            Selection chosen = budget.choose(selector, band, gains.components(), chunk > 0, of.maxTokens());
            assertTrue(chosen.components() <= selector.select(band).components(), "seed " + seed + ": a budget only lowers");
            if (chunk == 0) {
                gains.begin(chosen.gains(), chosen.components());
            } else {
                gains.fadeTo(chosen.gains(), chosen.components());
            }
            // Chunks end as late as their band allows, or earlier, but not within their own fade.
            int length = Math.min(of.maxTokens(), Math.max(fade, of.minTokens() + random.nextInt(of.maxTokens() - of.minTokens() + 1)));
            if (length < fade) {
                continue;
            }
            for (int i = 0; i < length; i++) {
                gains.next(row, 0);
                budget.spend(gains.components());
                sum += gains.components();
                rows++;
                assertTrue(sum <= bound * rows + 1e-6, "seed " + seed + ", chunk " + chunk + ", row " + rows + ": mean "
                        + sum / rows + " of a budget of " + bound);
            }
            highest = Math.max(highest, chosen.components());
        }
        assertTrue(highest > 0, "seed " + seed + ": no chunk got an adapter within " + bound);
    }

    @Test
    void whatEasyChunksLeaveHardOnesMayUse() {
        ChunkPolicy policy = ChunkPolicy.uniform(8);
        RungSelector selector = RungSelector.of(policy, Ladders.ladder(CONFIG, 8, 1));
        RankBudget budget = new RankBudget(4, 0);
        assertEquals("off", budget.choose(selector, 0, 0, true, 10).rung(), "nothing is left over at the start");
        for (int i = 0; i < 10; i++) {
            budget.spend(0);
        }
        assertEquals("8", budget.choose(selector, 0, 0, true, 10).rung(), "10 rows of 0 and 10 of 8 are 4 on average");
        assertEquals("off", budget.choose(selector, 0, 0, true, 11).rung());
        budget.reset();
        assertEquals("off", budget.choose(selector, 0, 0, true, 10).rung());
    }

    @Test
    void withoutABudgetEveryBandGetsItsRung() {
        RungSelector selector = RungSelector.of(ChunkPolicy.uniform(8), Ladders.ladder(CONFIG, 8, 1));
        RankBudget none = new RankBudget(Double.POSITIVE_INFINITY, 4);
        none.spend(1e9);
        assertSame(selector.select(0), none.choose(selector, 0, 0, true, 1000));
    }
}
