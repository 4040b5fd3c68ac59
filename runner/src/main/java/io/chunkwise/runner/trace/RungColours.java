package io.chunkwise.runner.trace;

import io.chunkwise.runner.terminal.Terminal;
import java.util.List;

/**
 * Foreground colours for rungs, from few components (blue) to many (red, violet). Each has a contrast of at least 4 : 1 on white and on
 * black.
 */
public enum RungColours {
    /** For pipes, and for people who want none. */
    NONE(List.of()),
    /** The terminal's own colours. */
    SIXTEEN(List.of("34", "36", "32", "33", "31", "35")),
    /** Of the 256-colour palette. */
    MANY(List.of("38;5;27", "38;5;30", "38;5;64", "38;5;130", "38;5;161", "38;5;129"));

    private static final String RESET = "\033[0m";

    private final List<String> ramp;

    RungColours(List<String> ramp) {
        this.ramp = ramp;
    }

    /** What a terminal can show and its user wants. */
    public static RungColours of(Terminal terminal) {
        return !terminal.colours() ? NONE : terminal.manyColours() ? MANY : SIXTEEN;
    }

    /**
     * The escape sequence that starts a rung's colour; empty without colours.
     *
     * @param rung  from 0, the one with the fewest components
     * @param rungs how many there are
     */
    String start(int rung, int rungs) {
        if (ramp.isEmpty()) {
            return "";
        }
        int last = ramp.size() - 1;
        return "\033[" + ramp.get(rungs <= 1 ? 0 : Math.clamp(Math.round((float) rung * last / (rungs - 1)), 0, last)) + "m";
    }

    /** The escape sequence that ends a colour; empty without colours. */
    String end() {
        return ramp.isEmpty() ? "" : RESET;
    }
}
