package io.chunkwise.evaluate.ablation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.policy.Band;
import io.chunkwise.policy.ChunkPolicy;
import io.chunkwise.policy.KvBounds;
import io.chunkwise.policy.KvPolicy;
import io.chunkwise.policy.SignalKind;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AblationPlanTest {
    private static final List<KvPolicy> CACHES = List.of(new KvPolicy.Full(), new KvPolicy.Q8(128), new KvPolicy.Adaptive(KvBounds.DEFAULT),
            new KvPolicy.Window(64));

    @ParameterizedTest
    @ValueSource(ints = {2, 3, 4, 8, 16, 17, 32, 64})
    void everyVariantIsComparedWithOneOfItsExperimentAndHasAName(int maxRank) {
        List<AblationVariant> variants = plan(ChunkPolicy.adaptive(), maxRank, true).variants(EnumSet.allOf(Experiment.class));
        Set<String> names = new HashSet<>();
        variants.forEach(variant -> assertTrue(names.add(variant.experiment() + variant.name()), variant + " is there twice"));
        for (AblationVariant variant : variants) {
            variant.reference().ifPresent(reference -> assertTrue(names.contains(variant.experiment() + reference), variant.toString()));
            assertTrue(variant.policy().bands().stream().allMatch(band -> band.components() == Band.ALL_COMPONENTS
                    || band.components() <= Math.max(9, maxRank)), variant.toString());
        }
    }

    @Test
    void everySignalIsAloneOnceAndLeftOutOnce() {
        List<AblationVariant> variants = plan(ChunkPolicy.adaptive(), 32, true).variants(EnumSet.of(Experiment.SIGNALS));
        assertEquals(List.of("all four", "entropy alone", "ngram alone", "attention alone", "prior alone", "without entropy", 
                "without ngram", "without attention", "without prior", "token benefits"),
                variants.stream().map(AblationVariant::name).toList());
        assertEquals(EnumSet.of(SignalKind.ENTROPY, SignalKind.ATTENTION, SignalKind.PRIOR),
                variants.get(6).policy().estimation().signals());
        assertEquals(9, plan(ChunkPolicy.adaptive(), 32, false).variants(EnumSet.of(Experiment.SIGNALS)).size());
        ChunkPolicy two = ChunkPolicy.adaptive().withSignals(EnumSet.of(SignalKind.NGRAM, SignalKind.PRIOR));
        assertEquals(List.of("all signals", "ngram alone", "prior alone"),
                plan(two, 32, false).variants(EnumSet.of(Experiment.SIGNALS)).stream().map(AblationVariant::name).toList());
    }

    @Test
    void bandsMoveToTheMeanThatTheyAreComparedAt() {
        List<AblationVariant> ranks = plan(ChunkPolicy.adaptive(), 32, true).variants(EnumSet.of(Experiment.RANK));
        assertEquals(List.of("adaptive 3/4/5, fixed", "adaptive 7/8/9, fixed", "adaptive 15/16/17, fixed", "adaptive 3/4/5, threshold",
                "adaptive 7/8/9, threshold", "adaptive 15/16/17, threshold"),
                ranks.stream().map(AblationVariant::name).filter(name -> name.startsWith("adaptive")).toList());
        List<AblationVariant> few = plan(ChunkPolicy.adaptive(), 8, true).variants(EnumSet.of(Experiment.RANK));
        assertEquals(List.of("adaptive 3/4/5, fixed", "adaptive 3/4/5, threshold"),
                few.stream().map(AblationVariant::name).filter(name -> name.startsWith("adaptive")).toList());
    }

    @Test
    void whatHasNothingToVaryIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> plan(ChunkPolicy.uniform(8), 32, false));
        assertThrows(IllegalArgumentException.class, () -> plan(ChunkPolicy.adaptive(), 1, false));
    }

    private static AblationPlan plan(ChunkPolicy policy, int maxRank, boolean benefits) {
        return new AblationPlan(policy, maxRank, benefits, List.of(4, 8, 16), CACHES);
    }
}
