package io.chunkwise.model.adapter;

import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/** A regular expression out of a file, matched against module names; never runs for long, whatever it is. */
final class ModulePattern {
    private static final int LONGEST = 4000; // characters
    private static final int MOST_GROUPS = 200; // nested ones cost stack
    private static final int MOST_STEPS = 1_000_000; // characters looked at; real patterns take fewer than 1,000

    private final Pattern pattern;

    private ModulePattern(Pattern pattern) {
        this.pattern = pattern;
    }

    /** A module matches if its name, or a part of it after a dot, does: the rule of rank_pattern and alpha_pattern. */
    static ModulePattern suffix(String expression) {
        return of("(.*\\.)?(" + expression + ")");
    }

    /** A module matches if its whole name does: the rule of target_modules. */
    static ModulePattern whole(String expression) {
        return of(expression);
    }

    /** @throws IllegalArgumentException if it is too long or not a regular expression; the message says why, one line */
    private static ModulePattern of(String expression) {
        if (expression.length() > LONGEST) {
            throw new IllegalArgumentException("it has " + expression.length() + " characters, more than " + LONGEST);
        }
        if (expression.chars().filter(c -> c == '(').count() > MOST_GROUPS) {
            throw new IllegalArgumentException("it has more than " + MOST_GROUPS + " groups");
        }
        try {
            return new ModulePattern(Pattern.compile(expression));
        } catch (PatternSyntaxException e) {
            throw new IllegalArgumentException(e.getDescription(), e);
        }
    }

    /** @throws IllegalArgumentException if it takes too many steps to find out */
    boolean matches(String module) {
        try {
            return pattern.matcher(new Counted(module, new int[] {MOST_STEPS})).matches();
        } catch (OutOfSteps e) {
            throw new IllegalArgumentException("it takes too long to match '" + module + "'", e);
        }
    }

    private static final class OutOfSteps extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    /** Text that can be looked at a limited number of times: backtracking is exponential at worst. */
    private record Counted(String text, int[] stepsLeft) implements CharSequence {

        @Override
        public char charAt(int index) {
            if (--stepsLeft[0] < 0) {
                throw new OutOfSteps();
            }
            return text.charAt(index);
        }

        @Override
        public int length() {
            return text.length();
        }

        @Override
        public CharSequence subSequence(int start, int end) {
            return text.subSequence(start, end);
        }

        @Override
        public String toString() {
            return text;
        }
    }
}
