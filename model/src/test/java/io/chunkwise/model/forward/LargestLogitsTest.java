package io.chunkwise.model.forward;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import java.util.Comparator;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LargestLogitsTest {

    @ParameterizedTest
    @CsvSource({"1, 1", "17, 3", "100, 100", "333, 64", "33, 40", "5, 0"})
    void theLargestLogitsAreThoseOfASort(int vocab, int count) {
        for (int seed = 0; seed < 20; seed++) {
            Random random = new Random(seed);
            float[] logits = new float[vocab + 2];
            for (int i = 0; i < logits.length; i++) {
                logits[i] = Math.round(random.nextGaussian() * 2) * -1f; // many equal ones, and negative zeros
            }
            int[] expected = IntStream.range(0, vocab).boxed()
                    .sorted(Comparator.<Integer>comparingDouble(id -> -(double) logits[id + 1] + 0.0).thenComparing(id -> id))
                    .limit(count).mapToInt(Integer::intValue).toArray();
            assertArrayEquals(expected, LargestLogits.ids(logits, 1, vocab, count), "seed " + seed);
        }
    }

    @Test
    void theTopOfFewerLogitsThanAskedForIsAllOfThem() {
        PassOutput.Top top = LargestLogits.top(new float[] {1, 3, 2}, 5);
        assertArrayEquals(new int[] {1, 2, 0}, top.ids());
        assertArrayEquals(new float[] {3, 2, 1}, top.logits());
    }
}
