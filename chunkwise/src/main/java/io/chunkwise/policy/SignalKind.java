package io.chunkwise.policy;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** The four signals of the token complexity estimator (arXiv:2601.21109, token complexity estimator). */
public enum SignalKind {
    /** Entropy of the next-token distribution. A statistic of the model. */
    ENTROPY,
    /** Share of n-grams that were not seen before. */
    NGRAM,
    /** Entropy of the attention weights of one layer. A statistic of the model. */
    ATTENTION,
    /** How early the position is. */
    PRIOR;

    /** In policies and on the command line: "entropy". */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Whether it is computed from what the executor returns. */
    public boolean isModelStatistic() {
        return switch (this) {
            case ENTROPY, ATTENTION -> true;
            case NGRAM, PRIOR -> false;
        };
    }

    /** @throws IllegalArgumentException naming the signals that there are */
    public static SignalKind of(String word) {
        return Arrays.stream(values()).filter(kind -> kind.word().equals(word)).findFirst()
                .orElseThrow(() -> new IllegalArgumentException("there is no signal '" + word + "'; signals are "
                        + Arrays.stream(values()).map(SignalKind::word).collect(Collectors.joining(", "))));
    }
}
