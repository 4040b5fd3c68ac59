package io.chunkwise.evaluate.perplexity;

import java.util.List;
import java.util.stream.IntStream;

/**
 * By how much one run is worse than another on the same windows. Windows differ much in how hard they are, but both runs find the same ones
 * hard: the error of the difference is far smaller than that of either.
 *
 * @param nats          per scored id, over all windows; negative where the first run predicts better
 * @param standardError of that mean, taking windows as independent; NaN for fewer than two windows
 * @param windows       that both have
 */
public record PairedDifference(double nats, double standardError, int windows) {

    /**
     * @param ours      [windows] summed negative log-likelihoods, in nats
     * @param reference [windows] of the same windows
     * @param scored    [windows] ids that count in them
     */
    public static PairedDifference of(double[] ours, double[] reference, int[] scored) {
        int windows = scored.length;
        double all = IntStream.of(scored).sum();
        double mean = IntStream.range(0, windows).mapToDouble(at -> ours[at] - reference[at]).sum() / all;
        // The ratio estimator's: a shorter window weighs less, as it does in the mean.
        double squares = IntStream.range(0, windows).mapToDouble(at -> ours[at] - reference[at] - mean * scored[at])
                .map(residual -> residual * residual).sum();
        return new PairedDifference(mean, windows < 2 ? Double.NaN : Math.sqrt(squares * windows / (windows - 1)) / all, windows);
    }

    /** Of rows of the same windows, in the same order. */
    public static PairedDifference of(List<PerplexityRow> ours, List<PerplexityRow> reference) {
        return of(sums(ours), sums(reference), ours.stream().mapToInt(PerplexityRow::scored).toArray());
    }

    private static double[] sums(List<PerplexityRow> rows) {
        return rows.stream().mapToDouble(PerplexityRow::nllSum).toArray();
    }
}
