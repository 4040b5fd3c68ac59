package io.chunkwise.score;

import java.util.List;

/** A scored text, token by token. */
public record Score(List<TokenScore> tokens) {

    public Score {
        tokens = List.copyOf(tokens);
    }

    /** Tokens that have a probability: all but the first of each window. */
    public int scored() {
        return (int) tokens.stream().filter(token -> token.logprob().isPresent()).count();
    }

    /** Mean negative log-likelihood in nats per scored token; NaN if none is scored. */
    public double nll() {
        return -tokens.stream().mapToDouble(token -> token.logprob().orElse(0)).sum() / scored();
    }

    /** exp({@link #nll}). */
    public double perplexity() {
        return Math.exp(nll());
    }
}
