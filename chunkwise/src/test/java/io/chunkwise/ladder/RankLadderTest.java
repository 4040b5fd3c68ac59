package io.chunkwise.ladder;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.model.Progress;
import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.adapter.AdapterSite;
import io.chunkwise.model.adapter.LowRankPair;
import io.chunkwise.model.forward.WeightRole;
import io.chunkwise.model.llama.SyntheticLlama;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RankLadderTest {
    private static final AdapterSite WIDE = new AdapterSite(0, WeightRole.QUERY);
    private static final AdapterSite NARROW = new AdapterSite(2, WeightRole.DOWN);

    /** Two sites with given singular values. */
    private static RankLadder ladder() {
        return new RankLadder("two sites", Map.of(
                NARROW, new LadderSite(new float[] {4, 1}, Updates.random(2, 2, 5, 6)),
                WIDE, new LadderSite(new float[] {8, 4, 2, 0}, Updates.random(1, 4, 7, 8))));
    }

    @Test
    void sitesAreInTheOrderOfTheForwardPass() {
        assertEquals(List.of(WIDE, NARROW), List.copyOf(ladder().sites().keySet()));
        assertEquals(4, ladder().maxRank());
    }

    @Test
    void uniformRungsCutEverySiteAtTheRungOrItsRank() {
        Adapter adapter = ladder().at(List.of(new Rung.Uniform(0), new Rung.Uniform(1), new Rung.Uniform(3)));
        assertEquals(4, adapter.groups());
        assertArrayEquals(new int[] {0, 1, 3, 4}, adapter.sites().get(WIDE).groupEnd());
        assertArrayEquals(new int[] {0, 1, 2, 2}, adapter.sites().get(NARROW).groupEnd());
    }

    @Test
    void aTopRungThatIsTheWholeAdapterNeedsNoGroupAboveIt() {
        Adapter adapter = ladder().at(List.of(new Rung.Uniform(1), new Rung.Uniform(Integer.MAX_VALUE)));
        assertEquals(2, adapter.groups());
        assertArrayEquals(new int[] {1, 4}, adapter.sites().get(WIDE).groupEnd());
        assertArrayEquals(new int[] {1, 2}, adapter.sites().get(NARROW).groupEnd());
    }

    @Test
    void thresholdsCutEverySiteAtItsOwnRank() {
        Adapter adapter = ladder().at(List.of(new Rung.Threshold(5), new Rung.Threshold(4), new Rung.Threshold(1), new Rung.Threshold(0)));
        assertArrayEquals(new int[] {1, 2, 3, 4}, adapter.sites().get(WIDE).groupEnd());
        assertArrayEquals(new int[] {0, 1, 2, 2}, adapter.sites().get(NARROW).groupEnd());
    }

    @Test
    void withoutRungsTheWholeAdapterIsOneGroup() {
        Adapter adapter = ladder().at(List.of());
        assertEquals(1, adapter.groups());
        assertArrayEquals(new int[] {4}, adapter.sites().get(WIDE).groupEnd());
    }

    @Test
    void slicingSharesTheFactors() {
        RankLadder ladder = ladder();
        Adapter adapter = ladder.at(List.of(new Rung.Uniform(1)));
        assertSame(ladder.sites().get(WIDE).pair().up(), adapter.sites().get(WIDE).up());
        assertSame(ladder.sites().get(WIDE).pair().down(), adapter.sites().get(WIDE).down());
    }

    @Test
    void rungsThatDescendAtAnySiteAreRefused() {
        String message = assertThrows(IllegalArgumentException.class,
                () -> ladder().at(List.of(new Rung.Uniform(2), new Rung.Threshold(4)))).getMessage();
        assertTrue(message.contains("DOWN") && message.contains("fewer"), message);
        assertThrows(IllegalArgumentException.class, () -> ladder().at(List.of(new Rung.Uniform(2), new Rung.Uniform(1))));
    }

    @Test
    void gainsAreOneUpToTheRungAndZeroAbove() {
        Adapter adapter = ladder().at(List.of(new Rung.Uniform(0), new Rung.Uniform(1)));
        assertArrayEquals(new float[] {0, 0, 0}, RankLadder.gainsAt(adapter, -1));
        assertArrayEquals(new float[] {1, 0, 0}, RankLadder.gainsAt(adapter, 0));
        assertArrayEquals(new float[] {1, 1, 0}, RankLadder.gainsAt(adapter, 1));
        assertArrayEquals(new float[] {1, 1, 1}, RankLadder.gainsAt(adapter, 2));
        assertThrows(IllegalArgumentException.class, () -> RankLadder.gainsAt(adapter, 3));
        assertThrows(IllegalArgumentException.class, () -> RankLadder.gainsAt(adapter, -2));
    }

    @Test
    void rankZeroUsesNoComponentAnywhere() {
        Adapter adapter = ladder().at(List.of(new Rung.Uniform(0)));
        for (LowRankPair pair : adapter.sites().values()) {
            assertEquals(0, pair.activeRank(1));
        }
    }

    @Test
    void impossibleRungsAndLaddersAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> new Rung.Uniform(-1));
        assertThrows(IllegalArgumentException.class, () -> new Rung.Threshold(Float.NaN));
        assertThrows(IllegalArgumentException.class, () -> new Rung.Threshold(-1));
        assertThrows(IllegalArgumentException.class, () -> new RankLadder("none", Map.of()));
        LowRankPair pair = Updates.random(1, 2, 3, 4);
        assertThrows(IllegalArgumentException.class, () -> new LadderSite(new float[] {1}, pair));
        assertThrows(IllegalArgumentException.class, () -> new LadderSite(new float[] {1, 2}, pair));
        assertThrows(IllegalArgumentException.class, () -> new LadderSite(new float[] {1, Float.NaN}, pair));
        assertThrows(IllegalArgumentException.class, () -> new LadderSite(new float[] {1, -1}, pair));
    }

    @Test
    void theThresholdForAMeanRankKeepsThatManyComponentsOverAllSites() {
        RankLadder ladder = ladder();
        assertEquals(Float.POSITIVE_INFINITY, ladder.thresholdForMeanRank(0));
        assertEquals(8, ladder.thresholdForMeanRank(0.5));
        assertEquals(4, ladder.thresholdForMeanRank(1.5));
        assertEquals(1, ladder.thresholdForMeanRank(2.5));
        assertEquals(0, ladder.thresholdForMeanRank(3));
        assertEquals(0, ladder.thresholdForMeanRank(1e30));
        assertThrows(IllegalArgumentException.class, () -> ladder.thresholdForMeanRank(-1));
        assertThrows(IllegalArgumentException.class, () -> ladder.thresholdForMeanRank(Double.NaN));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 8})
    void everyRungIsCloserToThePlainAdapterAndTheLastOneEqualsIt(int rank) {
        Adapter plain = SyntheticLlama.adapter(SyntheticLlama.config(24, 2, 4, 2, 20, 32, 64), rank, 9);
        RankLadder ladder = LadderBuilder.build(plain, Progress.NONE);
        List<Rung> rungs = new ArrayList<>();
        for (int r = 0; r <= rank; r++) {
            rungs.add(new Rung.Uniform(r));
        }
        Adapter laddered = ladder.at(rungs);
        assertEquals(plain.sites().keySet(), laddered.sites().keySet());
        laddered.sites().forEach((at, pair) -> {
            double[] full = Updates.product(plain.sites().get(at), rank);
            double before = Double.POSITIVE_INFINITY;
            for (int rung = 0; rung <= rank; rung++) {
                double error = Updates.distance(full, Updates.product(pair, pair.activeRank(rung + 1)));
                assertTrue(error < before, at + " rung " + rung + ": " + error + " after " + before);
                before = error;
            }
            Updates.assertClose(at + " at full rank", full, Updates.product(pair, rank), 1e-5);
        });
    }

    @Test
    void progressIsReportedPerSiteToTheEnd() {
        Adapter plain = SyntheticLlama.adapter(SyntheticLlama.config(8, 1, 2, 1, 8, 8, 8), 2, 9);
        List<Long> done = new ArrayList<>();
        LadderBuilder.build(plain, (stage, at, total) -> {
            assertEquals(7, total);
            done.add(at);
        });
        assertEquals(List.of(0L, 1L, 2L, 3L, 4L, 5L, 6L, 7L), done);
    }
}
