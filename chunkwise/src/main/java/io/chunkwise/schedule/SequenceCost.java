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
}
