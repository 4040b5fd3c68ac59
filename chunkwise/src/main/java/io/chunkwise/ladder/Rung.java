package io.chunkwise.ladder;

/** One step of a ladder: how many leading components are on, at every site. */
public sealed interface Rung {

    /**
     * The same number of components at every site.
     *
     * @param rank sites of a smaller rank use all they have; 0 switches the adapter off
     */
    record Uniform(int rank) implements Rung {
        public Uniform {
            if (rank < 0) {
                throw new IllegalArgumentException("a rung of rank " + rank + ", expected 0 or more");
            }
        }
    }

    /**
     * Every component, of any site, whose singular value is large enough: capacity goes where the adapter changed most.
     *
     * @param sigma smallest singular value that is on, in units of the scaled update
     */
    record Threshold(float sigma) implements Rung {
        public Threshold {
            if (!(sigma >= 0)) {
                throw new IllegalArgumentException("a rung from singular value " + sigma + " on, expected 0 or more");
            }
        }
    }
}
