package io.chunkwise.policy;

import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;

/**
 * How the complexity of a token is estimated, and how scores become percentiles.
 *
 * @param weights          of the signals in the score; a signal that is missing or has weight 0 is switched off, one of negative weight w
 *                         counts inversely: |w| · (1 − value)
 * @param lagTokens        model statistics are read at the ends of aligned blocks of this many positions; 1 for fresh values at the price
 *                         of a prefill in passes of one row
 * @param initial          value of a model statistic before the first block has ended, in [0, 1]
 * @param ngramTokens      n-grams that ended longer ago than this are forgotten
 * @param ngramDecay       of the novelty from token to token, in [0, 1)
 * @param priorTokens      τ of the positional prior exp(−position / τ)
 * @param smoothing        share of the score before in a score, in [0, 1)
 * @param percentileTokens percentiles are among this many latest scores
 * @param warmupTokens     until so many scores are known, the missing ones are taken to be spread evenly over [0, 1]
 * @param hysteresis       percentile points beyond a band's bound that a score needs to leave the band, in [0, 50]
 */
public record Estimation(Map<SignalKind, Double> weights, int lagTokens, double initial, int ngramTokens, double ngramDecay, double priorTokens,
        double smoothing, int percentileTokens, int warmupTokens, double hysteresis) {
    static final int LONGEST_WINDOW = 1 << 20;
    static final double LARGEST_WEIGHT = 1e6;
    static final double SHORTEST_PRIOR = 1e-3;

    /** No signal: what a policy of one band needs. */
    public static final Estimation NONE = new Estimation(Map.of(), 32, 0.5, 4096, 0.8, 64, 0.8, 512, 64, 5);

    public Estimation {
        EnumMap<SignalKind, Double> on = new EnumMap<>(SignalKind.class);
        weights.forEach((kind, weight) -> {
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
        Check.that(hysteresis >= 0 && hysteresis <= 50, "hysteresis " + hysteresis + " is not in [0, 50] percentile points");
    }

    /** Signals that are switched on. */
    public Set<SignalKind> signals() {
        return weights.isEmpty() ? EnumSet.noneOf(SignalKind.class) : EnumSet.copyOf(weights.keySet());
    }

    /** Whether a signal needs what only the executor knows. */
    public boolean needsModelStatistics() {
        return weights.keySet().stream().anyMatch(SignalKind::isModelStatistic);
    }

    /** The same with other weights. */
    public Estimation withWeights(Map<SignalKind, Double> other) {
        return new Estimation(other, lagTokens, initial, ngramTokens, ngramDecay, priorTokens, smoothing, percentileTokens, warmupTokens, hysteresis);
    }

    private static void window(String what, int tokens, int least) {
        Check.that(tokens >= least && tokens <= LONGEST_WINDOW, what + " of " + tokens + " tokens is not in [" + least + ", " + LONGEST_WINDOW + "]");
    }

    private static void share(String what, double value) {
        Check.that(value >= 0 && value <= 1, what + " " + value + " is not in [0, 1]");
    }

    private static void below1(String what, double value) {
        Check.that(value >= 0 && value < 1, what + " " + value + " is not in [0, 1)");
    }
}
