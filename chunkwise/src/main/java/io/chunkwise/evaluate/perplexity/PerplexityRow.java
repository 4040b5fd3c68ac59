package io.chunkwise.evaluate.perplexity;

/**
 * The result of a window.
 *
 * @param nllSum         negative log-likelihood of its scored ids, in nats, summed
 * @param scored         how many ids that are
 * @param tokens         ids that were read
 * @param meanComponents active adapter components per site, mean over the ids that were read
 * @param kvBytes        the most that its KV cache took at any time
 * @param millis         that it took
 */
public record PerplexityRow(double nllSum, int scored, int tokens, double meanComponents, long kvBytes, double millis) {
}
