package io.chunkwise.policy;

import io.chunkwise.model.kv.KvFormat;

/**
 * How far the KV cache may be reduced.
 *
 * @param recentTokens the newest positions, which are always full
 * @param errorBound   a page takes a format only if its linearization error ({@link io.chunkwise.model.kv.KvMeasurement}) is at most this
 * @param massBound    a page is evicted only if its share of the attention is below this
 */
public record KvBounds(int recentTokens, double errorBound, double massBound) {
    /** Positions at the start of a sequence that are always full, because all later ones attend to them: one page. */
    public static final int SINK_PAGES = 1;

    public static final KvBounds DEFAULT = new KvBounds(128, 0.02, 0.001);

    static final int LONGEST_WINDOW = 1 << 24;

    public KvBounds {
        Check.that(recentTokens >= 0 && recentTokens <= LONGEST_WINDOW, recentTokens + " recent tokens are not in [0, " + LONGEST_WINDOW
                + "]");
        Check.that(errorBound >= 0 && errorBound <= 1, "error bound " + errorBound + " is not in [0, 1]");
        Check.that(massBound >= 0 && massBound <= 1, "mass bound " + massBound + " is not in [0, 1]");
    }

    /** Whether a measured page may take a format. */
    public boolean allow(KvFormat format, double error, double attentionMass) {
        return error <= errorBound && (format != KvFormat.EVICTED || attentionMass < massBound);
    }
}
