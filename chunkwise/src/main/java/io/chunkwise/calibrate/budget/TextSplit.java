package io.chunkwise.calibrate.budget;

import java.util.Optional;

/**
 * A text in parts that follow each other: neighbouring windows are alike, so that parts that alternate would know each other.
 *
 * @param sample     what token benefits are learned from
 * @param validation what candidates are chosen by
 * @param heldOut    what the chosen one is checked on
 */
public record TextSplit(String sample, String validation, String heldOut) {
    private static final double HELD_OUT = 0.2;
    private static final double SAMPLE = 0.6; // of what is not held out

    /** @param heldOut a text of its own; without it the last fifth of the text is held out */
    public static TextSplit of(String text, Optional<String> heldOut) {
        int end = heldOut.isPresent() ? text.length() : cut(text, (int) ((1 - HELD_OUT) * text.length()));
        int middle = Math.min(end, cut(text, (int) (SAMPLE * end)));
        return new TextSplit(text.substring(0, middle), text.substring(middle, end), heldOut.orElse(text.substring(end)));
    }

    /** The first character after white space, from a position on. */
    private static int cut(String text, int from) {
        for (int at = from; at > 0 && at < text.length(); at++) {
            if (Character.isWhitespace(text.charAt(at - 1))) {
                return at;
            }
        }
        return from > 0 ? text.length() : 0;
    }
}
