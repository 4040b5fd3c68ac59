package io.chunkwise.generate;

import java.util.List;

/**
 * Finds stop strings in a text that arrives in pieces. A stop string may lie across pieces, so text that may be the
 * beginning of one is held back until the next piece decides it.
 */
final class StopStrings {
    private final List<String> stops;
    private final StringBuilder held = new StringBuilder();
    private boolean stopped;

    StopStrings(List<String> stops) {
        this.stops = List.copyOf(stops);
    }

    /** The next piece of text; returns what is now certain not to belong to a stop string. */
    String append(String piece) {
        held.append(piece);
        int first = -1;
        for (String stop : stops) {
            int found = held.indexOf(stop);
            if (found >= 0 && (first < 0 || found < first)) {
                first = found;
            }
        }
        if (first >= 0) {
            stopped = true;
            held.setLength(first);
            return finish();
        }
        int certain = held.length() - longestBeginning();
        String text = held.substring(0, certain);
        held.delete(0, certain);
        return text;
    }

    /** Whether a stop string has come; the text before it has been returned. */
    boolean stopped() {
        return stopped;
    }

    /** The end of the text: returns what was held back. */
    String finish() {
        String text = held.toString();
        held.setLength(0);
        return text;
    }

    // Length of the longest end of the held text that a stop string begins with.
    private int longestBeginning() {
        int longest = 0;
        for (String stop : stops) {
            for (int length = Math.min(stop.length() - 1, held.length()); length > longest; length--) {
                if (held.indexOf(stop.substring(0, length), held.length() - length) >= 0) {
                    longest = length;
                }
            }
        }
        return longest;
    }
}
