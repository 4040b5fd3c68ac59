package io.chunkwise.score;

import io.chunkwise.schedule.SequenceCost;
import io.chunkwise.trace.SequenceTrace;
import java.util.List;

/**
 * A scored text, token by token.
 *
 * @param cost   tokens and mean components over all windows; KV bytes of the window that kept most at its end
 * @param traces of the windows in order, positions from the window's start; empty unless the scheduler keeps traces
 */
public record Score(List<TokenScore> tokens, SequenceCost cost, List<SequenceTrace> traces) {

    public Score {
        tokens = List.copyOf(tokens);
        traces = List.copyOf(traces);
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
