package io.chunkwise.calibrate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.fixtures.ScriptedExecutor;
import io.chunkwise.fixtures.Texts;
import io.chunkwise.ladder.LadderSite;
import io.chunkwise.ladder.RankLadder;
import io.chunkwise.ladder.TokenBenefit;
import io.chunkwise.model.Progress;
import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.adapter.AdapterSite;
import io.chunkwise.model.adapter.LowRankPair;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.forward.ActivationFormat;
import io.chunkwise.model.forward.DeviceInfo;
import io.chunkwise.model.forward.ExecutorCounters;
import io.chunkwise.model.forward.ForwardExecutor;
import io.chunkwise.model.forward.OutputRequest;
import io.chunkwise.model.forward.PassResult;
import io.chunkwise.model.forward.Statistics;
import io.chunkwise.model.forward.TokenBatch;
import io.chunkwise.model.forward.WeightRole;
import io.chunkwise.model.kv.KvPages;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BenefitCalibratorTest {
    private static final int VOCAB = 37;
    private static final int[] BOS = {1};

    @ParameterizedTest
    @CsvSource({"1, 700, 4, 9", "2, 95, 3, 9", "3, 1100, 8, 2", "4, 640, 1, 3"})
    void theTableIsTheOneOfTheObviousComputation(long seed, int length, int components, int windows) {
        int[] text = Texts.tokens(seed, length, VOCAB - 4); // four ids never occur
        Calibration actual = calibrator(95).calibrate(ladder(), BOS, text, components, windows, Progress.NONE);

        int available = length / 94;
        int count = Math.min(windows, available);
        int low = Math.max(1, components / 2);
        int high = Math.min(8, 2 * components);
        double[] sum = new double[VOCAB];
        double[] seen = new double[VOCAB];
        int[][] read = new int[count][95];
        double gained = 0;
        for (int w = 0; w < count; w++) {
            read[w][0] = 1;
            System.arraycopy(text, w * available / count * 94, read[w], 1, 94);
            double y = 0;
            for (int t = 93; t >= 0; t--) {
                double gain = logprob(read[w][t], t, read[w][t + 1], high) - logprob(read[w][t], t, read[w][t + 1], low);
                gained += gain;
                y = t == 93 ? gain : 0.87 * y + 0.13 * gain;
                if (t > 0) {
                    sum[read[w][t]] += y;
                    seen[read[w][t]]++;
                }
            }
        }
        double total = Arrays.stream(seen).sum();
        double mean = Arrays.stream(sum).sum() / total;
        double n0 = Math.sqrt(VOCAB) / 2;
        double[] worth = IntStream.range(0, VOCAB).mapToDouble(id -> (sum[id] + n0 * mean) / (seen[id] + n0)).toArray();
        float[] table = actual.benefit().table();
        for (int id = 0; id < VOCAB; id++) {
            double upTo = 0;
            for (int other = 0; other < VOCAB; other++) {
                boolean before = worth[other] < worth[id] - 1e-9 || Math.abs(worth[other] - worth[id]) <= 1e-9 && other <= id;
                upTo += before ? seen[other] + 0.001 : 0;
            }
            assertEquals(upTo / (total + 0.001 * VOCAB), table[id], 1e-6, "seed " + seed + ": benefit of token " + id);
        }
        assertEquals(gained / (count * 94), actual.meanGain(), 1e-9);
        assertEquals(count, actual.windows());
        assertEquals(count * 95, actual.tokens());
        assertArrayEquals(new int[] {low, high}, new int[] {actual.lowComponents(), actual.highComponents()});
        assertArrayEquals(quantiles(read, table), actual.benefit().history(), 1e-6f);
    }

    private static float[] quantiles(int[][] windows, float[] table) {
        double[] scores = Arrays.stream(windows).flatMapToDouble(window -> {
            double[] s = new double[window.length];
            for (int t = 0; t < s.length; t++) {
                s[t] = t == 0 ? table[window[0]] : 0.5 * s[t - 1] + 0.5 * table[window[t]];
            }
            return Arrays.stream(s);
        }).sorted().toArray();
        float[] quantiles = new float[64];
        for (int i = 0; i < 64; i++) {
            double place = (0.01 + i * 0.98 / 63) * (scores.length - 1);
            int upper = (int) Math.ceil(place);
            quantiles[i] = (float) (scores[upper] - (upper - place) * (scores[upper] - scores[Math.max(0, upper - 1)]));
        }
        return quantiles;
    }

    @Test
    void theTokensAfterWhichMoreComponentsGainMoreHaveTheGreaterBenefit() {
        // Token t gains in proportion to t: see logits.
        int[] text = new Random(5).ints(4000, 0, VOCAB).toArray();
        float[] table = calibrator(95).calibrate(ladder(), BOS, text, 4, 40, Progress.NONE).benefit().table();
        Integer[] ascending = IntStream.range(0, VOCAB).boxed().toArray(Integer[]::new);
        Arrays.sort(ascending, Comparator.comparingDouble(id -> table[id]));
        double lowHalf = Arrays.stream(ascending, 0, VOCAB / 2).mapToInt(id -> id).average().orElseThrow();
        double highHalf = Arrays.stream(ascending, VOCAB / 2, VOCAB).mapToInt(id -> id).average().orElseThrow();
        assertTrue(highHalf > lowHalf + VOCAB / 4.0, "mean id of the half with less benefit is " + lowHalf + ", of the other " + highHalf);
    }

    @Test
    void theSameTextGivesTheSameBenefitsAndAllProgressIsReported() {
        int[] text = Texts.tokens(7, 900, VOCAB);
        double[] last = new double[1];
        TokenBenefit first = calibrator(95).calibrate(ladder(), BOS, text, 4, 5, (stage, done, total) -> {
            assertTrue(done >= last[0] && done <= total, stage + " " + done + " of " + total + " after " + last[0]);
            last[0] = done;
            assertEquals(2 * 5 * 95, total);
        }).benefit();
        assertEquals(2 * 5 * 95, last[0]);
        TokenBenefit second = calibrator(95).calibrate(ladder(), BOS, text, 4, 5, Progress.NONE).benefit();
        assertArrayEquals(first.table(), second.table());
        assertArrayEquals(first.history(), second.history());
    }

    @Test
    void windowsAreOf512TokensWhereTheContextHasRoom() {
        int[] text = Texts.tokens(8, 1200, VOCAB);
        assertEquals(2 * 513, calibrator(600).calibrate(ladder(), BOS, text, 4, 9, Progress.NONE).tokens());
        assertEquals(2 * 512, calibrator(600).calibrate(ladder(), new int[0], text, 4, 9, Progress.NONE).tokens());
    }

    @Test
    void whatCannotBeCalibratedIsRefusedInOneLine() {
        int[] text = Texts.tokens(9, 300, VOCAB);
        assertRefused("9 components", () -> calibrator(95).calibrate(ladder(), BOS, text, 9, 4, Progress.NONE));
        assertRefused("0 components", () -> calibrator(95).calibrate(ladder(), BOS, text, 0, 4, Progress.NONE));
        assertRefused("0 windows", () -> calibrator(95).calibrate(ladder(), BOS, text, 4, 0, Progress.NONE));
        assertRefused("a text of 93 tokens", () -> calibrator(95).calibrate(ladder(), BOS, Arrays.copyOf(text, 93), 4, 4, Progress.NONE));
        assertRefused("a context of 8 tokens", () -> calibrator(8).calibrate(ladder(), BOS, text, 4, 4, Progress.NONE));
        assertRefused("rank 1", () -> calibrator(95).calibrate(ladder(1), BOS, text, 1, 4, Progress.NONE));
    }

    private static void assertRefused(String part, Runnable calibration) {
        String message = assertThrows(IllegalArgumentException.class, calibration::run).getMessage();
        assertTrue(message.contains(part) && !message.contains("\n"), message);
    }

    private static BenefitCalibrator calibrator(int context) {
        RungExecutor executor = new RungExecutor(context);
        return new BenefitCalibrator(executor, executor.script.config());
    }

    private static RankLadder ladder() {
        return ladder(8);
    }

    private static RankLadder ladder(int rank) {
        float[] sigmas = new float[rank];
        for (int k = 0; k < rank; k++) {
            sigmas[k] = rank - k;
        }
        return new RankLadder("scripted", Map.of(new AdapterSite(0, WeightRole.QUERY),
                new LadderSite(sigmas, new LowRankPair(rank, 8, 8, new float[8 * rank], new float[8 * rank]))));
    }

    /** Random logits, to which more components add the more towards one token, the greater the id that was read. */
    private static float[] logits(int token, int position, int components) {
        Random random = new Random(31L * token + position % 7);
        float[] logits = new float[VOCAB];
        for (int id = 0; id < VOCAB; id++) {
            logits[id] = (float) random.nextGaussian() * (1 - components * token / (10f * VOCAB));
        }
        return logits;
    }

    private static double logprob(int token, int position, int next, int components) {
        float[] logits = logits(token, position, components);
        double sum = 0;
        for (float logit : logits) {
            sum += Math.exp(logit);
        }
        return logits[next] - Math.log(sum);
    }

    /** A scripted executor whose logits depend on the components of the attached adapter's first group. */
    private static final class RungExecutor implements ForwardExecutor {
        private final ScriptedExecutor script;
        private int components;

        RungExecutor(int context) {
            script = new ScriptedExecutor(VOCAB, context, Math.min(context, 100), (token, position) -> logits(token, position, components));
        }

        @Override
        public void attach(Optional<Adapter> adapter) {
            components = adapter.orElseThrow().sites().values().iterator().next().activeRank(1);
            script.attach(adapter);
        }

        @Override
        public PassResult run(TokenBatch batch, OutputRequest request, Statistics statistics) {
            assertEquals(Statistics.NONE, statistics);
            assertEquals(1, batch.gain()[0]);
            return script.run(batch, request, statistics);
        }

        @Override
        public String name() {
            return script.name();
        }

        @Override
        public DeviceInfo device() {
            return script.device();
        }

        @Override
        public int contextLength() {
            return script.contextLength();
        }

        @Override
        public int rowCapacity() {
            return script.rowCapacity();
        }

        @Override
        public void reserve(Collection<Adapter> adapters) {
            script.reserve(List.copyOf(adapters));
        }

        @Override
        public ActivationFormat activations() {
            return ActivationFormat.FLOAT;
        }

        @Override
        public TensorType componentType(TensorType base) {
            return base;
        }

        @Override
        public ExecutorCounters counters() {
            return new ExecutorCounters(0, 0, 0, 0, List.of());
        }

        @Override
        public KvPages kv() {
            return script.kv();
        }

        @Override
        public void close() {
            script.close();
        }
    }
}
