package io.chunkwise.evaluate.perplexity;

/**
 * Ids that are read afresh, some of them for context only.
 *
 * @param tokens      ids of the window
 * @param firstScored index of the first id whose probability counts, 1 at least: nothing precedes the first one
 */
public record TextWindow(int[] tokens, int firstScored) {

    public TextWindow {
        if (firstScored < 1 || firstScored >= tokens.length) {
            throw new IllegalArgumentException("a window of " + tokens.length + " ids scored from " + firstScored + " on");
        }
    }

    int scored() {
        return tokens.length - firstScored;
    }
}
