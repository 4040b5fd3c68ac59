package io.chunkwise.schedule;

import io.chunkwise.selection.RungSelector;

/**
 * An adapter, from a position of the sequence on.
 *
 * @param fromToken position of the first row that it takes part in; a chunk begins there
 */
public record AdapterUse(int fromToken, RungSelector selector) {

    public AdapterUse {
        if (fromToken < 0) {
            throw new IllegalArgumentException("an adapter from token " + fromToken + " on, expected 0 or more");
        }
    }
}
