package io.chunkwise.chunking;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RunningPercentileTest {

    @ParameterizedTest
    @CsvSource({"1, 1", "2, 7", "3, 100", "4, 512"})
    void aPercentileIsTheShareOfLowerScoresInTheWindow(long seed, int window) {
        Random random = new Random(seed);
        RunningPercentile percentile = new RunningPercentile(window, 0);
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
        RunningPercentile percentile = new RunningPercentile(100, 10);
        assertEquals(30, percentile.add(0.3), 1e-9);
        assertEquals(100 * (1 + 9 * 0.7) / 10, percentile.add(0.7), 1e-9, "one lower score, and nine that are not known");
        for (int i = 2; i < 10; i++) {
            percentile.add(0.3);
        }
        assertEquals(100, percentile.add(0.9), 1e-9, "ten lower scores");
    }

    @Test
    void aResetForgetsAllScores() {
        RunningPercentile percentile = new RunningPercentile(5, 0);
        for (int i = 0; i < 9; i++) {
            percentile.add(0.1);
        }
        percentile.reset();
        assertEquals(80, percentile.add(0.8), 1e-9);
        assertEquals(0, percentile.add(0.2), 1e-9);
    }
}
