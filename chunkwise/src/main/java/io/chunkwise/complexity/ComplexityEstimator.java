package io.chunkwise.complexity;

import io.chunkwise.model.forward.RowStatistics;
import io.chunkwise.policy.Estimation;
import io.chunkwise.policy.SignalKind;
import java.util.Arrays;
import java.util.Set;

/**
 * The score of each token: s(t) = smoothing · s(t − 1) + (1 − smoothing) · Σ |w| · v / Σ |w| over the signals that are switched on, where v is the
 * signal's value, or 1 − value for a negative weight. In [0, 1]; the first token is not smoothed.
 */
public final class ComplexityEstimator {
    private static final SignalKind[] KINDS = SignalKind.values();

    private final Signal[] signals = new Signal[KINDS.length]; // null: off
    private final double[] weights = new double[KINDS.length];
    private final float[] values = new float[KINDS.length]; // NaN: off
    private final double totalWeight;
    private final double smoothing;
    private double score;
    private int observed;

    /** @throws IllegalArgumentException if no signal is switched on */
    public ComplexityEstimator(Estimation estimation) {
        Set<SignalKind> on = estimation.signals();
        if (on.isEmpty()) {
            throw new IllegalArgumentException("no signal is switched on");
        }
        for (SignalKind kind : on) {
            weights[kind.ordinal()] = estimation.weights().get(kind);
            signals[kind.ordinal()] = switch (kind) {
                case ENTROPY -> new NextTokenEntropy(estimation.lagTokens(), estimation.initial());
                case NGRAM -> new NgramNovelty(estimation.ngramTokens(), estimation.ngramDecay());
                case ATTENTION -> new AttentionEntropy(estimation.lagTokens(), estimation.initial());
                case PRIOR -> new PositionalPrior(estimation.priorTokens());
            };
        }
        totalWeight = Arrays.stream(weights).map(Math::abs).sum();
        smoothing = estimation.smoothing();
        reset();
    }

    /** A new sequence begins. */
    public void reset() {
        Arrays.fill(values, Float.NaN);
        observed = 0;
        for (Signal signal : signals) {
            if (signal != null) {
                signal.reset();
            }
        }
    }

    /** The score of the token at a position, before its row runs. Asked once for every position, in order from 0. */
    public double score(int position, int token) {
        double sum = 0;
        for (int i = 0; i < signals.length; i++) {
            if (signals[i] != null) {
                values[i] = signals[i].before(position, token);
                sum += weights[i] > 0 ? weights[i] * values[i] : weights[i] * (values[i] - 1);
            }
        }
        double mean = sum / totalWeight;
        score = position == 0 ? mean : smoothing * score + (1 - smoothing) * mean;
        return score;
    }

    /** A signal's value in the last score; NaN if it is switched off. */
    public float value(SignalKind kind) {
        return values[kind.ordinal()];
    }

    /**
     * Takes the statistics of rows that have run, in order from position 0; nothing where no signal needs them.
     *
     * @param statistics of consecutive rows
     */
    public void observe(RowStatistics statistics) {
        for (int row = 0; row < statistics.rows(); row++) {
            for (Signal signal : signals) {
                if (signal != null) {
                    signal.after(observed, statistics.nextTokenEntropy()[row], statistics.attentionEntropy()[row]);
                }
            }
            observed++;
        }
    }
}
