package io.chunkwise.ladder;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.model.Progress;
import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.adapter.AdapterSite;
import io.chunkwise.model.adapter.LowRankPair;
import io.chunkwise.model.cpu.CpuExecutorProvider;
import io.chunkwise.model.format.BlockCodec;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.format.TensorView;
import io.chunkwise.model.forward.AdapterExecution;
import io.chunkwise.model.forward.ExecutorOptions;
import io.chunkwise.model.forward.ForwardExecutor;
import io.chunkwise.model.forward.OutputRequest;
import io.chunkwise.model.forward.PassOutput;
import io.chunkwise.model.forward.TokenBatch;
import io.chunkwise.model.forward.WeightRole;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.model.llama.SyntheticLlama;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class MergedRungTest {
    private static final LlamaConfig CONFIG = SyntheticLlama.config(32, 3, 4, 2, 36, 64, 32);
    private static final int[] TOKENS = {1, 7, 33, 12, 12, 60, 3};
    private static final List<Rung> RUNGS = List.of(new Rung.Uniform(2), new Rung.Uniform(3), new Rung.Uniform(6));

    @ParameterizedTest
    @EnumSource(names = {"F32", "F16", "BF16"})
    void everyMergedWeightIsTheSumRoundedToTheFormat(TensorType type) {
        RankLadder ladder = ladder();
        try (LlamaModel base = SyntheticLlama.model(CONFIG, type, 3);
                LlamaModel merged = MergedRung.merge(base, ladder, RUNGS.getFirst(), Progress.NONE)) {
            ladder.sites().forEach((at, site) -> {
                float[] before = BlockCodec.decode(base.weights().get(at.role(), at.layer()));
                float[] after = BlockCodec.decode(merged.weights().get(at.role(), at.layer()));
                double[] update = Updates.product(site.pair(), 2);
                for (int i = 0; i < before.length; i++) {
                    double exact = before[i] + update[i];
                    double tolerance = Math.abs(exact) * relativeRounding(type) + 1e-6;
                    assertEquals(exact, after[i], tolerance, at + ", element " + i);
                }
            });
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "F16", "BF16"})
    void mergedAndResidualTogetherAreThePlainAdapterWithinRounding(TensorType type) {
        RankLadder ladder = ladder();
        Adapter plain = ladder.at(RUNGS);
        Adapter residual = MergedRung.residual(ladder, RUNGS);
        assertEquals(plain.groups(), residual.groups());
        try (LlamaModel base = SyntheticLlama.model(CONFIG, type, 3);
                LlamaModel merged = MergedRung.merge(base, ladder, RUNGS.getFirst(), Progress.NONE)) {
            for (int rung = 0; rung < RUNGS.size(); rung++) {
                float[] expected = logits(base, Optional.of(plain), RankLadder.gainsAt(plain, rung));
                float[] actual = logits(merged, Optional.of(residual), RankLadder.gainsAt(residual, rung));
                float[] without = logits(base, Optional.empty(), new float[0]);
                // Rounding of one weight averages out over inputs and adds up over layers: an order of magnitude on top of one rounding.
                double tolerance = 25 * relativeRounding(type) + 2e-5;
                assertTrue(largestDifference(expected, actual) <= tolerance, type + " at rung " + rung + ": off by "
                        + largestDifference(expected, actual) + ", tolerance " + tolerance);
                assertTrue(largestDifference(expected, without) > 4 * tolerance,
                        "the adapter changes too little for this test to mean anything");
            }
        }
    }

    @Test
    void theLowestRungIsAPassWithoutAdapterBitForBit() {
        RankLadder ladder = ladder();
        Adapter residual = MergedRung.residual(ladder, RUNGS);
        try (LlamaModel base = SyntheticLlama.model(CONFIG, TensorType.F16, 3);
                LlamaModel merged = MergedRung.merge(base, ladder, RUNGS.getFirst(), Progress.NONE)) {
            float[] without = logits(merged, Optional.empty(), new float[0]);
            assertArrayEquals(without, logits(merged, Optional.of(residual), RankLadder.gainsAt(residual, 0)));
            assertArrayEquals(without, logits(merged, Optional.of(residual), RankLadder.gainsAt(residual, -1)));
        }
    }

    @Test
    void theBaseIsLeftAsItIsAndSharesWhatTheRungDoesNotChange() {
        RankLadder ladder = ladder();
        try (LlamaModel base = SyntheticLlama.model(CONFIG, TensorType.F16, 3);
                LlamaModel same = SyntheticLlama.model(CONFIG, TensorType.F16, 3);
                LlamaModel merged = MergedRung.merge(base, ladder, RUNGS.getFirst(), Progress.NONE)) {
            for (WeightRole role : WeightRole.values()) {
                for (int layer = 0; role.isPresent(CONFIG) && layer < (role.isPerLayer() ? CONFIG.layers() : 1); layer++) {
                    TensorView weight = base.weights().get(role, layer);
                    assertEquals(-1, weight.data().mismatch(same.weights().get(role, layer).data()), role + " " + layer + " has changed");
                    boolean changed = WeightRole.ADAPTABLE.contains(role) && ladder.sites().containsKey(new AdapterSite(layer, role));
                    if (!changed) {
                        assertSame(weight, merged.weights().get(role, layer));
                    }
                }
            }
        }
    }

    @Test
    void aSiteWithoutComponentsInTheRungKeepsItsWeight() {
        RankLadder ladder = ladder();
        Rung threshold = new Rung.Threshold(ladder.thresholdForMeanRank(0.5));
        try (LlamaModel base = SyntheticLlama.model(CONFIG, TensorType.F16, 3);
                LlamaModel merged = MergedRung.merge(base, ladder, threshold, Progress.NONE)) {
            int kept = 0;
            for (Map.Entry<AdapterSite, LadderSite> entry : ladder.sites().entrySet()) {
                AdapterSite at = entry.getKey();
                boolean same = base.weights().get(at.role(), at.layer()) == merged.weights().get(at.role(), at.layer());
                assertEquals(entry.getValue().components(threshold) == 0, same, at.toString());
                kept += same ? 1 : 0;
            }
            assertTrue(kept > 0 && kept < ladder.sites().size(), kept + " sites are kept");
        }
    }

    @Test
    void aRungThatIsTheWholeAdapterLeavesNoSiteToTheResidual() {
        Adapter residual = MergedRung.residual(ladder(), List.of(new Rung.Uniform(6)));
        assertTrue(residual.sites().isEmpty(), residual.toString());
        assertEquals(1, residual.groups());
    }

    @Test
    void theResidualLacksTheFirstRungsComponentsAndHasTheOthersInTheirGroups() {
        RankLadder ladder = ladder();
        Adapter whole = ladder.at(RUNGS);
        Adapter residual = MergedRung.residual(ladder, RUNGS);
        residual.sites().forEach((at, pair) -> {
            LowRankPair before = whole.sites().get(at);
            assertArrayEquals(new int[] {0, 1, 4}, pair.groupEnd(), at.toString());
            double[] expected = Updates.product(before, 6);
            double[] lowest = Updates.product(before, 2);
            for (int i = 0; i < expected.length; i++) {
                expected[i] -= lowest[i];
            }
            Updates.assertClose(at.toString(), expected, Updates.product(pair, 4), 1e-6);
        });
    }

    @ParameterizedTest
    @EnumSource(names = {"Q8_0", "Q4_0"})
    void quantizedProjectionsAreRefused(TensorType type) {
        LlamaConfig config = SyntheticLlama.config(32, 2, 4, 2, 64, 64, 32);
        RankLadder ladder = LadderBuilder.build(SyntheticLlama.adapter(config, 6, 5), Progress.NONE);
        try (LlamaModel base = SyntheticLlama.model(config, type, 3)) {
            String message = assertThrows(IllegalArgumentException.class,
                    () -> MergedRung.merge(base, ladder, new Rung.Uniform(2), Progress.NONE)).getMessage();
            assertTrue(message.contains("layer 0 QUERY") && message.contains("it is " + type)
                    && message.contains("use an F32, F16 or BF16 model"), message);
            assertFalse(message.contains("\n"), message);
        }
    }

    @Test
    void aSumThatTheFormatCannotHoldIsRefused() {
        Map<AdapterSite, LadderSite> sites = new HashMap<>(ladder().sites());
        AdapterSite at = new AdapterSite(1, WeightRole.DOWN);
        LowRankPair pair = sites.get(at).pair();
        float[] up = pair.up().clone();
        up[5 * pair.rank()] = 1e7f;
        sites.put(at, new LadderSite(sites.get(at).sigmas(), new LowRankPair(pair.rank(), pair.inputs(), pair.outputs(), pair.down(), up)));
        RankLadder ladder = new RankLadder("huge", sites);
        try (LlamaModel base = SyntheticLlama.model(CONFIG, TensorType.F16, 3)) {
            String message = assertThrows(IllegalArgumentException.class,
                    () -> MergedRung.merge(base, ladder, new Rung.Uniform(1), Progress.NONE)).getMessage();
            assertTrue(message.contains("row 5 of layer 1 DOWN") && message.contains("F16 cannot hold"), message);
        }
    }

    @Test
    void anAdapterOfAnotherModelIsRefused() {
        LlamaConfig other = SyntheticLlama.config(24, 2, 4, 2, 20, 32, 32);
        try (LlamaModel base = SyntheticLlama.model(other, TensorType.F32, 3)) {
            String message = assertThrows(IllegalArgumentException.class,
                    () -> MergedRung.merge(base, ladder(), new Rung.Uniform(1), Progress.NONE)).getMessage();
            assertTrue(message.contains("does not fit the model"), message);
        }
    }

    private static RankLadder ladder() {
        return LadderBuilder.build(SyntheticLlama.adapter(CONFIG, 6, 5), Progress.NONE);
    }

    /** Half a unit in the last place, relative: of the format, and of the float arithmetic before it. */
    private static double relativeRounding(TensorType type) {
        return switch (type) {
            case F32 -> 0x1p-24;
            case F16 -> 0x1p-11;
            case BF16 -> 0x1p-8;
            case Q8_0, Q4_0 -> throw new IllegalArgumentException(type + " is not merged");
        };
    }

    private static float[] logits(LlamaModel model, Optional<Adapter> adapter, float[] gains) {
        // Merged components are not rounded by themselves, so that the others must not be, either.
        ExecutorOptions options = ExecutorOptions.withContext(CONFIG.contextLength()).with(AdapterExecution.EXACT);
        try (ForwardExecutor executor = new CpuExecutorProvider().open(model, options)) {
            executor.attach(adapter);
            PassOutput output = executor.run(TokenBatch.uniform(TOKENS, 0, gains), new OutputRequest.AllLogits());
            return assertInstanceOf(PassOutput.Logits.class, output).values().clone();
        }
    }

    private static double largestDifference(float[] one, float[] other) {
        double largest = 0;
        for (int i = 0; i < one.length; i++) {
            largest = Math.max(largest, Math.abs(one[i] - other[i]));
        }
        return largest;
    }
}
