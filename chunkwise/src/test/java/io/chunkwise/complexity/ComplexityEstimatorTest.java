package io.chunkwise.complexity;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.fixtures.Ladders;
import io.chunkwise.fixtures.RandomPolicies;
import io.chunkwise.fixtures.Texts;
import io.chunkwise.ladder.TokenBenefit;
import io.chunkwise.model.forward.RowStatistics;
import io.chunkwise.policy.BenefitUse;
import io.chunkwise.policy.Estimation;
import io.chunkwise.policy.RungKind;
import io.chunkwise.policy.SignalKind;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ComplexityEstimatorTest {

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 32})
    void modelStatisticsAreTheMeanOfTheLastFinishedBlock(int lag) {
        Random random = new Random(lag);
        ComplexityEstimator estimator = new ComplexityEstimator(estimation(Map.of(SignalKind.ENTROPY, 1.0, SignalKind.ATTENTION, 2.0),
                lag));
        double[] entropy = random.doubles(200).toArray();
        double[] attention = random.doubles(200).toArray();
        for (int t = 0; t < 200; t++) {
            double score = estimator.score(t, 0);
            int end = t / lag * lag;
            double expectedEntropy = end == 0 ? 0.5 : mean(entropy, end - lag, end);
            double expectedAttention = end == 0 ? 0.5 : mean(attention, end - lag, end);
            assertEquals(expectedEntropy, estimator.value(SignalKind.ENTROPY), 1e-6, "entropy at " + t);
            assertEquals(expectedAttention, estimator.value(SignalKind.ATTENTION), 1e-6, "attention at " + t);
            assertEquals((expectedEntropy + 2 * expectedAttention) / 3, score, 1e-6, "score at " + t);
            estimator.observe(new RowStatistics(new float[] {(float) entropy[t]}, new float[] {(float) attention[t]}));
        }
    }

    @Test
    void statisticsOfManyRowsAreThoseOfTheRowsOneByOne() {
        Estimation estimation = estimation(Map.of(SignalKind.ENTROPY, 1.0), 4);
        ComplexityEstimator many = new ComplexityEstimator(estimation);
        ComplexityEstimator single = new ComplexityEstimator(estimation);
        float[] entropy = {0.1f, 0.9f, 0.4f, 0.3f, 0.8f};
        many.observe(new RowStatistics(entropy, new float[5]));
        for (float value : entropy) {
            single.observe(new RowStatistics(new float[] {value}, new float[1]));
        }
        assertEquals(single.score(0, 0), many.score(0, 0));
        assertEquals(0.425f, many.value(SignalKind.ENTROPY), 1e-6f);
    }

    @Test
    void aNegativeWeightCountsInversely() {
        ComplexityEstimator late = new ComplexityEstimator(estimation(Map.of(SignalKind.PRIOR, -3.0), 32));
        for (int t = 0; t < 100; t++) {
            assertEquals(1 - Math.exp(-t / 64.0), late.score(t, 0), 1e-6, "position " + t);
        }
    }

    @Test
    void theScoreIsSmoothedFromTheSecondTokenOn() {
        Estimation plain = estimation(Map.of(SignalKind.PRIOR, 1.0), 32);
        Estimation smoothed = new Estimation(plain.weights(), 32, 0.5, 4096, 0.8, 64, 0.75, 512, 64, List.of(0.0, 1.0), 5,
                BenefitUse.IGNORE);
        ComplexityEstimator estimator = new ComplexityEstimator(smoothed);
        double expected = 1;
        assertEquals(1, estimator.score(0, 0), 1e-6);
        for (int t = 1; t < 50; t++) {
            expected = 0.75 * expected + 0.25 * Math.exp(-t / 64.0);
            assertEquals(expected, estimator.score(t, 0), 1e-6, "position " + t);
        }
    }

    @Test
    void aSignalThatIsOffHasNoValueAndNoSignalIsRefused() {
        ComplexityEstimator estimator = new ComplexityEstimator(estimation(Map.of(SignalKind.PRIOR, 1.0, SignalKind.NGRAM, 0.0), 32));
        estimator.score(0, 7);
        assertTrue(Float.isNaN(estimator.value(SignalKind.NGRAM)), "a signal of weight 0 is off");
        assertTrue(Float.isNaN(estimator.value(SignalKind.ENTROPY)));
        assertThrows(IllegalArgumentException.class, () -> new ComplexityEstimator(Estimation.NONE));
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void scoresAndSignalsStayWithinZeroAndOneAndStartAfreshAfterAReset(long seed) {
        ComplexityEstimator estimator = new ComplexityEstimator(RandomPolicies.policy(seed, 8, RungKind.FIXED).estimation());
        int[] tokens = Texts.tokens(seed, 400, 50);
        Random random = new Random(seed);
        float[] statistics = new float[tokens.length];
        double[] scores = new double[tokens.length];
        for (int t = 0; t < tokens.length; t++) {
            statistics[t] = random.nextFloat();
        }
        for (int round = 0; round < 2; round++) {
            estimator.reset();
            for (int t = 0; t < tokens.length; t++) {
                double score = estimator.score(t, tokens[t]);
                assertTrue(score >= -1e-9 && score <= 1 + 1e-9, "seed " + seed + ": score " + score + " at " + t);
                if (round == 0) {
                    scores[t] = score;
                } else {
                    assertEquals(scores[t], score, "seed " + seed + ": score at " + t + " after a reset");
                }
                estimator.observe(new RowStatistics(new float[] {statistics[t]}, new float[] {1 - statistics[t]}));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void whereBenefitsAreKnownTheyAloneAreTheScore(long seed) {
        Estimation weighted = estimation(Map.of(SignalKind.PRIOR, 1.0, SignalKind.NGRAM, -2.0), 32);
        Estimation estimation = new Estimation(weighted.weights(), 32, 0.5, 4096, 0.8, 64, 0.5, 512, 64, List.of(0.0, 1.0), 5,
                BenefitUse.PREFER);
        TokenBenefit table = Ladders.benefit(50, seed);
        ComplexityEstimator estimator = new ComplexityEstimator(estimation);
        ComplexityEstimator signals = new ComplexityEstimator(estimation);
        estimator.use(Optional.of(table));
        int[] tokens = Texts.tokens(seed, 300, 50);
        double expected = table.of(tokens[0]);
        for (int t = 0; t < tokens.length; t++) {
            expected = 0.5 * expected + 0.5 * table.of(tokens[t]);
            assertEquals(expected, estimator.score(t, tokens[t]), 1e-12, "seed " + seed + ": score at " + t);
            assertEquals(table.of(tokens[t]), estimator.value(SignalKind.BENEFIT), "benefit at " + t);
            signals.score(t, tokens[t]);
            assertEquals(signals.value(SignalKind.NGRAM), estimator.value(SignalKind.NGRAM), "novelty is still there to be seen");
            assertTrue(Float.isNaN(signals.value(SignalKind.BENEFIT)), "unknown without a table");
        }
        estimator.use(Optional.empty());
        double score = estimator.score(300, tokens[299]);
        double novelty = 1 - estimator.value(SignalKind.NGRAM);
        assertEquals((Math.exp(-300 / 64.0) + 2 * novelty) / 3, score, 1e-6, "the weighted signals again, not smoothed with benefits");
    }

    @Test
    void benefitsThatAreRequiredNeedNoSignalButATable() {
        ComplexityEstimator estimator = new ComplexityEstimator(Estimation.NONE.withBenefit(BenefitUse.REQUIRE));
        estimator.use(Optional.of(new TokenBenefit(new float[] {0.25f, 1}, new float[] {0})));
        assertEquals(0.25, estimator.score(0, 0));
        assertEquals(0.8 * 0.25 + 0.2, estimator.score(1, 1), 1e-12);
        assertThrows(IllegalArgumentException.class, () -> estimator.use(Optional.empty()));
    }

    private static Estimation estimation(Map<SignalKind, Double> weights, int lag) {
        return new Estimation(weights, lag, 0.5, 4096, 0.8, 64, 0, 512, 64, List.of(0.0, 1.0), 5, BenefitUse.IGNORE);
    }

    private static double mean(double[] values, int from, int to) {
        double sum = 0;
        for (int i = from; i < to; i++) {
            sum += values[i];
        }
        return sum / (to - from);
    }
}
