package io.chunkwise.complexity;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.fixtures.Texts;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NgramNoveltyTest {

    @ParameterizedTest
    @CsvSource({"1, 3, 0.0", "2, 17, 0.5", "3, 100, 0.8", "4, 4096, 0.9"})
    void noveltyIsTheDecayedShareOfNgramsThatDidNotEndInTheWindow(long seed, int window, double decay) {
        int[] tokens = Texts.tokens(seed, 700, 40);
        NgramNovelty novelty = new NgramNovelty(window, decay);
        double expected = 1;
        for (int t = 0; t < tokens.length; t++) {
            Set<List<Integer>> seen = new HashSet<>();
            for (int end = Math.max(0, t - window + 1); end < t; end++) {
                for (int n = 1; n <= Math.min(3, end + 1); n++) {
                    seen.add(gram(tokens, end, n));
                }
            }
            int lengths = Math.min(3, t + 1);
            int unseen = 0;
            for (int n = 1; n <= lengths; n++) {
                unseen += seen.contains(gram(tokens, t, n)) ? 0 : 1;
            }
            expected = decay * expected + (1 - decay) * unseen / lengths;
            assertEquals(expected, novelty.before(t, tokens[t]), 1e-5, "seed " + seed + ", position " + t);
        }
    }

    @Test
    void aNewSequenceKnowsNothingOfTheOneBefore() {
        NgramNovelty novelty = new NgramNovelty(10, 0.5);
        float[] first = new float[30];
        for (int t = 0; t < 60; t++) {
            if (t == 30) {
                novelty.reset();
            }
            float value = novelty.before(t % 30, t % 30 % 7);
            if (t < 30) {
                first[t] = value;
            } else {
                assertEquals(first[t - 30], value, "position " + (t - 30));
            }
        }
    }

    @Test
    void textThatRepeatsItselfFallsToZeroAndTextThatNeverDoesStaysOne() {
        NgramNovelty repeats = new NgramNovelty(4096, 0.8);
        NgramNovelty isNew = new NgramNovelty(4096, 0.8);
        float last = 1;
        for (int t = 0; t < 200; t++) {
            last = repeats.before(t, t % 5);
            assertEquals(1f, isNew.before(t, t), "position " + t);
        }
        assertTrue(last < 1e-6, "novelty of a repeated text is " + last);
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5})
    void countsAreThoseOfAMapHoweverKeysCollide(long seed) {
        Random random = new Random(seed);
        NgramCounts counts = new NgramCounts(60);
        Map<Long, Integer> oracle = new HashMap<>();
        List<Long> held = new ArrayList<>();
        for (int i = 0; i < 5000; i++) {
            if (held.size() == 60 || !held.isEmpty() && random.nextInt(3) == 0) {
                long gram = held.remove(random.nextInt(held.size()));
                counts.remove(gram);
                oracle.merge(gram, -1, Integer::sum);
            } else {
                long gram = 1 + random.nextInt(90);
                held.add(gram);
                assertEquals(oracle.getOrDefault(gram, 0) == 0, counts.add(gram), "seed " + seed + ", operation " + i + ", n-gram " + gram);
                oracle.merge(gram, 1, Integer::sum);
            }
        }
    }

    private static List<Integer> gram(int[] tokens, int end, int n) {
        return Arrays.stream(tokens, end - n + 1, end + 1).boxed().toList();
    }
}
