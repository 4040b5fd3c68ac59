package io.chunkwise.model.kv;

/**
 * What it would cost to keep one full page in another format. The error ("linearization error", arXiv:2601.21109 §KV) is the
 * relative L2 distance of the layer's attention output for the probe queries, all heads together: ‖changed − full‖ / ‖full‖, where
 * only this page is changed.
 *
 * @param attentionMass share of the probes' attention that the page gets, mean over probes and heads, in [0, 1]
 */
public record KvMeasurement(KvPage page, float attentionMass, float q8Error, float q4Error, float evictedError) {

    /** The error of a format; 0 for {@link KvFormat#FULL}. */
    public float error(KvFormat format) {
        return switch (format) {
            case FULL -> 0;
            case Q8 -> q8Error;
            case Q4 -> q4Error;
            case EVICTED -> evictedError;
        };
    }
}
