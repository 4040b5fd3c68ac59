package io.chunkwise.model.tokenizer;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Looks for what makes a backtracking regular-expression engine try exponentially many ways, because the native library
 * ends the process after ten million: an unlimited repetition of a group that has an unlimited repetition inside, and
 * references to groups. No published pre-tokenizer has either.
 */
final class RegexCheck {
    private final String pattern;
    private int at;

    private RegexCheck(String pattern) {
        this.pattern = pattern;
    }

    /** Whether the pattern (Oniguruma's syntax) is free of both. */
    static boolean isHarmless(String pattern) {
        return new RegexCheck(pattern).scan();
    }

    private boolean scan() {
        Deque<Boolean> outer = new ArrayDeque<>(); // for each open group: is there an unlimited repetition before it?
        boolean unlimited = false; // … in the group that we are in
        while (at < pattern.length()) {
            char c = pattern.charAt(at++);
            boolean groupIsUnlimited = false;
            switch (c) {
                case '(' -> {
                    outer.push(unlimited);
                    unlimited = false;
                    skipGroupHead();
                    continue;
                }
                case ')' -> {
                    if (outer.isEmpty()) {
                        return true; // malformed: the library says so
                    }
                    groupIsUnlimited = unlimited;
                    unlimited |= outer.pop();
                }
                case '[' -> skipClass();
                case '\\' -> {
                    if (isReference()) {
                        return false;
                    }
                    at++;
                }
                default -> {
                }
            }
            if (takeUnlimitedRepetition()) {
                if (groupIsUnlimited) {
                    return false;
                }
                unlimited = true;
            }
        }
        return true;
    }

    // "?:", "?=", "?<name>", …: the question mark is no repetition.
    private void skipGroupHead() {
        if (at < pattern.length() && pattern.charAt(at) == '?') {
            at++;
        }
    }

    private boolean isReference() {
        return at < pattern.length() && (Character.isDigit(pattern.charAt(at)) && pattern.charAt(at) != '0'
                || pattern.charAt(at) == 'k' || pattern.charAt(at) == 'g');
    }

    private void skipClass() {
        boolean first = true;
        while (at < pattern.length()) {
            char c = pattern.charAt(at++);
            if (c == '^' && first) {
                continue;
            }
            if (c == '\\') {
                at++;
            } else if (c == '[') {
                skipClass(); // Oniguruma nests classes
            } else if (c == ']' && !first) {
                return;
            }
            first = false;
        }
    }

    /** Reads the repetitions after an atom; whether one of them is unlimited. */
    private boolean takeUnlimitedRepetition() {
        boolean unlimited = false;
        while (at < pattern.length()) {
            char c = pattern.charAt(at);
            if (c == '*' || c == '+') {
                unlimited = true;
                at++;
            } else if (c == '?') {
                at++;
            } else if (c == '{') {
                int end = pattern.indexOf('}', at);
                if (end < 0) {
                    return unlimited;
                }
                unlimited |= pattern.substring(at, end).endsWith(",");
                at = end + 1;
            } else {
                return unlimited;
            }
        }
        return unlimited;
    }
}
