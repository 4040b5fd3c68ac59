package io.chunkwise.evaluate.bleu;

import java.util.List;
import java.util.stream.DoubleStream;

/**
 * BLEU in percent, and what it is made of: the brevity penalty times the geometric mean of the precisions.
 *
 * @param precisions     [4] in percent, by n; those without a match are smoothed
 * @param brevityPenalty 1 unless the hypotheses are shorter than the references
 */
public record BleuScore(double bleu, List<Double> precisions, double brevityPenalty, BleuCounts counts) {

    /** Of a corpus: all four orders of n-grams count. */
    static BleuScore ofCorpus(BleuCounts counts) {
        return of(counts, false);
    }

    /** Of a single segment: only orders that it is long enough for count. */
    static BleuScore ofSegment(BleuCounts counts) {
        return of(counts, true);
    }

    // Smoothing is NIST's ("exp"): the k-th order without a match counts as 1/2^k of a match.
    private static BleuScore of(BleuCounts counts, boolean effectiveOrder) {
        double penalty = counts.hypothesisLength() >= counts.referenceLength() ? 1
                : counts.hypothesisLength() == 0 ? 0 : Math.exp(1 - (double) counts.referenceLength() / counts.hypothesisLength());
        double[] precisions = new double[BleuCounts.LARGEST_ORDER];
        if (counts.matches().stream().allMatch(matches -> matches == 0)) {
            return new BleuScore(0, boxed(precisions), penalty, counts);
        }
        double smoothing = 1;
        int orders = 0; // that there are n-grams of
        while (orders < precisions.length && counts.totals().get(orders) > 0) {
            long matches = counts.matches().get(orders);
            smoothing = matches == 0 ? smoothing / 2 : smoothing;
            precisions[orders] = 100 * (matches == 0 ? smoothing : matches) / counts.totals().get(orders);
            orders++;
        }
        int counted = effectiveOrder ? orders : precisions.length;
        double bleu = counted > orders ? 0
                : penalty * Math.exp(DoubleStream.of(precisions).limit(counted).map(Math::log).sum() / counted);
        return new BleuScore(bleu, boxed(precisions), penalty, counts);
    }

    private static List<Double> boxed(double[] values) {
        return DoubleStream.of(values).boxed().toList();
    }
}
