package io.chunkwise.policy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.fixtures.Ladders;
import io.chunkwise.ladder.TokenBenefit;
import io.chunkwise.model.kv.KvFormat;
import io.chunkwise.model.kv.KvReservation;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ChunkPolicyTest {

    @Test
    void builtInNamesAreThoseOfPoliciesAndOthersAreFiles() {
        assertEquals(ChunkPolicy.uniform(8), ChunkPolicy.builtIn("uniform:8").orElseThrow());
        assertEquals(ChunkPolicy.uniformMax(), ChunkPolicy.builtIn("uniform:max").orElseThrow());
        assertEquals("adaptive", ChunkPolicy.builtIn("adaptive").orElseThrow().name());
        assertEquals(Optional.empty(), ChunkPolicy.builtIn("mine.yaml"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"uniform:", "uniform:-1", "uniform:all", "uniform:2.5", "uniform:99999999999"})
    void aUniformPolicyWithoutANumberIsRefused(String name) {
        assertThrows(IllegalArgumentException.class, () -> ChunkPolicy.builtIn(name));
    }

    @Test
    void aUniformPolicyEstimatesNothing() {
        assertFalse(ChunkPolicy.uniform(4).estimates());
        assertFalse(ChunkPolicy.uniform(4).needsModelStatistics());
        assertEquals(128, ChunkPolicy.uniform(4).longestChunk());
        assertTrue(ChunkPolicy.uniform(4).needsLadder(8));
        assertFalse(ChunkPolicy.uniform(4).needsLadder(4));
        assertFalse(ChunkPolicy.uniform(0).needsLadder(8));
        assertFalse(ChunkPolicy.uniformMax().needsLadder(8));
    }

    @Test
    void signalsThatAreLeftOutAreSwitchedOff() {
        ChunkPolicy both = policy(Map.of(SignalKind.ENTROPY, 1.0, SignalKind.NGRAM, 2.0));
        assertTrue(both.needsModelStatistics());
        ChunkPolicy ngram = both.withSignals(EnumSet.of(SignalKind.NGRAM));
        assertEquals(Map.of(SignalKind.NGRAM, 2.0), ngram.estimation().weights());
        assertFalse(ngram.needsModelStatistics());
        assertEquals("policy 'two' has no weight for the signal prior; it has entropy, ngram",
                assertThrows(IllegalArgumentException.class, () -> both.withSignals(Set.of(SignalKind.PRIOR))).getMessage());
        assertThrows(IllegalArgumentException.class, () -> both.withSignals(Set.of()));
    }

    @Test
    void theSignalBenefitRequiresTokenBenefitsAndTheOthersIgnoreThem() {
        ChunkPolicy policy = policy(Map.of(SignalKind.ENTROPY, 1.0, SignalKind.NGRAM, 2.0));
        ChunkPolicy preferring = new ChunkPolicy("two", policy.estimation().withBenefit(BenefitUse.PREFER), policy.rungs(), policy.bands(),
                0, Double.POSITIVE_INFINITY, KvBounds.DEFAULT);
        Optional<TokenBenefit> known = Optional.of(Ladders.benefit(10, 1));
        assertEquals(known, preferring.scoring(known));
        assertEquals(Optional.empty(), preferring.scoring(Optional.empty()));
        assertEquals(Optional.empty(), policy.scoring(known), "ignored where nothing is said");
        assertEquals(Optional.empty(), ChunkPolicy.uniform(3).scoring(known), "one band estimates nothing");
        ChunkPolicy benefit = preferring.withSignals(Set.of(SignalKind.BENEFIT));
        assertEquals(BenefitUse.REQUIRE, benefit.estimation().benefit());
        assertEquals(policy.estimation().weights(), benefit.estimation().weights(), "for whoever looks at them");
        assertEquals(BenefitUse.IGNORE, preferring.withSignals(Set.of(SignalKind.NGRAM)).estimation().benefit());
        assertEquals("the signal benefit is the score alone; leave the others out", assertThrows(IllegalArgumentException.class,
                () -> preferring.withSignals(EnumSet.of(SignalKind.BENEFIT, SignalKind.NGRAM))).getMessage());
        assertThrows(IllegalArgumentException.class, () -> Estimation.NONE.withWeights(Map.of(SignalKind.BENEFIT, 1.0)));
    }

    @Test
    void fadeBudgetAndRungsCanBeReplaced() {
        ChunkPolicy policy = policy(Map.of(SignalKind.NGRAM, 1.0));
        assertEquals(8, policy.withFade(8).fadeTokens());
        assertEquals(2.5, policy.withBudget(2.5).budget());
        assertEquals(RungKind.THRESHOLD, policy.withRungs(RungKind.THRESHOLD).rungs());
        assertThrows(IllegalArgumentException.class, () -> policy.withFade(-1));
        assertThrows(IllegalArgumentException.class, () -> policy.withBudget(Double.NaN));
    }

    @Test
    void signalsAreNamedInWords() {
        for (SignalKind kind : SignalKind.values()) {
            assertEquals(kind, SignalKind.of(kind.word()));
        }
        assertEquals("there is no signal 'rank'; signals are entropy, ngram, attention, prior, benefit",
                assertThrows(IllegalArgumentException.class, () -> SignalKind.of("rank")).getMessage());
    }

    @Test
    void kvPoliciesAreNamedInWords() {
        KvBounds bounds = new KvBounds(64, 0.1, 0.01);
        assertEquals(new KvPolicy.Full(), KvPolicy.parse("full", bounds));
        assertEquals(new KvPolicy.Q8(64), KvPolicy.parse("q8", bounds));
        assertEquals(new KvPolicy.Adaptive(bounds), KvPolicy.parse("adaptive", bounds));
        assertEquals(new KvPolicy.Window(1000), KvPolicy.parse("window:1000", bounds));
        for (String word : List.of("full", "q8", "adaptive", "window:1000")) {
            assertEquals(word, KvPolicy.parse(word, bounds).word());
        }
        for (String word : List.of("", "q4", "window", "window:", "window:0", "window:-4", "window:99999999999")) {
            assertThrows(IllegalArgumentException.class, () -> KvPolicy.parse(word, bounds), word);
        }
    }

    @Test
    void aReservationHasRoomForWhatThePolicyKeepsFull() {
        ChunkPolicy policy = policy(Map.of(SignalKind.NGRAM, 1.0));
        assertEquals(KvReservation.full(2000), new KvPolicy.Full().reservation(policy, 2000, 128));
        assertEquals(KvReservation.full(16 + 500 + 20 + 128 + 32), new KvPolicy.Window(500).reservation(policy, 2000, 128));
        assertEquals(KvReservation.full(600), new KvPolicy.Window(500).reservation(policy, 600, 128));
        assertEquals(new KvReservation(16 + 64 + 20 + 128 + 32, 2000, 0), new KvPolicy.Q8(64).reservation(policy, 2000, 128));
        KvReservation adaptive = new KvPolicy.Adaptive(KvBounds.DEFAULT).reservation(policy, 2000, 128);
        assertTrue(adaptive.quantizable());
        assertEquals(new KvReservation(1000 + 16 + 128 + 20 + 128 + 32, 1008, 0), adaptive, "half of the text may become Q8");
        assertEquals(KvReservation.full(100), new KvPolicy.Adaptive(KvBounds.DEFAULT).reservation(fullOnly(), 100, 128));
    }

    private static ChunkPolicy policy(Map<SignalKind, Double> weights) {
        return new ChunkPolicy("two", Estimation.NONE.withWeights(weights), RungKind.FIXED,
                List.of(new Band("easy", 50, 4, 20, 1, 1, List.of(KvFormat.FULL, KvFormat.Q8)),
                        new Band("hard", 100, 3, 8, 2, 1, List.of(KvFormat.FULL))), 0, Double.POSITIVE_INFINITY, KvBounds.DEFAULT);
    }

    private static ChunkPolicy fullOnly() {
        return new ChunkPolicy("full", Estimation.NONE, RungKind.FIXED, List.of(new Band("all", 100, 4, 20, 1, 1, List.of(KvFormat.FULL))),
                0, Double.POSITIVE_INFINITY, KvBounds.DEFAULT);
    }
}
