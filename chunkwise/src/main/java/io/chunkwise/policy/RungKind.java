package io.chunkwise.policy;

import java.util.Locale;

/** How the components of a band are chosen. */
public enum RungKind {
    /** The same number at every site: {@link io.chunkwise.ladder.Rung.Uniform}, the paper's ranks. */
    FIXED,
    /**
     * By one threshold on singular values over all sites, so that sites have them on average:
     * {@link io.chunkwise.ladder.Rung.Threshold}.
     */
    THRESHOLD;

    /** In policies: "fixed", "threshold". */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }
}
