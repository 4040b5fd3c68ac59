package io.chunkwise.chunking;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RunningPercentileTest {
    private static final List<Double> EVEN = List.of(0.0, 1.0);

    @ParameterizedTest
    @CsvSource({"1, 1", "2, 7", "3, 100", "4, 512"})
    void aPercentileIsTheShareOfLowerScoresInTheWindow(long seed, int window) {
        Random random = new Random(seed);
        RunningPercentile percentile = new RunningPercentile(window, 0, EVEN);
        double[] scores = random.doubles(1500).toArray();
        for (int t = 0; t < scores.length; t++) {
            double actual = percentile.add(scores[t]);
            if (t == 0) {
                assertEquals(100 * scores[0], actual, 1e-9, "nothing is known before the first score");
                continue;
            }
            double below = 0;
            int from = Math.max(0, t - window);
            for (int i = from; i < t; i++) {
                int level = (int) (scores[i] * 512);
                int own = (int) (scores[t] * 512);
                below += level < own ? 1 : level == own ? 0.5 : 0;
            }
            assertEquals(100 * below / (t - from), actual, 1e-9, "seed " + seed + ", score " + t);
        }
    }

    @Test
    void missingScoresCountAsSpreadEvenlyUntilTheyAreKnown() {
        RunningPercentile percentile = new RunningPercentile(100, 10, EVEN);
        assertEquals(30, percentile.add(0.3), 1e-9);
        assertEquals(100 * (1 + 9 * 0.7) / 10, percentile.add(0.7), 1e-9, "one lower score, and nine that are not known");
        for (int i = 2; i < 10; i++) {
            percentile.add(0.3);
        }
        assertEquals(100, percentile.add(0.9), 1e-9, "ten lower scores");
    }

    @ParameterizedTest
    @CsvSource({"64, 256", "64, 64", "64, 20", "1, 5", "13, 12", "100, 1"})
    void seededScoresCountAsIfTheyHadGoneBefore(int seeds, int window) {
        RunningPercentile percentile = new RunningPercentile(window, 0, EVEN);
        percentile.add(0.9);
        percentile.reset();
        percentile.seed(even(seeds));
        int count = Math.min(seeds, window);
        assertEquals(30, percentile.add(0.3), 100.0 / count, "seeds are spread evenly over [0, 1]");
    }

    @Test
    void seededScoresThatAreLeftInTheWindowAreSpreadEvenlyAtAnyTime() {
        for (int gone = 1; gone < 60; gone++) {
            RunningPercentile percentile = new RunningPercentile(64, 0, EVEN);
            percentile.seed(even(64));
            for (int t = 0; t < gone; t++) {
                percentile.add(0.9999);
            }
            int left = 64 - gone;
            double expected = 100 * 0.5 * left / 64;
            assertEquals(expected, percentile.add(0.5), 100 * 2.5 / 64, gone + " of 64 have left");
        }
    }

    private static float[] even(int count) {
        float[] ascending = new float[count];
        for (int i = 0; i < count; i++) {
            ascending[i] = (i + 0.5f) / count;
        }
        return ascending;
    }

    @ParameterizedTest
    @CsvSource({"0.1, 0", "0.2, 0", "0.25, 25", "0.3, 50", "0.5, 75", "0.7, 100", "0.9, 100"})
    void missingScoresAreSpreadAsExpected(double score, double percentile) {
        assertEquals(percentile, new RunningPercentile(100, 10, List.of(0.2, 0.3, 0.7)).add(score), 1e-9);
    }

    @Test
    void equalExpectedScoresCountHalf() {
        assertEquals(50, new RunningPercentile(100, 10, List.of(0.4, 0.4)).add(0.4), 1e-9);
        assertEquals(100.0 * 1.5 / 3, new RunningPercentile(100, 10, List.of(0.1, 0.4, 0.4, 0.9)).add(0.4), 1e-9);
    }

    @Test
    void aResetForgetsAllScores() {
        RunningPercentile percentile = new RunningPercentile(5, 0, EVEN);
        for (int i = 0; i < 9; i++) {
            percentile.add(0.1);
        }
        percentile.reset();
        assertEquals(80, percentile.add(0.8), 1e-9);
        assertEquals(0, percentile.add(0.2), 1e-9);
    }
}
