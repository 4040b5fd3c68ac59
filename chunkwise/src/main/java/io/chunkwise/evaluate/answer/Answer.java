package io.chunkwise.evaluate.answer;

/**
 * What a model wrote, and what that took.
 *
 * @param text           up to the end of the line or of the text
 * @param promptTokens   special ones included
 * @param tokens         that were written
 * @param shortened      whether something in the prompt was cut to fit the context
 * @param meanComponents active adapter components per site, mean over all tokens
 * @param kvBytes        the most that the KV cache took at any time
 * @param millis         that it took
 */
public record Answer(String text, int promptTokens, int tokens, boolean shortened, double meanComponents, long kvBytes, double millis) {
}
