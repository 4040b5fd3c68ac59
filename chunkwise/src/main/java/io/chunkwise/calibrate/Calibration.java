package io.chunkwise.calibrate;

import io.chunkwise.ladder.TokenBenefit;

/**
 * What a calibration found.
 *
 * @param benefit        for {@link io.chunkwise.ladder.RankLadder#withBenefit}
 * @param windows        that were read, each twice
 * @param tokens         in them
 * @param lowComponents  of the first reading
 * @param highComponents of the second reading
 * @param meanGain       by which the second reading's mean negative log-likelihood is lower, in nats a token
 * @param tokensSeen     ids of the vocabulary that occur
 */
public record Calibration(TokenBenefit benefit, int windows, int tokens, int lowComponents, int highComponents, double meanGain,
        int tokensSeen) {
}
