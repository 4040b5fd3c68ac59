package io.chunkwise.calibrate.budget;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TextSplitTest {

    @ParameterizedTest
    @ValueSource(strings = {"", "a", "no-white-space-at-all", "one two three four five six seven eight nine ten\neleven twelve",
        " \n ", "ab 😀😀 😀 cd ef"})
    void thePartsAreTheTextInOrder(String text) {
        TextSplit split = TextSplit.of(text, Optional.empty());
        assertEquals(text, split.sample() + split.validation() + split.heldOut());
        TextSplit apart = TextSplit.of(text, Optional.of("other"));
        assertEquals(text, apart.sample() + apart.validation());
        assertEquals("other", apart.heldOut());
    }

    @Test
    void aFifthIsHeldOutAndWordsStayWhole() {
        String text = "word ".repeat(1000);
        TextSplit split = TextSplit.of(text, Optional.empty());
        assertEquals(1000, split.heldOut().length(), 5);
        assertEquals(2400, split.sample().length(), 5);
        assertTrue(split.sample().endsWith(" ") && split.validation().endsWith(" "));
    }
}
