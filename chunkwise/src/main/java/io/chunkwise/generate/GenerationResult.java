package io.chunkwise.generate;

import java.util.OptionalDouble;

/**
 * What was generated.
 *
 * @param text         the new text, without prompt, stop string and special tokens
 * @param tokens       the new ids, without the end-of-text token; those of a stop string are among them
 * @param promptTokens ids of the prompt, special ones included
 * @param prefillNanos from the first pass to the first new token
 * @param decodeNanos  from the first new token to the last
 * @param decodePasses passes after the prefill
 */
public record GenerationResult(
        String text, int[] tokens, int promptTokens, StopReason stopReason, long prefillNanos, long decodeNanos, int decodePasses) {

    public enum StopReason {
        /** The model ended its text. */
        END_OF_TEXT,
        STOP_STRING,
        MAX_TOKENS,
        /** The KV cache has no position left. */
        CONTEXT_FULL
    }

    public double prefillTokensPerSecond() {
        return promptTokens / (prefillNanos * 1e-9);
    }

    /** Milliseconds per decode pass; empty if prefill was all. */
    public OptionalDouble decodeMillisPerToken() {
        return decodePasses == 0 ? OptionalDouble.empty() : OptionalDouble.of(decodeNanos * 1e-6 / decodePasses);
    }
}
