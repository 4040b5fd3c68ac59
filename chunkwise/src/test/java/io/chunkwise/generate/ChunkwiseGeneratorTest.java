package io.chunkwise.generate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.generate.GenerationResult.StopReason;
import io.chunkwise.model.forward.OutputRequest;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.SyntheticLlama;
import io.chunkwise.model.tokenizer.Tokenizer;
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
        GenerationResult result = new ChunkwiseGenerator(executor, CONFIG, new Letters(), new float[] {0.5f, 0})
                .generate(prompt, request(3), GenerationListener.NONE);
        List<Integer> seen = new ArrayList<>();
        for (ScriptedExecutor.Pass pass : executor.passes()) {
            assertEquals(seen.size(), pass.position(), "position of a pass");
            for (int row = 0; row < pass.tokens().length; row++) {
                seen.add(pass.tokens()[row]);
                assertEquals(0.5f, pass.gain()[2 * row], "gain of group 0");
                assertEquals(0f, pass.gain()[2 * row + 1], "gain of group 1");
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
        GenerationResult result = new ChunkwiseGenerator(ScriptedExecutor.counting(VOCAB, 64, 8), CONFIG, new Letters(), new float[0])
                .generate(ids("g"), request, pieces::add);
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
        LlamaConfig padded = SyntheticLlama.config(8, 1, 1, 1, 8, VOCAB + 2, 64);
        GenerationResult result = new ChunkwiseGenerator(executor, padded, new Letters(), new float[0])
                .generate(ids("y"), request(4), GenerationListener.NONE);
        assertArrayEquals(new int[] {25, 26, 27, 0}, result.tokens());
        assertEquals("za", result.text());
    }

    private static GenerationResult generate(ScriptedExecutor executor, int[] prompt, GenerationRequest request) {
        return new ChunkwiseGenerator(executor, CONFIG, new Letters(), new float[0]).generate(prompt, request, GenerationListener.NONE);
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
