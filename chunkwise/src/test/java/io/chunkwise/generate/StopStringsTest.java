package io.chunkwise.generate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class StopStringsTest {

    @Test
    void aStopStringSplitOverPiecesIsFoundAndNeverShown() {
        StopStrings stops = new StopStrings(List.of("\n\nUser:"));
        assertEquals("Hello", stops.append("Hello\n"));
        assertEquals("", stops.append("\nUs"));
        assertFalse(stops.stopped());
        assertEquals("", stops.append("er: more"));
        assertTrue(stops.stopped());
    }

    @Test
    void textThatOnlyBeganLikeAStopStringIsGivenBack() {
        StopStrings stops = new StopStrings(List.of("</s>"));
        assertEquals("a", stops.append("a</"));
        assertEquals("</b>", stops.append("b>"));
        assertEquals("", stops.append("<"));
        assertEquals("<", stops.finish());
        assertFalse(stops.stopped());
    }

    @Test
    void theEarliestOfSeveralStopStringsEndsTheText() {
        StopStrings stops = new StopStrings(List.of("world", "lo"));
        assertEquals("hel", stops.append("hello world"));
        assertTrue(stops.stopped());
    }

    @Test
    void anyCutIntoPiecesGivesTheTextBeforeTheFirstStopString() {
        Random random = new Random(11);
        List<String> stops = List.of("aab", "ba", "ccc");
        for (int run = 0; run < 2000; run++) {
            StringBuilder text = new StringBuilder();
            for (int i = random.nextInt(20); i > 0; i--) {
                text.append("abc".charAt(random.nextInt(3)));
            }
            int expectedEnd = stops.stream().mapToInt(text::indexOf).filter(i -> i >= 0).min().orElse(text.length());
            StopStrings finder = new StopStrings(stops);
            StringBuilder shown = new StringBuilder();
            for (int at = 0; at < text.length() && !finder.stopped();) {
                int end = Math.min(text.length(), at + 1 + random.nextInt(4));
                shown.append(finder.append(text.substring(at, end)));
                at = end;
            }
            shown.append(finder.finish());
            // A stop string that ends earlier may be found before one that begins earlier has come to its end.
            boolean cutLater = shown.length() > expectedEnd;
            if (cutLater) {
                assertTrue(stops.stream().anyMatch(stop -> text.substring(shown.length()).startsWith(stop)), "run " + run + ": " + text);
            } else {
                assertEquals(text.substring(0, expectedEnd), shown.toString(), "run " + run + ": " + text);
            }
        }
    }

    @Test
    void withoutStopStringsNothingIsHeldBack() {
        assertEquals("text", new StopStrings(List.of()).append("text"));
    }
}
