package io.chunkwise.runner.options;

/** How many components of an adapter are used. */
public sealed interface RankLimit {

    /** As trained. */
    record Max() implements RankLimit {
    }

    /** @param rank components at every site; 0 switches the adapter off */
    record Exactly(int rank) implements RankLimit {
    }

    /** "max" or a number from 0 up. */
    static RankLimit parse(String text) {
        if (text.equalsIgnoreCase("max")) {
            return new Max();
        }
        try {
            int rank = Integer.parseInt(text);
            if (rank >= 0) {
                return new Exactly(rank);
            }
        } catch (NumberFormatException e) {
            // said below
        }
        throw new IllegalArgumentException("'" + text + "' is neither a number from 0 up nor 'max'");
    }
}
