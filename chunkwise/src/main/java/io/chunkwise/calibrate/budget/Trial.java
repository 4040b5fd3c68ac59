package io.chunkwise.calibrate.budget;

import io.chunkwise.evaluate.perplexity.PairedDifference;
import io.chunkwise.evaluate.perplexity.PerplexityFigures;
import io.chunkwise.evaluate.perplexity.PerplexityRow;
import java.util.List;

/**
 * What a candidate came to on a text.
 *
 * @param rows   by window
 * @param toFull its difference to the whole adapter with a full KV cache
 */
public record Trial(Candidate candidate, List<PerplexityRow> rows, PerplexityFigures figures, PairedDifference toFull) {
    /** Standard errors that a difference has to keep away from a bound, because many candidates are tried on the same windows. */
    static final double MARGIN = 2;

    static Trial of(Candidate candidate, List<PerplexityRow> rows, List<PerplexityRow> full) {
        return new Trial(candidate, List.copyOf(rows), PerplexityFigures.of(rows), PairedDifference.of(rows, full));
    }

    /** Of perplexity, as a fraction. */
    public double increase() {
        return Math.expm1(toFull.nats());
    }

    /** Standard error of {@link #increase}. */
    public double standardError() {
        return Math.exp(toFull.nats()) * toFull.standardError();
    }

    /** What the increase is not above, as far as these windows can tell. */
    double upperIncrease() {
        return Math.expm1(toFull.nats() + MARGIN * toFull.standardError());
    }

    /** Whether it predicts better than another one, by more than the noise of these windows. */
    boolean beats(Trial other) {
        PairedDifference difference = PairedDifference.of(rows, other.rows);
        return difference.nats() + MARGIN * difference.standardError() < 0;
    }

    /** By how much perplexity is above another candidate's, as far as these windows can tell. */
    double upperIncreaseOver(Trial other) {
        PairedDifference difference = PairedDifference.of(rows, other.rows);
        return Math.expm1(difference.nats() + MARGIN * difference.standardError());
    }
}
