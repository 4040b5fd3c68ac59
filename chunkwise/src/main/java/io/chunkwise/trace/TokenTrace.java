package io.chunkwise.trace;

/**
 * What was known of one token when its chunk was decided. Signals are in [0, 1], as they went into the score; NaN for a signal
 * that is switched off.
 *
 * @param position   in the sequence, from 0
 * @param id         token id
 * @param generated  whether the model wrote it; else it belongs to the prompt
 * @param entropy    of the next-token distribution, as last known (arXiv:2601.21109, token complexity estimator)
 * @param novelty    of the n-grams that end here
 * @param attention  entropy of the attention weights of the probe layer, as last known
 * @param prior      of the position
 * @param score      weighted and smoothed, in [0, 1]; NaN where the policy estimates nothing
 * @param components mean active components per site in this row, cross-faded ones by their gain
 */
public record TokenTrace(int position, int id, boolean generated, float entropy, float novelty, float attention, float prior,
        float score, float components) {
}
