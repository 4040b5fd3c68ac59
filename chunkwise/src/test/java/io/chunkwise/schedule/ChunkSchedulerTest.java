package io.chunkwise.schedule;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.fixtures.Ladders;
import io.chunkwise.fixtures.RandomPolicies;
import io.chunkwise.fixtures.ScriptedExecutor;
import io.chunkwise.fixtures.Texts;
import io.chunkwise.model.forward.OutputRequest;
import io.chunkwise.model.forward.PassOutput;
import io.chunkwise.model.forward.Statistics;
import io.chunkwise.model.kv.KvFormat;
import io.chunkwise.model.kv.KvMeasurement;
import io.chunkwise.model.kv.KvPage;
import io.chunkwise.model.kv.KvType;
import io.chunkwise.policy.Band;
import io.chunkwise.policy.ChunkPolicy;
import io.chunkwise.policy.Estimation;
import io.chunkwise.policy.KvBounds;
import io.chunkwise.policy.KvPolicy;
import io.chunkwise.policy.RungKind;
import io.chunkwise.policy.SignalKind;
import io.chunkwise.selection.RungSelector;
import io.chunkwise.selection.Selection;
import io.chunkwise.trace.ChunkTrace;
import io.chunkwise.trace.SequenceTrace;
import io.chunkwise.trace.TokenTrace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ChunkSchedulerTest {
    private static final int VOCAB = 30;
    private static final OutputRequest TOP = new OutputRequest.LastTop(1);

    /** How a text arrives. */
    private enum Arrival { AT_ONCE, IN_PIECES, TOKEN_BY_TOKEN }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})
    void theSameTextGetsTheSameDecisionsHoweverItArrives(long seed) {
        int[] text = Texts.tokens(seed, 700, VOCAB);
        ChunkPolicy policy = RandomPolicies.policy(seed, 8, seed % 2 == 0 ? RungKind.FIXED : RungKind.THRESHOLD)
                .withBudget(seed % 3 == 0 ? 3 : Double.POSITIVE_INFINITY);
        for (KvPolicy kv : List.of(new KvPolicy.Full(), new KvPolicy.Q8(50), new KvPolicy.Adaptive(policy.kv()),
                new KvPolicy.Window(100))) {
            SequenceTrace expected = null;
            List<float[]> expectedGains = null;
            for (Arrival arrival : Arrival.values()) {
                ScriptedExecutor executor = executor(kv.endless() ? 256 : 1024, 64);
                ChunkScheduler scheduler = scheduler(executor, policy, kv, seed);
                feed(scheduler, text, arrival, seed);
                SequenceTrace trace = scheduler.trace();
                List<float[]> gains = gains(executor);
                String which = "seed " + seed + ", " + kv.word() + ", " + arrival;
                checkCover(which, policy, text, trace);
                if (expected == null) {
                    expected = trace;
                    expectedGains = gains;
                }
                assertEquals(expected.chunks().size(), trace.chunks().size(), which + ": chunks");
                for (int i = 0; i < expected.chunks().size(); i++) {
                    assertEquals(expected.chunks().get(i), trace.chunks().get(i), which + ", chunk " + i);
                }
                for (int t = 0; t < text.length; t++) {
                    assertEquals(expected.tokens().get(t), given(trace.tokens().get(t)), which + ", token " + t);
                    assertArrayEquals(expectedGains.get(t), gains.get(t), which + ", gains of row " + t);
                }
                assertEquals(expected.memory().kvBytes(), trace.memory().kvBytes(), which);
            }
        }
    }

    private static TokenTrace given(TokenTrace token) {
        return new TokenTrace(token.position(), token.id(), false, token.entropy(), token.novelty(), token.attention(), token.prior(),
                token.benefit(), token.score(), token.components());
    }

    private static void checkCover(String which, ChunkPolicy policy, int[] text, SequenceTrace trace) {
        int position = 0;
        for (ChunkTrace chunk : trace.chunks()) {
            assertEquals(position, chunk.start(), which);
            Band band = policy.bands().get(chunk.bandIndex());
            int length = chunk.end() - chunk.start();
            assertTrue(length <= band.maxTokens(), which + ": " + chunk);
            assertTrue(length >= band.minTokens() || chunk.end() == text.length, which + ": " + chunk);
            position = chunk.end();
        }
        assertEquals(text.length, position, which);
        assertArrayEquals(text, trace.tokens().stream().mapToInt(TokenTrace::id).toArray(), which);
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6})
    void aRowsGainsAreItsChunksAfterTheWindow(long seed) {
        int[] text = Texts.tokens(seed, 500, VOCAB);
        ChunkPolicy policy = RandomPolicies.policy(seed, 8, RungKind.FIXED);
        ScriptedExecutor executor = executor(512, 64);
        ChunkScheduler scheduler = scheduler(executor, policy, new KvPolicy.Full(), seed);
        feed(scheduler, text, Arrival.IN_PIECES, seed);
        List<float[]> gains = gains(executor);
        for (ChunkTrace chunk : scheduler.trace().chunks()) {
            Selection selection = scheduler.setup().adapters().getFirst().selector().select(chunk.bandIndex());
            assertEquals(selection.rung(), chunk.rung());
            for (int t = chunk.start() == 0 ? 0 : chunk.start() + policy.fadeTokens(); t < chunk.end(); t++) {
                assertArrayEquals(selection.gains(), gains.get(t), "seed " + seed + ", row " + t + " of " + chunk);
            }
        }
    }

    @Test
    void aUniformPolicyReadsInPassesOfTheFullRowCapacityAndAsksForNoStatistics() {
        ScriptedExecutor executor = executor(512, 100);
        ChunkScheduler scheduler = scheduler(executor, ChunkPolicy.uniformMax(), new KvPolicy.Full(), 1);
        feed(scheduler, Texts.tokens(1, 350, VOCAB), Arrival.AT_ONCE, 1);
        assertEquals(List.of(100, 100, 100, 50), executor.passes().stream().map(pass -> pass.tokens().length).toList());
        for (ScriptedExecutor.Pass pass : executor.passes()) {
            assertEquals(Statistics.NONE, pass.statistics());
            float[] ones = new float[pass.tokens().length];
            Arrays.fill(ones, 1);
            assertArrayEquals(ones, pass.gain());
        }
        assertEquals(List.of(128, 256, 350), scheduler.trace().chunks().stream().map(ChunkTrace::end).toList());
        assertEquals(8, scheduler.cost().meanComponents());
    }

    @Test
    void passesReturnStatisticsOnlyForSignalsThatNeedThem() {
        ChunkPolicy adaptive = ChunkPolicy.adaptive();
        ScriptedExecutor executor = executor(512, 128);
        ChunkScheduler scheduler = scheduler(executor, adaptive.withSignals(EnumSet.of(SignalKind.NGRAM)), new KvPolicy.Full(), 1);
        feed(scheduler, Texts.tokens(1, 200, VOCAB), Arrival.AT_ONCE, 1);
        assertEquals(List.of(128, 72), executor.passes().stream().map(pass -> pass.tokens().length).toList());
        assertTrue(executor.passes().stream().allMatch(pass -> pass.statistics() == Statistics.NONE));
        assertTrue(Float.isNaN(scheduler.trace().tokens().getFirst().entropy()), "entropy is off");

        ScriptedExecutor asked = executor(512, 128);
        ChunkScheduler entropy = scheduler(asked, policyWith(SignalKind.ENTROPY), new KvPolicy.Full(), 1);
        entropy.read(Texts.tokens(1, 70, VOCAB), TOP, PassListener.NONE);
        entropy.decide(3);
        entropy.run(TOP);
        assertEquals(List.of(32, 32, 6, 1), asked.passes().stream().map(pass -> pass.tokens().length).toList());
        assertEquals(List.of(Statistics.ALL_ROWS, Statistics.ALL_ROWS, Statistics.ALL_ROWS, Statistics.LAST_ROW),
                asked.passes().stream().map(ScriptedExecutor.Pass::statistics).toList());
        assertEquals(List.of(new OutputRequest.Nothing(), new OutputRequest.Nothing(), TOP, TOP),
                asked.passes().stream().map(ScriptedExecutor.Pass::request).toList());
    }

    private static ChunkPolicy policyWith(SignalKind kind) {
        ChunkPolicy random = RandomPolicies.policy(1, 8, RungKind.FIXED);
        return new ChunkPolicy("one signal", Estimation.NONE.withWeights(Map.of(kind, 1.0)), random.rungs(),
                random.bands(), 4, Double.POSITIVE_INFINITY, random.kv());
    }

    @Test
    void allLogitsComePassByPass() {
        ScriptedExecutor executor = executor(512, 64);
        ChunkScheduler scheduler = scheduler(executor, RandomPolicies.policy(3, 8, RungKind.FIXED), new KvPolicy.Q8(20), 1);
        int[] text = Texts.tokens(5, 300, VOCAB);
        List<Integer> seen = new ArrayList<>();
        scheduler.read(Arrays.copyOf(text, 100), new OutputRequest.AllLogits(), (from, rows, output) -> {
            assertEquals(seen.size(), from);
            assertEquals(rows * VOCAB, ((PassOutput.Logits) output).values().length);
            for (int i = 0; i < rows; i++) {
                seen.add(from + i);
            }
        });
        assertEquals(100, seen.size());
        seen.clear();
        scheduler.read(Arrays.copyOfRange(text, 100, 300), TOP, (from, rows, output) -> {
            assertEquals(seen.size(), from, "counted from the first token that is read");
            for (int i = 0; i < rows; i++) {
                seen.add(from + i);
            }
        });
        assertEquals(200, seen.size());
    }

    @ParameterizedTest
    @CsvSource({"1, 100, 256", "2, 1, 64", "3, 200, 232", "4, 37, 100"})
    void aWindowGoesOnForEverInConstantMemoryWithConsistentPositions(long seed, int window, int context) {
        int length = 20_000;
        ScriptedExecutor executor = new ScriptedExecutor(VOCAB, context, 64, (token, position) -> logits(token)).forgetful();
        ChunkPolicy policy = RandomPolicies.policy(seed, 8, RungKind.FIXED);
        RungSelector selector = RungSelector.of(policy, Ladders.ladder(executor.config(), 8, seed));
        ChunkScheduler scheduler = new ChunkScheduler(executor,
                new ChunkScheduler.Setup(executor.config(), policy, new KvPolicy.Window(window), selector));
        int[] text = Texts.tokens(seed, length, VOCAB);
        scheduler.read(Arrays.copyOf(text, 1000), TOP, PassListener.NONE);
        long mostBytes = 0;
        for (int t = 1000; t < length; t++) {
            Decision decision = scheduler.decide(text[t]);
            assertEquals(t, decision.position());
            scheduler.run(TOP);
            assertTrue(executor.kv().filled() <= context);
            mostBytes = Math.max(mostBytes, scheduler.cost().kvBytes());
        }
        scheduler.finish();
        long tokenBytes = (long) KvFormat.FULL.bytesPerToken(executor.config(), KvType.F32) * executor.config().layers();
        long fullContext = KvPage.count(context) * KvPage.TOKENS * tokenBytes;
        assertTrue(mostBytes <= fullContext, mostBytes + " bytes of " + fullContext);
        assertEquals(length, scheduler.cost().tokens());
        assertEquals(length * tokenBytes, scheduler.cost().kvBytesFull());
        assertThrows(IllegalStateException.class, scheduler::trace, "no trace is kept");
    }

    @Test
    void theCacheHoldsTheFirstPageAndTheNewestTokensAfterAShift() {
        int context = 128;
        List<Integer> held = new ArrayList<>(); // token index by position of the cache, as the passes write it
        ScriptedExecutor executor = executor(context, 16);
        ChunkScheduler scheduler = scheduler(executor, ChunkPolicy.uniform(4), new KvPolicy.Window(40), 1);
        int[] text = new int[1000];
        Arrays.setAll(text, t -> t % VOCAB);
        feed(scheduler, text, Arrival.IN_PIECES, 7);
        int read = 0;
        for (ScriptedExecutor.Pass pass : executor.passes()) {
            if (pass.position() < held.size()) {
                int dropped = held.size() - pass.position();
                assertEquals(0, dropped % KvPage.TOKENS, "dropped " + dropped);
                held.subList(KvPage.TOKENS, KvPage.TOKENS + dropped).clear();
                assertTrue(held.get(KvPage.TOKENS) <= read - 40, "a token of the window was dropped");
            }
            assertEquals(held.size(), pass.position());
            for (int token : pass.tokens()) {
                assertEquals(text[read], token);
                held.add(read++);
            }
        }
        assertEquals(text.length, read);
        assertEquals(List.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), held.subList(0, 16));
        SequenceTrace trace = scheduler.trace();
        assertEquals(KvFormat.EVICTED, trace.chunks().get(3).kvFormat());
        assertEquals(KvFormat.FULL, trace.chunks().getLast().kvFormat());
        assertTrue(trace.chunks().getFirst().kvPages().containsKey(KvFormat.FULL), "the first page stays");
    }

    @Test
    void anAdapterIsSwitchedAtItsTokenWhereAChunkBegins() {
        ScriptedExecutor executor = executor(512, 64);
        ChunkPolicy policy = RandomPolicies.policy(2, 8, RungKind.FIXED);
        RungSelector first = RungSelector.of(policy, Ladders.ladder(executor.config(), 8, 1));
        RungSelector second = RungSelector.of(policy, Ladders.ladder(executor.config(), 8, 2));
        ChunkScheduler.Setup setup = new ChunkScheduler.Setup(executor.config(), 0, policy, new KvPolicy.Full(),
                List.of(new AdapterUse(0, first), new AdapterUse(100, second), new AdapterUse(205, RungSelector.base(policy))), true);
        ChunkScheduler scheduler = new ChunkScheduler(executor, setup);
        int[] text = Texts.tokens(4, 300, VOCAB);
        for (Arrival arrival : Arrival.values()) {
            scheduler.reset();
            feed(scheduler, text, arrival, 3);
            assertTrue(scheduler.trace().chunks().stream().anyMatch(chunk -> chunk.start() == 100 && chunk.adapter().equals("ladder2")));
            assertTrue(scheduler.trace().chunks().stream().anyMatch(chunk -> chunk.start() == 205 && chunk.adapter().isEmpty()));
            int row = 0;
            for (ScriptedExecutor.Pass pass : executor.passes()) {
                for (int i = 0; i < pass.tokens().length; i++) {
                    assertEquals(row < 100 ? "ladder1" : row < 205 ? "ladder2" : "", pass.adapter(), arrival + ", row " + row);
                    row++;
                }
            }
            executor.passes().clear();
        }
        assertEquals(1 + 3 * 2 + 2, executor.attachments(), "attached once per use, and nothing twice in a row");
    }

    @Test
    void aTraceHasWhatWasDecidedAndKeptAndWithoutOneThereIsOnlyTheCost() {
        ScriptedExecutor executor = new ScriptedExecutor(VOCAB, 512, 64, (token, position) -> logits(token),
                page -> new KvMeasurement(page, 0.5f, 0.01f, 0.03f, 1));
        ChunkPolicy policy = ChunkPolicy.adaptive();
        ChunkScheduler scheduler = new ChunkScheduler(executor, new ChunkScheduler.Setup(executor.config(), 1234, policy,
                new KvPolicy.Adaptive(new KvBounds(32, 0.02, 0.001)),
                List.of(new AdapterUse(0, RungSelector.of(policy, Ladders.ladder(executor.config(), 8, 1)))), true));
        scheduler.read(Texts.tokens(6, 300, VOCAB), TOP, PassListener.NONE);
        for (int t = 0; t < 50; t++) {
            scheduler.decide(t % VOCAB);
            scheduler.run(TOP);
        }
        scheduler.decide(0); // the last token of a text never runs
        scheduler.finish();
        SequenceTrace trace = scheduler.trace();
        assertEquals(351, trace.tokens().size());
        assertEquals(51, trace.tokens().stream().filter(TokenTrace::generated).count());
        assertEquals(1234, trace.memory().weightBytes());
        assertTrue(trace.memory().adapterBytes() > 0);
        assertTrue(trace.memory().kvBytes() <= trace.memory().kvBytesPeak() && trace.memory().kvBytesPeak() < trace.memory().kvBytesFull(),
                trace.memory().toString());
        assertEquals(trace.meanComponents(), scheduler.cost().meanComponents(), 1e-5);
        assertEquals(KvFormat.FULL, trace.chunks().getLast().kvFormat());
        ChunkTrace old = trace.chunks().get(1);
        assertEquals(KvFormat.Q8, old.kvFormat());
        assertEquals(0.01f, old.linearizationError(), "Q4 is beyond the bound, Q8 is not");
        assertTrue(Double.isNaN(trace.chunks().getLast().linearizationError()), "nothing was measured");
        for (int i = 1; i < trace.kv().size(); i++) {
            assertTrue(trace.kv().get(i).tokens() > trace.kv().get(i - 1).tokens(), "bytes over time ascend in tokens");
        }
    }

    @Test
    void wrongUseIsRefusedInOneLine() {
        ScriptedExecutor executor = executor(64, 16);
        ChunkScheduler scheduler = scheduler(executor, ChunkPolicy.uniform(4), new KvPolicy.Full(), 1);
        assertThrows(IllegalArgumentException.class, () -> scheduler.read(new int[0], TOP, PassListener.NONE));
        assertEquals("no room for 65 more tokens: the context of 64 holds 0",
                assertThrows(IllegalArgumentException.class, () -> scheduler.read(new int[65], TOP, PassListener.NONE)).getMessage());
        assertThrows(IllegalStateException.class, () -> scheduler.run(TOP), "no token is decided");
        scheduler.read(new int[63], TOP, PassListener.NONE);
        scheduler.decide(1);
        assertThrows(IllegalStateException.class, () -> scheduler.decide(1), "the one before has not run");
        scheduler.run(TOP);
        assertEquals(0, scheduler.room());
        assertThrows(IllegalArgumentException.class, () -> scheduler.decide(1));
        scheduler.finish();
        scheduler.finish();
        assertThrows(IllegalStateException.class, () -> scheduler.read(new int[1], TOP, PassListener.NONE));
        scheduler.reset();
        assertEquals(64, scheduler.room());
        assertEquals("a KV window of 40 tokens takes a context of 72 or more, not 64", assertThrows(IllegalArgumentException.class,
                () -> scheduler(executor, ChunkPolicy.uniform(4), new KvPolicy.Window(40), 1)).getMessage());
        RungSelector base = RungSelector.base(ChunkPolicy.uniform(4));
        for (List<AdapterUse> wrong : List.of(List.<AdapterUse>of(), List.of(new AdapterUse(1, base)),
                List.of(new AdapterUse(0, base), new AdapterUse(5, base), new AdapterUse(5, base)))) {
            assertThrows(IllegalArgumentException.class,
                    () -> new ChunkScheduler.Setup(executor.config(), 0, ChunkPolicy.uniform(4), new KvPolicy.Full(), wrong, false));
        }
    }

    private static ChunkScheduler scheduler(ScriptedExecutor executor, ChunkPolicy policy, KvPolicy kv, long seed) {
        RungSelector selector = RungSelector.of(policy, Ladders.ladder(executor.config(), 8, seed));
        return new ChunkScheduler(executor, new ChunkScheduler.Setup(executor.config(), 0, policy, kv, List.of(new AdapterUse(0, selector)),
                true));
    }

    private static ScriptedExecutor executor(int context, int rowCapacity) {
        return new ScriptedExecutor(VOCAB, context, rowCapacity, (token, position) -> logits(token), ChunkSchedulerTest::measurement);
    }

    private static KvMeasurement measurement(KvPage page) {
        Random random = new Random(page.layer() * 1009L + page.page());
        return new KvMeasurement(page, 0.02f * random.nextFloat(), 0.04f * random.nextFloat(), 0.05f * random.nextFloat(),
                0.06f * random.nextFloat());
    }

    /** Some tokens are followed by anything, others by one token only. */
    private static float[] logits(int token) {
        float[] logits = new float[VOCAB];
        for (int id = 0; id < VOCAB; id++) {
            logits[id] = 50 + (token % 7) * ((id * 31 + token * 17) % 13) / 4f;
        }
        return logits;
    }

    private static void feed(ChunkScheduler scheduler, int[] text, Arrival arrival, long seed) {
        switch (arrival) {
            case AT_ONCE -> scheduler.read(text, TOP, PassListener.NONE);
            case IN_PIECES -> {
                int from = 0;
                for (int end : Texts.pieces(seed, text.length)) {
                    scheduler.read(Arrays.copyOfRange(text, from, end), TOP, PassListener.NONE);
                    from = end;
                }
            }
            case TOKEN_BY_TOKEN -> {
                for (int token : text) {
                    scheduler.decide(token);
                    scheduler.run(TOP);
                }
            }
        }
        scheduler.finish();
    }

    /** Gains row by row, in the order of the passes. */
    private static List<float[]> gains(ScriptedExecutor executor) {
        List<float[]> gains = new ArrayList<>();
        for (ScriptedExecutor.Pass pass : executor.passes()) {
            int groups = pass.gain().length / pass.tokens().length;
            for (int row = 0; row < pass.tokens().length; row++) {
                gains.add(Arrays.copyOfRange(pass.gain(), row * groups, (row + 1) * groups));
            }
        }
        return gains;
    }
}
