package io.chunkwise.evaluate.perplexity;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.evaluate.Item;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PerplexityRecipeTest {
    private static final OptionalInt BOS = OptionalInt.of(-1);

    // The loop of the perplexity guide in Hugging Face's documentation, in positions of the text.
    private static List<int[]> huggingFace(int length, int window, int stride) {
        List<int[]> windows = new ArrayList<>();
        int previousEnd = 0;
        for (int begin = 0; begin < length; begin += stride) {
            int end = Math.min(begin + window, length);
            int targets = end - previousEnd;
            // labels are shifted: the first has no logits
            int[] scored = IntStream.range(Math.max(begin + 1, end - targets), end).toArray();
            if (scored.length > 0) {
                windows.add(scored);
            }
            previousEnd = end;
            if (end == length) {
                break;
            }
        }
        return windows;
    }

    @ParameterizedTest
    @CsvSource({"2, 2, 2", "3, 2, 2", "17, 4, 4", "17, 4, 1", "100, 33, 7", "100, 100, 3", "64, 16, 16", "65, 16, 16", "66, 16, 16",
            "5, 512, 512"})
    void stridedWindowsScoreWhatHuggingFacesLoopScores(int length, int window, int stride) {
        int[] ids = IntStream.range(0, length).toArray();
        List<Item<TextWindow>> windows = new PerplexityRecipe.Strided(window, stride).windows(ids, BOS);
        List<int[]> expected = huggingFace(length, window, stride);
        assertEquals(expected.size(), windows.size());
        for (int i = 0; i < windows.size(); i++) {
            TextWindow cut = windows.get(i).content();
            assertEquals(Integer.toString(i), windows.get(i).id());
            assertArrayEquals(expected.get(i),
                    IntStream.range(cut.firstScored(), cut.tokens().length).map(at -> cut.tokens()[at]).toArray(),
                    "window " + i);
            assertTrue(cut.tokens().length <= window);
        }
        int scored = windows.stream().mapToInt(item -> item.content().scored()).sum();
        assertEquals(stride < window ? length - 1 : length - Math.ceilDiv(length, window), scored);
    }

    @ParameterizedTest
    @CsvSource({"64, 8, 8", "70, 8, 8", "17, 8, 2", "100, 5, 20"})
    void llamaCppScoresTheIdsBehindTheMiddleOfWholeChunks(int length, int window, int chunks) {
        int[] ids = IntStream.range(100, 100 + length).toArray();
        List<Item<TextWindow>> windows = new PerplexityRecipe.LlamaCpp(window).windows(ids, BOS);
        assertEquals(chunks, windows.size());
        for (int i = 0; i < chunks; i++) {
            int[] tokens = windows.get(i).content().tokens();
            assertEquals(window, tokens.length);
            assertEquals(-1, tokens[0], "BOS in place of the first id");
            for (int at = 1; at < window; at++) {
                assertEquals(ids[i * window + at], tokens[at]);
            }
            // Logits from n_ctx / 2 on are compared with the id after each: n_ctx - n_ctx / 2 - 1 of them.
            assertEquals(window - window / 2 - 1, windows.get(i).content().scored());
        }
        assertEquals(100, new PerplexityRecipe.LlamaCpp(window).windows(ids, OptionalInt.empty()).getFirst().content().tokens()[0]);
    }

    @Test
    void recipesRefuseWhatTheyCannotScore() {
        assertThrows(IllegalArgumentException.class, () -> new PerplexityRecipe.Strided(1, 1));
        assertThrows(IllegalArgumentException.class, () -> new PerplexityRecipe.Strided(8, 0));
        assertThrows(IllegalArgumentException.class, () -> new PerplexityRecipe.Strided(8, 9));
        assertThrows(IllegalArgumentException.class, () -> new PerplexityRecipe.LlamaCpp(3));
        assertThrows(IllegalArgumentException.class, () -> new PerplexityRecipe.LlamaCpp(8).windows(new int[15], BOS));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void aTextOfOneIdIsTooShort(int length) {
        assertThrows(IllegalArgumentException.class, () -> new PerplexityRecipe.Strided(8, 8).windows(new int[length], BOS));
    }
}
