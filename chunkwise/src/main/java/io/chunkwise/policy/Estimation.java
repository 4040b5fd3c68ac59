package io.chunkwise.policy;

import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * How the complexity of a token is estimated, and how scores become percentiles.
 *
 * @param weights          of the four signals in the score; a signal that is missing or has weight 0 is switched off, one of negative
 *                         weight w counts inversely: |w| · (1 − value)
 * @param lagTokens        model statistics are read at the ends of aligned blocks of this many positions; 1 for fresh values at the price
 *                         of a prefill in passes of one row
 * @param initial          value of a model statistic before the first block has ended, in [0, 1]
 * @param ngramTokens      n-grams that ended longer ago than this are forgotten
 * @param ngramDecay       of the novelty from token to token, in [0, 1)
 * @param priorTokens      τ of the positional prior exp(−position / τ)
 * @param smoothing        share of the score before in a score, in [0, 1)
 * @param percentileTokens percentiles are among this many latest scores
 * @param warmupTokens     until so many scores are known, the missing ones are taken to be spread as {@code expectedScores} say
 * @param expectedScores   quantiles of the scores of such texts at even steps from the lowest to the highest, at least two, ascending in
 *                         [0, 1]; (0, 1) for scores that are spread evenly
 * @param hysteresis       percentile points beyond a band's bound that a score needs to leave the band, in [0, 50]
 * @param benefit          whether calibrated token benefits take the place of the weighted signals
 */
public record Estimation(Map<SignalKind, Double> weights, int lagTokens, double initial, int ngramTokens, double ngramDecay,
        double priorTokens, double smoothing, int percentileTokens, int warmupTokens, List<Double> expectedScores, double hysteresis,
        BenefitUse benefit) {
    static final int LONGEST_WINDOW = 1 << 20;
    static final double LARGEST_WEIGHT = 1e6;
    static final int MOST_QUANTILES = 1001;
    static final double SHORTEST_PRIOR = 1e-3;

    /** No signal: what a policy of one band needs. */
    public static final Estimation NONE = new Estimation(Map.of(), 32, 0.5, 4096, 0.8, 64, 0.8, 512, 64, List.of(0.0, 1.0), 5,
            BenefitUse.IGNORE);

    public Estimation {
        EnumMap<SignalKind, Double> on = new EnumMap<>(SignalKind.class);
        weights.forEach((kind, weight) -> {
            Check.that(kind != SignalKind.BENEFIT, "the signal benefit has no weight: it takes the place of the others");
            Check.that(Math.abs(weight) <= LARGEST_WEIGHT, "weight " + weight + " of signal " + kind.word() + " is not in [-1e6, 1e6]");
            if (weight != 0) {
                on.put(kind, weight);
            }
        });
        weights = Map.copyOf(on);
        window("lag", lagTokens, 1);
        share("initial value", initial);
        window("n-gram window", ngramTokens, 3);
        below1("n-gram decay", ngramDecay);
        Check.that(priorTokens >= SHORTEST_PRIOR && priorTokens <= LONGEST_WINDOW,
                "positional prior of " + priorTokens + " tokens is not in [" + SHORTEST_PRIOR + ", " + LONGEST_WINDOW + "]");
        below1("smoothing", smoothing);
        window("percentile window", percentileTokens, 1);
        window("warm-up", warmupTokens, 0);
        expectedScores = List.copyOf(expectedScores);
        Check.that(areQuantiles(expectedScores), "expected scores " + expectedScores + " are not 2 to " + MOST_QUANTILES
                + " ascending numbers in [0, 1]");
        Check.that(hysteresis >= 0 && hysteresis <= 50, "hysteresis " + hysteresis + " is not in [0, 50] percentile points");
    }

    /** Weighted signals that are switched on. */
    public Set<SignalKind> signals() {
        return weights.isEmpty() ? EnumSet.noneOf(SignalKind.class) : EnumSet.copyOf(weights.keySet());
    }

    /** Whether there is anything to make a score of, with any adapter. */
    boolean estimates() {
        return !weights.isEmpty() || benefit == BenefitUse.REQUIRE;
    }

    /** Whether a weighted signal needs what only the executor knows. */
    public boolean needsModelStatistics() {
        return weights.keySet().stream().anyMatch(SignalKind::isModelStatistic);
    }

    /** The same with other weights. */
    public Estimation withWeights(Map<SignalKind, Double> other) {
        return new Estimation(other, lagTokens, initial, ngramTokens, ngramDecay, priorTokens, smoothing, percentileTokens, warmupTokens,
                expectedScores, hysteresis, benefit);
    }

    /** The same with another use of token benefits. */
    public Estimation withBenefit(BenefitUse other) {
        return new Estimation(weights, lagTokens, initial, ngramTokens, ngramDecay, priorTokens, smoothing, percentileTokens, warmupTokens,
                expectedScores, hysteresis, other);
    }

    static boolean areQuantiles(List<Double> scores) {
        double before = 0;
        for (double score : scores) {
            if (!(score >= before && score <= 1)) {
                return false;
            }
            before = score;
        }
        return scores.size() >= 2 && scores.size() <= MOST_QUANTILES;
    }

    private static void window(String what, int tokens, int least) {
        Check.that(tokens >= least && tokens <= LONGEST_WINDOW, what + " of " + tokens + " tokens is not in [" + least + ", "
                + LONGEST_WINDOW + "]");
    }

    private static void share(String what, double value) {
        Check.that(value >= 0 && value <= 1, what + " " + value + " is not in [0, 1]");
    }

    private static void below1(String what, double value) {
        Check.that(value >= 0 && value < 1, what + " " + value + " is not in [0, 1)");
    }
}
