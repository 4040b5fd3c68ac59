package io.chunkwise.selection;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.fixtures.Ladders;
import io.chunkwise.fixtures.RandomPolicies;
import io.chunkwise.ladder.RankLadder;
import io.chunkwise.ladder.Rung;
import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.adapter.LowRankPair;
import io.chunkwise.model.kv.KvFormat;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.SyntheticLlama;
import io.chunkwise.policy.Band;
import io.chunkwise.policy.ChunkPolicy;
import io.chunkwise.policy.Estimation;
import io.chunkwise.policy.KvBounds;
import io.chunkwise.policy.RungKind;
import io.chunkwise.policy.SignalKind;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class RungSelectorTest {
    private static final LlamaConfig CONFIG = SyntheticLlama.config(16, 2, 2, 1, 24, 40, 64);

    @Test
    void thePlainAdapterIsItsOnlyGroupAtGainOne() {
        Adapter adapter = SyntheticLlama.adapter(CONFIG, 6, 1);
        RungSelector selector = RungSelector.plain(ChunkPolicy.uniformMax(), adapter);
        assertSame(adapter, selector.adapter().orElseThrow());
        assertArrayEquals(new float[] {1}, selector.select(0).gains());
        assertEquals("6", selector.select(0).rung());
        assertEquals(6, selector.select(0).components());
    }

    @Test
    void aRankOfZeroSwitchesThePlainAdapterOff() {
        RungSelector selector = RungSelector.plain(ChunkPolicy.uniform(0), SyntheticLlama.adapter(CONFIG, 6, 1));
        Selection off = selector.select(0);
        assertEquals("off", off.rung());
        assertEquals(0, off.components());
        assertEquals("synthetic-r6", selector.name());
    }

    @Test
    void anAdapterThatNoBandUsesIsNotAttached() {
        RankLadder ladder = Ladders.ladder(CONFIG, 8, 2);
        ChunkPolicy some = policy(RungKind.FIXED, new double[] {0, 2, 5, 3}, 1, 1, 0, 0.5f);
        ChunkPolicy none = policy(RungKind.FIXED, new double[] {0, 2, 5, 0}, 1, 0, 0, 1);
        for (RungSelector unused : List.of(RungSelector.plain(ChunkPolicy.uniform(0), SyntheticLlama.adapter(CONFIG, 6, 1)),
                RungSelector.of(none, ladder), RungSelector.merged(some, ladder, new Rung.Uniform(3)))) {
            assertEquals(Optional.empty(), unused.adapter());
            for (Selection rung : unused.rungs()) {
                assertArrayEquals(new float[0], rung.gains(), "gains of rung " + rung.rung());
            }
        }
        assertEquals(4, RungSelector.of(some, ladder).adapter().orElseThrow().groups(), "components 0-2, 2-3, 3-5, 5-8");
        assertEquals(3, RungSelector.merged(some, ladder, new Rung.Uniform(3)).select(1).components(), "what is merged stays on");
    }

    @Test
    void rungsOfAPlainAdapterAreRefused() {
        Adapter adapter = SyntheticLlama.adapter(CONFIG, 6, 1);
        assertEquals("policy 'uniform:4' cuts adapter 'synthetic-r6' of rank 6 into rungs, which takes a rank ladder",
                assertThrows(IllegalArgumentException.class, () -> RungSelector.plain(ChunkPolicy.uniform(4), adapter)).getMessage());
        assertEquals(6, RungSelector.plain(ChunkPolicy.uniform(64), adapter).select(0).components(), "a larger rank is the adapter's");
    }

    @Test
    void withoutAnAdapterThereIsNothingToSelect() {
        RungSelector base = RungSelector.base(ChunkPolicy.uniform(4));
        assertEquals(Optional.empty(), base.adapter());
        assertEquals("", base.name());
        assertArrayEquals(new float[0], base.select(0).gains());
    }

    @Test
    void bandsGetTheirRungsInAnyOrderAndLargeRanksAreClamped() {
        ChunkPolicy policy = policy(RungKind.FIXED, new double[] {4, 0, Band.ALL_COMPONENTS, 2, 64}, 1, 1, 0.5f, 1, 1);
        RungSelector selector = RungSelector.of(policy, Ladders.ladder(CONFIG, 8, 1));
        assertEquals(3, selector.adapter().orElseThrow().groups(), "components 0-2, 2-4, 4-8");
        assertArrayEquals(new float[] {1, 1, 0}, selector.select(0).gains());
        assertArrayEquals(new float[] {0, 0, 0}, selector.select(1).gains());
        assertArrayEquals(new float[] {0.5f, 0.5f, 0.5f}, selector.select(2).gains());
        assertArrayEquals(new float[] {1, 0, 0}, selector.select(3).gains());
        assertArrayEquals(new float[] {1, 1, 1}, selector.select(4).gains());
        assertEquals(List.of("4", "off", "8", "2", "8"), labels(selector, 5));
        assertEquals(List.of(8.0, 4.0, 2.0, 0.0), selector.choices(2).stream().map(Selection::components).toList());
    }

    @Test
    void aThresholdRungHasItsComponentsOnAverage() {
        ChunkPolicy policy = policy(RungKind.THRESHOLD, new double[] {2.5, Band.ALL_COMPONENTS, 5}, 1, 1, 1);
        RankLadder ladder = Ladders.ladder(CONFIG, 8, 3);
        RungSelector selector = RungSelector.of(policy, ladder);
        assertEquals(2.5, selector.select(0).components(), 1e-9);
        assertEquals(8, selector.select(1).components(), 1e-9);
        assertEquals(5, selector.select(2).components(), 1e-9);
        assertTrue(selector.select(0).rung().matches("σ ≥ [0-9.]+"), selector.select(0).rung());
        assertEquals("all", selector.select(1).rung());
        LowRankPair pair = selector.adapter().orElseThrow().sites().entrySet().iterator().next().getValue();
        assertEquals(3, pair.groupEnd().length);
    }

    @ParameterizedTest
    @EnumSource(RungKind.class)
    void choicesDescendToNoAdapterForAnyPolicy(RungKind kind) {
        for (long seed = 1; seed <= 30; seed++) {
            ChunkPolicy policy = RandomPolicies.policy(seed, 8, kind);
            RungSelector selector = RungSelector.of(policy, Ladders.ladder(CONFIG, 8, seed));
            for (int band = 0; band < policy.bands().size(); band++) {
                List<Selection> choices = selector.choices(band);
                assertEquals(choices.getFirst(), selector.select(band), "seed " + seed);
                assertEquals("off", choices.getLast().rung(), "seed " + seed);
                for (int i = 1; i < choices.size(); i++) {
                    assertTrue(choices.get(i).components() <= choices.get(i - 1).components(), "seed " + seed + ", band " + band + ": "
                            + choices);
                }
                double wanted = Math.min(8, policy.bands().get(band).components());
                assertEquals(wanted, selector.select(band).components(), 1.0 / 14, "seed " + seed + ", band " + band);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 3})
    void aMergedRungIsAlwaysOnAndTakesNoGain(int merged) {
        ChunkPolicy policy = policy(RungKind.FIXED, new double[] {0, 2, 5, Band.ALL_COMPONENTS}, 1, 1, 1, 0.5f);
        RankLadder ladder = Ladders.ladder(CONFIG, 8, 5);
        RungSelector selector = RungSelector.merged(policy, ladder, new Rung.Uniform(merged));
        Adapter residual = selector.adapter().orElseThrow();
        assertEquals(8 - merged, residual.maxRank());
        int groups = residual.groups();
        assertEquals(merged == 0 ? 4 : 3, groups, "what is merged is a group of its own, which is empty");
        for (int band = 0; band < 4; band++) {
            assertEquals(0, selector.select(band).gains()[0], "band " + band + ": gain of what is merged");
        }
        assertEquals(merged == 0 ? List.of("off", "2", "5", "8") : List.of("3", "3", "5", "8"), labels(selector, 4));
        assertEquals(Math.max(merged, 0), selector.select(0).components());
        assertEquals(Math.max(merged, 2), selector.select(1).components());
        assertEquals(5, selector.select(2).components());
        assertEquals(8, selector.select(3).components());
        assertEquals(0.5f, selector.select(3).gains()[groups - 1]);
        assertEquals(1, selector.select(2).gains()[groups - 2]);
        assertEquals(0, selector.select(2).gains()[groups - 1]);
    }

    private static List<String> labels(RungSelector selector, int bands) {
        List<String> labels = new ArrayList<>();
        for (int band = 0; band < bands; band++) {
            labels.add(selector.select(band).rung());
        }
        return labels;
    }

    private static ChunkPolicy policy(RungKind kind, double[] components, float... scales) {
        List<Band> bands = new ArrayList<>();
        for (int i = 0; i < components.length; i++) {
            bands.add(new Band("band" + i, 100.0 * (i + 1) / components.length, 1, 8, components[i], scales[i], List.of(KvFormat.FULL)));
        }
        return new ChunkPolicy("test", Estimation.NONE.withWeights(Map.of(SignalKind.NGRAM, 1.0)), kind, bands, 0, Double.POSITIVE_INFINITY,
                KvBounds.DEFAULT);
    }
}
