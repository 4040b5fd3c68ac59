package io.chunkwise.evaluate.perplexity;

import java.util.List;

/**
 * What windows come to.
 *
 * @param nll            mean over all scored ids, in nats
 * @param scored         ids that count
 * @param tokens         ids that were read
 * @param meanComponents active adapter components per site, mean over all ids that were read
 * @param kvBytes        of the window that took most at any time
 * @param millis         that the windows took together
 */
public record PerplexityFigures(double nll, long scored, long tokens, double meanComponents, long kvBytes, double millis) {

    /** @param rows in the order of the text, at least one: the order of sums decides about their last digits */
    public static PerplexityFigures of(List<PerplexityRow> rows) {
        double nll = rows.stream().mapToDouble(PerplexityRow::nllSum).sum();
        long scored = rows.stream().mapToLong(PerplexityRow::scored).sum();
        long tokens = rows.stream().mapToLong(PerplexityRow::tokens).sum();
        double components = rows.stream().mapToDouble(row -> row.tokens() * row.meanComponents()).sum();
        return new PerplexityFigures(nll / scored, scored, tokens, components / tokens,
                rows.stream().mapToLong(PerplexityRow::kvBytes).max().orElse(0), rows.stream().mapToDouble(PerplexityRow::millis).sum());
    }

    /** exp({@link #nll}). */
    public double perplexity() {
        return Math.exp(nll);
    }
}
