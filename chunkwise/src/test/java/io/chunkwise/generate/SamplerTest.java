package io.chunkwise.generate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.model.forward.ExecutorException;
import io.chunkwise.model.forward.LargestLogits;
import io.chunkwise.model.forward.OutputRequest;
import io.chunkwise.model.forward.PassOutput;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SamplerTest {

    @ParameterizedTest
    @CsvSource({
        // vocab, temperature, topK, topP, minP, penalty, window
        "17,  1.0,  0, 1.0,  0.0,  1.0, 64",
        "17,  0.7,  0, 1.0,  0.0,  1.0, 64",
        "17,  1.0,  5, 1.0,  0.0,  1.0, 64",
        "17,  1.0,  0, 0.6,  0.0,  1.0, 64",
        "17,  1.0,  0, 1.0,  0.2,  1.0, 64",
        "100, 1.3,  9, 0.8,  0.05, 1.0, 64",
        "100, 0.3,  0, 0.95, 0.1,  1.0, 64",
        "100, 2.0,  0, 0.99, 0.0,  1.0, 64",
        "333, 1.0, 65, 0.9,  0.0,  1.0, 64",
        "33,  0.8, 40, 0.9,  0.02, 1.0, 64",
        "33,  0.8,  0, 1.0,  0.0,  1.5, 3",
        "33,  0.8,  7, 0.9,  0.01, 0.5, -1",
        "1,   1.0,  3, 0.5,  0.5,  1.2, 2",
    })
    void probabilitiesAreThoseOfTheObviousImplementation(
            int vocab, double temperature, int topK, double topP, double minP, double penalty, int window) {
        SamplingOptions options = new SamplingOptions(temperature, topK, topP, minP, penalty, window, 1);
        for (int seed = 0; seed < 30; seed++) {
            float[] logits = logits(vocab, seed);
            int[] history = new Random(seed).ints(9, 0, vocab).toArray();
            Map<Integer, Double> expected = naive(options, logits, history);
            Sampler sampler = new Sampler(options, vocab);
            for (int id : history) {
                sampler.observe(id);
            }
            Map<Integer, Double> actual = probabilities(sampler.distribution(answer(sampler.request(), logits)));
            assertEquals(expected.keySet(), actual.keySet(), "tokens that stay, seed " + seed);
            expected.forEach((id, p) -> assertEquals(p, actual.get(id), 1e-6, "probability of " + id));
        }
    }

    @Test
    void drawsFollowTheProbabilities() {
        float[] logits = {0, 1, 2, -1, 0.5f};
        SamplingOptions options = new SamplingOptions(1, 0, 1, 0, 1, 0, 99);
        Sampler sampler = new Sampler(options, logits.length);
        int draws = 200_000;
        int[] count = new int[logits.length];
        for (int i = 0; i < draws; i++) {
            count[sampler.next(new PassOutput.Logits(1, logits.clone()))]++;
        }
        naive(options, logits, new int[0]).forEach((id, p) -> {
            double deviation = Math.sqrt(p * (1 - p) / draws);
            assertEquals(p, count[id] / (double) draws, 5 * deviation, "share of token " + id);
        });
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 17, 40, 64})
    void theLargestLogitsOfADeviceGiveTheSameTokensAsAllLogits(int topK) {
        SamplingOptions options = new SamplingOptions(0.9, topK, 0.9, 0.01, 1, 64, 7);
        Sampler fromTop = new Sampler(options, 333);
        Sampler fromAll = new Sampler(options, 333);
        assertEquals(new OutputRequest.LastTop(topK), fromTop.request());
        for (int step = 0; step < 200; step++) {
            float[] logits = logits(333, step);
            assertEquals(fromAll.next(new PassOutput.Logits(1, logits.clone())), fromTop.next(top(logits, topK)), "step " + step);
        }
    }

    @Test
    void theSameSeedGivesTheSameTokensAndAnotherSeedOthers() {
        assertArrayEquals(tokens(5, 100), tokens(5, 100));
        assertTrue(!Arrays.equals(tokens(5, 100), tokens(6, 100)), "seeds 5 and 6 gave the same 100 tokens");
    }

    @Test
    void aSeedGivesTheTokensThatItGaveBefore() {
        // Recorded from this implementation: a change breaks the seeds that people have written down.
        assertArrayEquals(new int[] {2, 21, 14, 28, 23, 5, 9, 28}, tokens(42, 8));
    }

    @Test
    void temperatureZeroTakesTheLargestAndTheFirstOfEqualOnes() {
        Sampler sampler = new Sampler(SamplingOptions.greedy(), 5);
        assertEquals(new OutputRequest.LastTop(1), sampler.request());
        assertEquals(2, sampler.next(new PassOutput.Logits(1, new float[] {-3, 0, 4, 4, 1})));
        assertEquals(3, sampler.next(new PassOutput.Top(new int[] {3}, new float[] {9})));
    }

    @Test
    void thePenaltyNeedsAllLogitsAndChangesTheGreedyChoice() {
        Sampler sampler = new Sampler(new SamplingOptions(0, 0, 1, 0, 2, 2, 0), 3);
        assertInstanceOf(OutputRequest.LastLogits.class, sampler.request());
        float[] logits = {1, 3, 2};
        assertEquals(1, sampler.next(new PassOutput.Logits(1, logits.clone())));
        assertEquals(2, sampler.next(new PassOutput.Logits(1, logits.clone())));
        assertEquals(1, sampler.next(new PassOutput.Logits(1, logits.clone())), "1.5 beats 1 and 1");
    }

    @Test
    void thePenaltyForgetsTokensThatLeftTheWindow() {
        Sampler sampler = new Sampler(new SamplingOptions(0, 0, 1, 0, 100, 2, 0), 3);
        sampler.observe(1);
        sampler.observe(0);
        sampler.observe(0);
        assertEquals(1, sampler.next(new PassOutput.Logits(1, new float[] {1, 3, 2})));
    }

    @Test
    void aLogitThatIsNoNumberIsAnError() {
        for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
            for (SamplingOptions options : List.of(SamplingOptions.greedy(), new SamplingOptions(1, 0, 0.9, 0, 1.1, 4, 0))) {
                Sampler sampler = new Sampler(options, 3);
                assertThrows(ExecutorException.class, () -> sampler.next(new PassOutput.Logits(1, new float[] {1, bad, 2})));
            }
            Sampler greedy = new Sampler(SamplingOptions.greedy(), 3);
            assertThrows(ExecutorException.class, () -> greedy.next(new PassOutput.Top(new int[] {1}, new float[] {bad})));
        }
    }

    @Test
    void aTinyTemperatureIsGreedy() {
        Sampler sampler = new Sampler(new SamplingOptions(1e-30, 0, 1, 0, 1, 0, 3), 33);
        float[] logits = logits(33, 5);
        assertEquals(LargestLogits.ids(logits, 0, 33, 1)[0], sampler.next(new PassOutput.Logits(1, logits.clone())));
    }

    @ParameterizedTest
    @CsvSource({"-0.1, 0, 1, 0, 1", "NaN, 0, 1, 0, 1", "Infinity, 0, 1, 0, 1", "1, -1, 1, 0, 1", "1, 0, 0, 0, 1", "1, 0, 1.1, 0, 1",
        "1, 0, 1, -0.1, 1", "1, 0, 1, 1.1, 1", "1, 0, 1, 0, 0", "1, 0, 1, 0, NaN", "1, 0, NaN, 0, 1", "1, 0, 1, NaN, 1"})
    void optionsOutsideTheirRangesAreRefused(double temperature, int topK, double topP, double minP, double penalty) {
        assertThrows(IllegalArgumentException.class, () -> new SamplingOptions(temperature, topK, topP, minP, penalty, 64, 0));
    }

    private static int[] tokens(long seed, int count) {
        Sampler sampler = new Sampler(new SamplingOptions(1, 0, 0.95, 0, 1, 0, seed), 33);
        return IntStream.range(0, count).map(i -> sampler.next(new PassOutput.Logits(1, logits(33, i)))).toArray();
    }

    private static float[] logits(int vocab, long seed) {
        Random random = new Random(seed);
        float[] logits = new float[vocab];
        for (int i = 0; i < vocab; i++) {
            logits[i] = (float) (random.nextGaussian() * 3);
        }
        return logits;
    }

    private static PassOutput answer(OutputRequest request, float[] logits) {
        return switch (request) {
            case OutputRequest.LastTop(int count) -> top(logits, count);
            case OutputRequest.LastLogits() -> new PassOutput.Logits(1, logits.clone());
            case OutputRequest.AllLogits() -> throw new AssertionError("asks for too much");
            case OutputRequest.Nothing() -> throw new AssertionError("asks for nothing");
        };
    }

    private static PassOutput.Top top(float[] logits, int count) {
        int[] ids = LargestLogits.ids(logits, 0, logits.length, count);
        float[] values = new float[ids.length];
        for (int i = 0; i < ids.length; i++) {
            values[i] = logits[ids[i]];
        }
        return new PassOutput.Top(ids, values);
    }

    private static Map<Integer, Double> probabilities(Sampler.Distribution distribution) {
        Map<Integer, Double> probabilities = new TreeMap<>();
        for (int i = 0; i < distribution.weights().length; i++) {
            probabilities.put(distribution.ids()[i], distribution.weights()[i] / distribution.sum());
        }
        return probabilities;
    }

    // The Javadoc of Sampler, word for word, over boxed lists.
    private static Map<Integer, Double> naive(SamplingOptions options, float[] logits, int[] history) {
        Map<Integer, Double> logit = new HashMap<>();
        for (int id = 0; id < logits.length; id++) {
            logit.put(id, (double) logits[id]);
        }
        int from = options.penaltyWindow() < 0 ? 0 : Math.max(0, history.length - options.penaltyWindow());
        for (int id : new HashSet<>(Arrays.stream(history, from, history.length).boxed().toList())) {
            logit.computeIfPresent(id, (i, l) -> l > 0 ? l / options.repetitionPenalty() : l * options.repetitionPenalty());
        }
        List<Integer> stay = new ArrayList<>(logit.keySet());
        stay.sort(Comparator.comparingDouble(id -> -logit.get(id)));
        if (options.topK() > 0) {
            stay = stay.subList(0, Math.min(options.topK(), stay.size()));
        }
        Map<Integer, Double> p = softmax(stay, logit, 1);
        double sum = 0;
        List<Integer> nucleus = new ArrayList<>();
        for (int id : stay) {
            if (nucleus.isEmpty() || sum < options.topP() || options.topP() == 1) {
                nucleus.add(id);
            }
            sum += p.get(id);
        }
        List<Integer> likely = nucleus.stream().filter(id -> p.get(id) >= options.minP() * p.get(nucleus.getFirst())).toList();
        return softmax(likely, logit, options.temperature());
    }

    private static Map<Integer, Double> softmax(List<Integer> ids, Map<Integer, Double> logit, double temperature) {
        double max = ids.stream().mapToDouble(logit::get).max().orElseThrow();
        double sum = ids.stream().mapToDouble(id -> Math.exp((logit.get(id) - max) / temperature)).sum();
        Map<Integer, Double> p = new TreeMap<>();
        ids.forEach(id -> p.put(id, Math.exp((logit.get(id) - max) / temperature) / sum));
        return p;
    }
}
