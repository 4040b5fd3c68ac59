package io.chunkwise.generate;

/**
 * How the next token is chosen; see {@link Sampler} for what each of these does and in which order.
 *
 * @param temperature       0: always the most likely token
 * @param topK              keep this many of the most likely tokens; 0: all
 * @param topP              keep the most likely tokens that together reach this probability; 1: all
 * @param minP              keep tokens that are at least this fraction as likely as the most likely one; 0: all
 * @param repetitionPenalty makes tokens of the penalty window less likely; 1: off
 * @param penaltyWindow     how many of the last tokens the penalty looks at, prompt included; -1: all
 * @param seed              the same seed, options and logits give the same tokens
 */
public record SamplingOptions(double temperature, int topK, double topP, double minP, double repetitionPenalty, int penaltyWindow,
        long seed) {

    public SamplingOptions {
        require(temperature >= 0 && Double.isFinite(temperature), "temperature " + temperature + " is not a number from 0 up");
        require(topK >= 0, "top-k " + topK + " is negative; 0 keeps all tokens");
        require(topP > 0 && topP <= 1, "top-p " + topP + " is not in (0, 1]; 1 keeps all tokens");
        require(minP >= 0 && minP <= 1, "min-p " + minP + " is not in [0, 1]; 0 keeps all tokens");
        require(repetitionPenalty > 0 && Double.isFinite(repetitionPenalty),
                "repetition penalty " + repetitionPenalty + " is not a positive number; 1 switches it off");
        require(penaltyWindow >= -1, "penalty window " + penaltyWindow + " is negative; -1 looks at all tokens");
    }

    /** Always the most likely token. */
    public static SamplingOptions greedy() {
        return new SamplingOptions(0, 0, 1, 0, 1, 0, 0);
    }

    boolean isGreedy() {
        return temperature == 0;
    }

    boolean penalizes() {
        return repetitionPenalty != 1 && penaltyWindow != 0;
    }

    private static void require(boolean condition, String problem) {
        if (!condition) {
            throw new IllegalArgumentException(problem);
        }
    }
}
