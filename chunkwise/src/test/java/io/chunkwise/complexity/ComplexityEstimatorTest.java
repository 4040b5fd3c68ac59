package io.chunkwise.complexity;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.fixtures.RandomPolicies;
import io.chunkwise.fixtures.Texts;
import io.chunkwise.model.forward.RowStatistics;
import io.chunkwise.policy.Estimation;
import io.chunkwise.policy.RungKind;
import io.chunkwise.policy.SignalKind;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ComplexityEstimatorTest {

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 32})
    void modelStatisticsAreTheMeanOfTheLastFinishedBlock(int lag) {
        Random random = new Random(lag);
        ComplexityEstimator estimator = new ComplexityEstimator(estimation(Map.of(SignalKind.ENTROPY, 1.0, SignalKind.ATTENTION, 2.0), lag));
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
        Estimation smoothed = new Estimation(plain.weights(), 32, 0.5, 4096, 0.8, 64, 0.75, 512, 64, 5);
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

    private static Estimation estimation(Map<SignalKind, Double> weights, int lag) {
        return new Estimation(weights, lag, 0.5, 4096, 0.8, 64, 0, 512, 64, 5);
    }

    private static double mean(double[] values, int from, int to) {
        double sum = 0;
        for (int i = from; i < to; i++) {
            sum += values[i];
        }
        return sum / (to - from);
    }
}
