package io.chunkwise.generate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.fixtures.ScriptedExecutor;
import io.chunkwise.generate.GenerationResult.StopReason;
import io.chunkwise.model.forward.OutputRequest;
import io.chunkwise.model.kv.KvFormat;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.SyntheticLlama;
import io.chunkwise.model.tokenizer.Tokenizer;
import io.chunkwise.policy.Band;
import io.chunkwise.policy.ChunkPolicy;
import io.chunkwise.policy.Estimation;
import io.chunkwise.policy.KvBounds;
import io.chunkwise.policy.KvPolicy;
import io.chunkwise.policy.RungKind;
import io.chunkwise.schedule.ChunkScheduler;
import io.chunkwise.schedule.Decision;
import io.chunkwise.selection.RungSelector;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ChunkwiseGeneratorTest {
    // Ids are letters: 0 is 'a'. Ends of text: id 2 ('c'), from the synthetic configuration.
    private static final int VOCAB = 26;
    private static final LlamaConfig CONFIG = SyntheticLlama.config(8, 1, 1, 1, 8, VOCAB, 64);

    @Test
    void theTextGoesOnAfterThePrompt() {
        GenerationResult result = generate(ScriptedExecutor.counting(VOCAB, 64, 8), ids("ghi"), request(5));
        assertEquals("jklmn", result.text());
        assertArrayEquals(ids("jklmn"), result.tokens());
        assertEquals(3, result.promptTokens());
        assertEquals(StopReason.MAX_TOKENS, result.stopReason());
    }

    @ParameterizedTest
    @CsvSource({"1, 1", "1, 4", "7, 3", "8, 4", "9, 4", "17, 100", "17, 1"})
    void prefillReadsThePromptOnceInPassesOfTheRowCapacity(int promptTokens, int rowCapacity) {
        ScriptedExecutor executor = ScriptedExecutor.counting(VOCAB, 64, rowCapacity);
        int[] prompt = IntStream.range(0, promptTokens).map(i -> (i * 7 + 5) % VOCAB).toArray();
        GenerationResult result = generator(executor, halved()).generate(prompt, request(3), GenerationListener.NONE);
        List<Integer> seen = new ArrayList<>();
        for (ScriptedExecutor.Pass pass : executor.passes()) {
            assertEquals(seen.size(), pass.position(), "position of a pass");
            for (int row = 0; row < pass.tokens().length; row++) {
                seen.add(pass.tokens()[row]);
                assertEquals(0.5f, pass.gain()[row], "gain of the adapter's only group");
            }
            boolean isPrefillBeforeTheEnd = seen.size() < promptTokens;
            assertEquals(isPrefillBeforeTheEnd ? new OutputRequest.Nothing() : new OutputRequest.LastTop(1), pass.request());
        }
        List<Integer> expected = new ArrayList<>(IntStream.of(prompt).boxed().toList());
        expected.addAll(IntStream.of(result.tokens()).limit(2).boxed().toList()); // nobody needs what comes after the last token
        assertEquals(expected, seen);
        assertEquals(Math.ceilDiv(promptTokens, rowCapacity) + 2, executor.passes().size());
        assertEquals(2, result.decodePasses());
    }

    @Test
    void anEndOfTextTokenEndsTheTextAndIsNotPartOfIt() {
        GenerationResult result = generate(ScriptedExecutor.counting(VOCAB, 64, 8), ids("y"), request(20));
        assertEquals("zab", result.text());
        assertArrayEquals(ids("zab"), result.tokens());
        assertEquals(StopReason.END_OF_TEXT, result.stopReason());
    }

    @Test
    void anEndOfTextTokenCanBeIgnored() {
        GenerationRequest request = new GenerationRequest(6, List.of(), true, SamplingOptions.greedy());
        assertEquals("zabcde", generate(ScriptedExecutor.counting(VOCAB, 64, 8), ids("y"), request).text());
    }

    @Test
    void aStopStringOverSeveralTokensEndsTheTextBeforeItAndIsNeverStreamed() {
        GenerationRequest request = new GenerationRequest(20, List.of("xyz", "lmn"), false, SamplingOptions.greedy());
        List<String> pieces = new ArrayList<>();
        GenerationResult result = generator(ScriptedExecutor.counting(VOCAB, 64, 8)).generate(ids("g"), request, pieces::add);
        assertEquals("hijk", result.text());
        assertEquals("hijk", String.join("", pieces));
        assertEquals(StopReason.STOP_STRING, result.stopReason());
        assertArrayEquals(ids("hijklmn"), result.tokens());
    }

    @Test
    void textThatWasHeldBackForAStopStringIsGivenOutAtTheEnd() {
        GenerationRequest request = new GenerationRequest(3, List.of("jz"), false, SamplingOptions.greedy());
        assertEquals("hij", generate(ScriptedExecutor.counting(VOCAB, 64, 8), ids("g"), request).text());
    }

    @Test
    void aFullContextEndsTheText() {
        GenerationResult result = generate(ScriptedExecutor.counting(VOCAB, 10, 4), ids("defghij"), request(100));
        assertEquals(StopReason.CONTEXT_FULL, result.stopReason());
        assertEquals("klmn", result.text(), "10 positions: 7 of the prompt, 3 of new tokens, and one token that needs none");
        assertEquals("k", generate(ScriptedExecutor.counting(VOCAB, 7, 4), ids("defghij"), request(100)).text());
    }

    @Test
    void aPromptThatDoesNotFitIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> generate(ScriptedExecutor.counting(VOCAB, 6, 4), ids("defghij"), request(1)));
        assertThrows(IllegalArgumentException.class, () -> generate(ScriptedExecutor.counting(VOCAB, 6, 4), new int[0], request(1)));
    }

    @Test
    void noTokensCanBeAskedFor() {
        ScriptedExecutor executor = ScriptedExecutor.counting(VOCAB, 64, 8);
        GenerationResult result = generate(executor, ids("gh"), request(0));
        assertEquals("", result.text());
        assertEquals(1, executor.passes().size());
        assertTrue(result.decodeMillisPerToken().isEmpty());
    }

    @Test
    void thePenaltyKnowsThePrompt() {
        // Greedy would say 'b' again and again; with the penalty every letter that came is beaten by the next best.
        ScriptedExecutor executor = new ScriptedExecutor(VOCAB, 64, 8, (token, position) -> {
            float[] logits = new float[VOCAB];
            for (int id = 0; id < VOCAB; id++) {
                logits[id] = 30 - 0.1f * Math.abs(id - 10);
            }
            return logits;
        });
        GenerationRequest request = new GenerationRequest(3, List.of(), false, new SamplingOptions(0, 0, 1, 0, 2, -1, 0));
        assertEquals("jli", generate(executor, ids("k"), request).text());
    }

    @Test
    void aTokenizersSmallerVocabularyHasNoTextForPaddingIds() {
        ScriptedExecutor executor = ScriptedExecutor.counting(VOCAB + 2, 64, 8);
        GenerationResult result = generator(executor).generate(ids("y"), request(4), GenerationListener.NONE);
        assertArrayEquals(new int[] {25, 26, 27, 0}, result.tokens());
        assertEquals("za", result.text());
    }

    @Test
    void everyNewTokenIsDecidedBeforeItsText() {
        List<String> heard = new ArrayList<>();
        GenerationListener listener = new GenerationListener() {
            @Override
            public void onText(String text) {
                heard.add(text);
            }

            @Override
            public void onDecision(Decision decision) {
                heard.add(decision.position() + ":" + decision.token());
            }
        };
        ScriptedExecutor executor = ScriptedExecutor.counting(VOCAB, 64, 8);
        generator(executor).generate(ids("ghi"), request(3), listener);
        assertEquals(List.of("3:9", "j", "4:10", "k", "5:11", "l"), heard);
        assertEquals(5, executor.kv().filled(), "nobody needs what comes after the last token");
    }

    @Test
    void aWindowWritesOnBeyondTheContext() {
        ScriptedExecutor executor = ScriptedExecutor.counting(VOCAB, 64, 8);
        ChunkPolicy policy = ChunkPolicy.uniformMax();
        GenerationRequest endless = new GenerationRequest(1000, List.of(), true, SamplingOptions.greedy());
        GenerationResult result = generator(executor,
                new ChunkScheduler.Setup(executor.config(), policy, new KvPolicy.Window(20), RungSelector.base(policy)))
                .generate(ids("abcdefghijklmnopqrstuvwxyz".repeat(5)), endless, GenerationListener.NONE);
        assertEquals("abcdefghijklmnopqrstuvwxyz".repeat(39).substring(0, 1000), result.text());
        assertEquals(StopReason.MAX_TOKENS, result.stopReason());
    }

    private static GenerationResult generate(ScriptedExecutor executor, int[] prompt, GenerationRequest request) {
        return generator(executor).generate(prompt, request, GenerationListener.NONE);
    }

    private static ChunkwiseGenerator generator(ScriptedExecutor executor) {
        ChunkPolicy policy = ChunkPolicy.uniformMax();
        return generator(executor, new ChunkScheduler.Setup(executor.config(), policy, new KvPolicy.Full(), RungSelector.base(policy)));
    }

    private static ChunkwiseGenerator generator(ScriptedExecutor executor, ChunkScheduler.Setup setup) {
        return new ChunkwiseGenerator(new ChunkScheduler(executor, setup), new Letters());
    }

    /** All tokens at half the adapter's scale. */
    private static ChunkScheduler.Setup halved() {
        Band half = new Band("half", 100, 128, 128, Band.ALL_COMPONENTS, 0.5f, List.of(KvFormat.FULL));
        ChunkPolicy policy = new ChunkPolicy("half", Estimation.NONE, RungKind.FIXED, List.of(half), 0, Double.POSITIVE_INFINITY,
                KvBounds.DEFAULT);
        return new ChunkScheduler.Setup(CONFIG, policy, new KvPolicy.Full(),
                RungSelector.plain(policy, SyntheticLlama.adapter(CONFIG, 2, 1)));
    }

    private static GenerationRequest request(int maxTokens) {
        return new GenerationRequest(maxTokens, List.of(), false, SamplingOptions.greedy());
    }

    private static int[] ids(String letters) {
        return letters.chars().map(c -> c - 'a').toArray();
    }

    private static final class Letters implements Tokenizer {
        @Override
        public int vocabSize() {
            return VOCAB;
        }

        @Override
        public int[] encode(String text, boolean addSpecial) {
            return ids(text);
        }

        @Override
        public String decode(int[] ids) {
            StringBuilder text = new StringBuilder();
            IntStream.of(ids).forEach(id -> text.append(piece(id)));
            return text.toString();
        }

        @Override
        public String piece(int id) {
            if (id >= VOCAB) {
                throw new IllegalArgumentException("id " + id);
            }
            return String.valueOf((char) ('a' + id));
        }
    }
}
