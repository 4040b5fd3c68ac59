package io.chunkwise.schedule;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.fixtures.Ladders;
import io.chunkwise.fixtures.ScriptedExecutor;
import io.chunkwise.fixtures.Texts;
import io.chunkwise.ladder.RankLadder;
import io.chunkwise.ladder.TokenBenefit;
import io.chunkwise.model.forward.OutputRequest;
import io.chunkwise.model.forward.Statistics;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.policy.ChunkPolicy;
import io.chunkwise.policy.KvPolicy;
import io.chunkwise.policy.SignalKind;
import io.chunkwise.selection.RungSelector;
import io.chunkwise.trace.SequenceTrace;
import io.chunkwise.trace.TokenTrace;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ScheduledBenefitTest {
    private static final int VOCAB = 30;
    private static final ChunkPolicy ADAPTIVE = ChunkPolicy.adaptive();
    private static final OutputRequest TOP = new OutputRequest.LastTop(1);

    @Test
    void aCalibratedAdapterIsReadInWholePassesAndAsksForNoStatistics() {
        ScriptedExecutor executor = ScriptedExecutor.counting(VOCAB, 512, 128);
        ChunkScheduler scheduler = scheduler(executor, ADAPTIVE, false, use(executor, 0, 1, true));
        scheduler.read(Texts.tokens(1, 300, VOCAB), TOP, PassListener.NONE);
        assertEquals(List.of(128, 128, 44), executor.passes().stream().map(pass -> pass.tokens().length).toList());
        assertTrue(executor.passes().stream().allMatch(pass -> pass.statistics() == Statistics.NONE));

        ScriptedExecutor other = ScriptedExecutor.counting(VOCAB, 512, 128);
        scheduler(other, ADAPTIVE, false, use(other, 0, 1, false)).read(Texts.tokens(1, 300, VOCAB), TOP, PassListener.NONE);
        assertTrue(other.passes().stream().allMatch(pass -> pass.statistics() == Statistics.ALL_ROWS),
                "without a table the signals need them");
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5})
    void aTraceShowsTheWeightedSignalsButTheyDecideNothing(long seed) {
        int[] text = Texts.tokens(seed, 400, VOCAB);
        ScriptedExecutor executor = ScriptedExecutor.counting(VOCAB, 512, 64);
        SequenceTrace with = trace(scheduler(executor, ADAPTIVE, true, use(executor, 0, seed, true)), text);
        assertTrue(executor.passes().stream().allMatch(pass -> pass.statistics() == Statistics.ALL_ROWS));
        TokenBenefit table = Ladders.benefit(VOCAB, seed);
        double score = table.of(text[0]);
        for (int t = 0; t < text.length; t++) {
            TokenTrace token = with.tokens().get(t);
            score = 0.5 * score + 0.5 * table.of(text[t]);
            assertEquals(table.of(text[t]), token.benefit(), "seed " + seed + ": benefit of token " + t);
            assertEquals(score, token.score(), 1e-6, "seed " + seed + ": score of token " + t);
            for (float signal : new float[] {token.entropy(), token.novelty(), token.attention(), token.prior()}) {
                assertTrue(signal >= 0 && signal <= 1, "seed " + seed + ": a signal of token " + t + " is " + signal);
            }
        }
        ChunkPolicy alone = ADAPTIVE.withSignals(Set.of(SignalKind.BENEFIT));
        assertEquals(with.chunks(), trace(scheduler(executor, alone, true, use(executor, 0, seed, true)), text).chunks());
        ChunkPolicy four = ADAPTIVE.withSignals(EnumSet.complementOf(EnumSet.of(SignalKind.BENEFIT)));
        SequenceTrace ignored = trace(scheduler(executor, four, true, use(executor, 0, seed, true)), text);
        assertTrue(ignored.tokens().stream().allMatch(token -> Float.isNaN(token.benefit())), "a signal that is off has no value");
        assertEquals(trace(scheduler(executor, ADAPTIVE, true, use(executor, 0, seed, false)), text).chunks(), ignored.chunks());
    }

    @Test
    void eachAdapterIsScoredByItsOwnTable() {
        int[] text = Texts.tokens(3, 400, VOCAB);
        ScriptedExecutor executor = ScriptedExecutor.counting(VOCAB, 512, 64);
        ChunkScheduler scheduler = scheduler(executor, ADAPTIVE, true, use(executor, 0, 1, true), use(executor, 150, 2, false),
                use(executor, 300, 3, true));
        SequenceTrace first = trace(scheduler, text);
        double score = 0;
        for (int t = 0; t < 400; t++) {
            TokenTrace token = first.tokens().get(t);
            if (t >= 150 && t < 300) {
                assertTrue(Float.isNaN(token.benefit()), "adapter 2 has no table");
                continue;
            }
            float benefit = Ladders.benefit(VOCAB, t < 150 ? 1 : 3).of(text[t]);
            score = t == 0 || t == 300 ? benefit : 0.5 * score + 0.5 * benefit;
            assertEquals(benefit, token.benefit(), "benefit of token " + t);
            assertEquals(score, token.score(), 1e-6, "score of token " + t);
        }
        // What comes after a switch is what would have come at the start of a sequence, in scores and bands.
        ScriptedExecutor afresh = ScriptedExecutor.counting(VOCAB, 512, 64);
        SequenceTrace alone = trace(scheduler(afresh, ADAPTIVE, true, use(afresh, 0, 3, true)), Arrays.copyOfRange(text, 300, 400));
        assertEquals(alone.chunks().stream().map(chunk -> chunk.start() + 300 + " " + chunk.band()).toList(),
                first.chunks().stream().filter(chunk -> chunk.start() >= 300).map(chunk -> chunk.start() + " " + chunk.band()).toList());
        scheduler.reset();
        assertEquals(first.chunks(), trace(scheduler, text).chunks(), "a sequence leaves nothing to the next one");
    }

    @Test
    void whatIsRequiredAndNotThereIsRefusedInOneLine() {
        ScriptedExecutor executor = ScriptedExecutor.counting(VOCAB, 512, 64);
        ChunkPolicy required = ADAPTIVE.withSignals(Set.of(SignalKind.BENEFIT));
        assertRefused("adapter 'ladder1' has none; calibrate its ladder with 'chunkwise ladder --calibrate TEXT'",
                () -> scheduler(executor, required, false, use(executor, 0, 1, false)));
        assertRefused("the base model without an adapter has none",
                () -> scheduler(executor, required, false, use(executor, 0, 1, true), new AdapterUse(9, RungSelector.base(required))));
        RankLadder foreign = Ladders.ladder(executor.config(), 16, 1).withBenefit(Ladders.benefit(VOCAB + 1, 1));
        assertRefused("benefits of 31 tokens, the model has 30",
                () -> scheduler(executor, ADAPTIVE, false, new AdapterUse(0, RungSelector.of(ADAPTIVE, foreign))));
    }

    private static void assertRefused(String part, Runnable opening) {
        String message = assertThrows(IllegalArgumentException.class, opening::run).getMessage();
        assertTrue(message.contains(part) && !message.contains("\n"), message);
    }

    private static SequenceTrace trace(ChunkScheduler scheduler, int[] text) {
        scheduler.read(text, TOP, PassListener.NONE);
        scheduler.finish();
        return scheduler.trace();
    }

    private static AdapterUse use(ScriptedExecutor executor, int from, long seed, boolean calibrated) {
        LlamaConfig config = executor.config();
        RankLadder ladder = Ladders.ladder(config, 16, seed);
        Optional<TokenBenefit> benefit = calibrated ? Optional.of(Ladders.benefit(VOCAB, seed)) : Optional.empty();
        return new AdapterUse(from, RungSelector.of(ADAPTIVE, benefit.map(ladder::withBenefit).orElse(ladder)));
    }

    private static ChunkScheduler scheduler(ScriptedExecutor executor, ChunkPolicy policy, boolean keepTrace, AdapterUse... uses) {
        return new ChunkScheduler(executor,
                new ChunkScheduler.Setup(executor.config(), 0, policy, new KvPolicy.Full(), List.of(uses), keepTrace));
    }
}
