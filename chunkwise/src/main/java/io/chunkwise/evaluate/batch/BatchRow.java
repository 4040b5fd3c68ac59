package io.chunkwise.evaluate.batch;

/**
 * The result of a prompt: a text, or an error and nothing of a text.
 *
 * @param text           new text, without prompt, stop text and special tokens; null with an error
 * @param stopReason     {@code end_of_text}, {@code stop_string}, {@code max_tokens} or {@code context_full}; null with an error
 * @param promptTokens   special ones included
 * @param tokens         that were written
 * @param seed           gives the same text again, if all else is the same
 * @param meanComponents active adapter components per site, mean over all tokens
 * @param kvBytes        the most that the KV cache took at any time
 * @param millis         that it took
 * @param error          why there is no text, in one line; null where there is one
 */
public record BatchRow(String text, String stopReason, int promptTokens, int tokens, long seed, double meanComponents, long kvBytes,
        double millis, String error) {

    static BatchRow failed(int promptTokens, long seed, String error) {
        return new BatchRow(null, null, promptTokens, 0, seed, 0, 0, 0, error);
    }
}
