package io.chunkwise.complexity;

import io.chunkwise.ladder.TokenBenefit;
import io.chunkwise.model.forward.RowStatistics;
import io.chunkwise.policy.BenefitUse;
import io.chunkwise.policy.Estimation;
import io.chunkwise.policy.SignalKind;
import java.util.Arrays;
import java.util.Optional;
import java.util.Set;

/**
 * The score of each token: s(t) = smoothing · s(t − 1) + (1 − smoothing) · Σ |w| · v / Σ |w| over the signals that are switched on, where v
 * is the signal's value, or 1 − value for a negative weight; or over the adapter's calibrated benefit alone, where there is one. In
 * [0, 1]; the first token is not smoothed.
 */
public final class ComplexityEstimator {
    private static final SignalKind[] KINDS = SignalKind.values();

    private final Signal[] signals = new Signal[KINDS.length]; // null: off
    private final AdapterBenefit benefit = new AdapterBenefit();
    private final boolean isBenefitRequired;
    private final double[] weights = new double[KINDS.length];
    private final float[] values = new float[KINDS.length]; // NaN: off
    private final double totalWeight;
    private final double smoothing;
    private double score;
    private boolean isFirst; // nothing to smooth with
    private int observed;

    /** @throws IllegalArgumentException if no signal is switched on, and benefits are not required in their place */
    public ComplexityEstimator(Estimation estimation) {
        Set<SignalKind> on = estimation.signals();
        isBenefitRequired = estimation.benefit() == BenefitUse.REQUIRE;
        if (on.isEmpty() && !isBenefitRequired) {
            throw new IllegalArgumentException("no signal is switched on");
        }
        for (SignalKind kind : on) {
            weights[kind.ordinal()] = estimation.weights().get(kind);
            signals[kind.ordinal()] = switch (kind) {
                case ENTROPY -> new NextTokenEntropy(estimation.lagTokens(), estimation.initial());
                case NGRAM -> new NgramNovelty(estimation.ngramTokens(), estimation.ngramDecay());
                case ATTENTION -> new AttentionEntropy(estimation.lagTokens(), estimation.initial());
                case PRIOR -> new PositionalPrior(estimation.priorTokens());
                case BENEFIT -> throw new IllegalArgumentException("the benefit is not weighted");
            };
        }
        signals[SignalKind.BENEFIT.ordinal()] = benefit;
        totalWeight = Arrays.stream(weights).map(Math::abs).sum();
        smoothing = estimation.smoothing();
        reset();
    }

    /** A new sequence begins. */
    public void reset() {
        Arrays.fill(values, Float.NaN);
        isFirst = true;
        observed = 0;
        for (Signal signal : signals) {
            if (signal != null) {
                signal.reset();
            }
        }
    }

    /**
     * From here on scores are these benefits, or the weighted signals again; earlier scores do not smooth them. Stays over a reset.
     *
     * @param table of the adapter in use; empty for the weighted signals
     * @throws IllegalArgumentException if there is none but the policy requires one
     */
    public void use(Optional<TokenBenefit> table) {
        if (table.isEmpty() && isBenefitRequired) {
            throw new IllegalArgumentException("token benefits are required, and there are none");
        }
        benefit.use(table);
        isFirst = true;
    }

    /** The score of the token at a position, before its row runs. Asked once for every position, in order from 0. */
    public double score(int position, int token) {
        double sum = 0; // of the weighted signals; the benefit has weight 0
        for (int i = 0; i < signals.length; i++) {
            if (signals[i] != null) {
                values[i] = signals[i].before(position, token);
                sum += weights[i] == 0 ? 0 : weights[i] > 0 ? weights[i] * values[i] : weights[i] * (values[i] - 1);
            }
        }
        double mean = benefit.isKnown() ? values[SignalKind.BENEFIT.ordinal()] : sum / totalWeight;
        score = isFirst ? mean : smoothing * score + (1 - smoothing) * mean;
        isFirst = false;
        return score;
    }

    /** A signal's value at the last score; NaN if it is switched off, or the benefit unknown. */
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
