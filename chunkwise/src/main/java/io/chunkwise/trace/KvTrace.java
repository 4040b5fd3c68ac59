package io.chunkwise.trace;

/**
 * The KV cache after a pass or a chunk boundary.
 *
 * @param tokens    tokens of the sequence so far
 * @param bytes     keys and values that are kept
 * @param fullBytes what all tokens so far would take in full
 */
public record KvTrace(int tokens, long bytes, long fullBytes) {
}
