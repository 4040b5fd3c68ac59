package io.chunkwise.schedule;

/**
 * What a sequence took.
 *
 * @param tokens         rows
 * @param meanComponents active components per site and row
 * @param kvBytes        keys and values that are kept at the end
 * @param kvBytesPeak    the most that were kept at any time
 * @param kvBytesFull    what all tokens would take in full
 */
public record SequenceCost(long tokens, double meanComponents, long kvBytes, long kvBytesPeak, long kvBytesFull) {

    /** Both, one after the other: tokens and components of both, KV bytes of the one that kept more at its end, the greater peak. */
    public SequenceCost and(SequenceCost next) {
        long all = tokens + next.tokens;
        double mean = all == 0 ? 0 : (tokens * meanComponents + next.tokens * next.meanComponents) / all;
        SequenceCost larger = next.kvBytes >= kvBytes ? next : this;
        return new SequenceCost(all, mean, larger.kvBytes, Math.max(kvBytesPeak, next.kvBytesPeak), larger.kvBytesFull);
    }
}
