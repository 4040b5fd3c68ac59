package io.chunkwise.trace;

import java.util.List;

/**
 * All decisions of one sequence.
 *
 * @param tokens  every token that was read or written, in order
 * @param chunks  in order; they cover the tokens exactly once
 * @param kv      bytes over time, ascending in tokens
 * @param memory  at the end
 */
public record SequenceTrace(List<TokenTrace> tokens, List<ChunkTrace> chunks, List<KvTrace> kv, Memory memory) {

    public SequenceTrace {
        tokens = List.copyOf(tokens);
        chunks = List.copyOf(chunks);
        kv = List.copyOf(kv);
    }

    /**
     * @param kvBytes     keys and values that are kept at the end
     * @param kvBytesFull what all tokens would take in full
     * @param kvBytesPeak the most that were kept at any time
     * @param adapterBytes factors of all loaded adapters
     * @param weightBytes  of the base
     */
    public record Memory(long kvBytes, long kvBytesFull, long kvBytesPeak, long adapterBytes, long weightBytes) {
    }

    /** Mean active components per site and token. */
    public double meanComponents() {
        return tokens.stream().mapToDouble(TokenTrace::components).average().orElse(0);
    }
}
