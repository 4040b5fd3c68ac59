package io.chunkwise.score;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.fixtures.Ladders;
import io.chunkwise.fixtures.ScriptedExecutor;
import io.chunkwise.model.Progress;
import io.chunkwise.model.forward.ExecutorException;
import io.chunkwise.model.kv.KvFormat;
import io.chunkwise.model.kv.KvType;
import io.chunkwise.policy.ChunkPolicy;
import io.chunkwise.policy.KvPolicy;
import io.chunkwise.schedule.AdapterUse;
import io.chunkwise.schedule.ChunkScheduler;
import io.chunkwise.selection.RungSelector;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ScorerTest {
    private static final int VOCAB = 33;

    @ParameterizedTest
    @CsvSource({"2, 100, 1", "17, 17, 5", "17, 5, 5", "17, 5, 2", "33, 8, 3", "33, 16, 100"})
    void logProbabilitiesAreLogSoftmaxOfThePositionBefore(int length, int window, int rowCapacity) {
        int[] tokens = new Random(length).ints(length, 0, VOCAB).toArray();
        Score score = scorer(executor(Math.min(window, length), rowCapacity)).score(tokens, window, 3, Progress.NONE);
        assertEquals(length, score.tokens().size());
        double sum = 0;
        int scored = 0;
        for (int i = 0; i < length; i++) {
            TokenScore token = score.tokens().get(i);
            assertEquals(i, token.position());
            assertEquals(tokens[i], token.id());
            if (i % window == 0) {
                assertTrue(token.logprob().isEmpty(), "the first token of a window is not scored");
            } else {
                double expected = logSoftmax(tokens[i - 1], (i - 1) % window, tokens[i]);
                assertEquals(expected, token.logprob().orElseThrow(), 1e-12, "position " + i);
                sum += expected;
                scored++;
            }
            checkTop(token, tokens[i], i % window);
        }
        assertEquals(scored, score.scored());
        assertEquals(-sum / scored, score.nll(), 1e-12);
        assertEquals(Math.exp(-sum / scored), score.perplexity(), 1e-9);
    }

    private static void checkTop(TokenScore token, int id, int position) {
        int[] best = IntStream.range(0, VOCAB).boxed()
                .sorted((a, b) -> Double.compare(logSoftmax(id, position, b), logSoftmax(id, position, a)))
                .limit(3).mapToInt(Integer::intValue).toArray();
        assertEquals(3, token.top().size());
        for (int k = 0; k < 3; k++) {
            assertEquals(best[k], token.top().get(k).id(), "alternative " + k);
            assertEquals(logSoftmax(id, position, best[k]), token.top().get(k).logprob(), 1e-12, "alternative " + k);
        }
    }

    @Test
    void aScoreHasTheCostAndTheTracesOfItsWindows() {
        ScriptedExecutor executor = executor(64, 16);
        ChunkPolicy policy = ChunkPolicy.uniform(4);
        RungSelector selector = RungSelector.of(policy, Ladders.ladder(executor.config(), 8, 1));
        Score score = new Scorer(new ChunkScheduler(executor, new ChunkScheduler.Setup(executor.config(), 0, policy, new KvPolicy.Full(),
                List.of(new AdapterUse(0, selector)), true))).score(new int[150], 64, 0, Progress.NONE);
        assertEquals(List.of(64, 64, 22), score.traces().stream().map(trace -> trace.tokens().size()).toList());
        assertEquals(150, score.cost().tokens());
        assertEquals(4, score.cost().meanComponents());
        long ofWindow = 64L * executor.config().layers() * KvFormat.FULL.bytesPerToken(executor.config(), KvType.F32);
        assertEquals(ofWindow, score.cost().kvBytes());
        assertEquals(ofWindow, score.cost().kvBytesPeak());
        assertEquals(ofWindow, score.cost().kvBytesFull());
    }

    @Test
    void aWindowLongerThanTheContextIsRefused() {
        assertThrows(IllegalArgumentException.class,
                () -> scorer(executor(4, 4)).score(new int[5], 5, 0, Progress.NONE));
    }

    @Test
    void aLogitThatIsNoNumberIsAnError() {
        ScriptedExecutor broken = new ScriptedExecutor(3, 8, 8, (token, position) -> new float[] {0, Float.NaN, 1});
        assertThrows(ExecutorException.class, () -> scorer(broken).score(new int[] {0, 1}, 2, 0, Progress.NONE));
    }

    private static Scorer scorer(ScriptedExecutor executor) {
        ChunkPolicy policy = ChunkPolicy.uniformMax();
        return new Scorer(new ChunkScheduler(executor, new ChunkScheduler.Setup(executor.config(), policy, new KvPolicy.Full(),
                RungSelector.base(policy))));
    }

    private static ScriptedExecutor executor(int context, int rowCapacity) {
        return new ScriptedExecutor(VOCAB, context, rowCapacity, ScorerTest::logits);
    }

    private static float[] logits(int token, int position) {
        Random random = new Random(31L * token + position);
        float[] logits = new float[VOCAB];
        for (int id = 0; id < VOCAB; id++) {
            logits[id] = (float) (100 + 5 * random.nextGaussian());
        }
        return logits;
    }

    private static double logSoftmax(int token, int position, int next) {
        float[] logits = logits(token, position);
        double sum = 0;
        for (float logit : logits) {
            sum += Math.exp(logit - 100.0);
        }
        return logits[next] - 100.0 - Math.log(sum);
    }
}
