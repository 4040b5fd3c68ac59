package io.chunkwise.evaluate;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

class WordsTest {
    // Every character for which Python 3's str.isspace is true.
    private static final String SPACES = "\t\n\u000B\f\r\u001C\u001D\u001E\u001F \u0085\u00A0\u1680\u2000\u2001\u2002\u2003\u2004\u2005"
            + "\u2006\u2007\u2008\u2009\u200A\u2028\u2029\u202F\u205F\u3000";

    @Test
    void everyWhiteSpaceOfPythonEndsAWord() {
        SPACES.chars().forEach(space -> assertEquals(List.of("a", "b"), Words.split((char) space + "a" + (char) space + "b" + (char) space),
                () -> "U+" + Integer.toHexString(space)));
        assertEquals(List.of(), Words.split(SPACES));
        assertEquals(List.of(), Words.split(""));
        assertEquals(List.of("a\u200Bb", "\uFEFFc"), Words.split("a\u200Bb \uFEFFc"), "zero-width characters are no white space");
    }

    @Test
    void onlyTheEndIsStripped() {
        assertEquals(SPACES + "a", Words.stripEnd(SPACES + "a" + SPACES));
        assertEquals("", Words.stripEnd(SPACES));
        assertEquals("", Words.stripEnd(""));
    }
}
