package io.chunkwise.evaluate;

import java.util.Arrays;
import java.util.List;
import java.util.regex.Pattern;

/** White space as Python's {@code str.split} and {@code str.rstrip} see it, which the official scorers are written in. */
public final class Words {
    private static final Pattern SPACES = Pattern.compile("[\\t-\\r\\x1C-\\x1F \\x85\\p{Z}]+");

    private Words() {
    }

    /** What stands between white space. */
    public static List<String> split(String text) {
        return Arrays.stream(SPACES.split(text)).filter(word -> !word.isEmpty()).toList();
    }

    /** The text without white space at its end. */
    public static String stripEnd(String text) {
        int end = text.length();
        while (end > 0 && SPACES.matcher(text.substring(end - 1, end)).matches()) {
            end--;
        }
        return text.substring(0, end);
    }
}
