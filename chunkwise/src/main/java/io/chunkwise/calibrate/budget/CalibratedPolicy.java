package io.chunkwise.calibrate.budget;

import io.chunkwise.ladder.RankLadder;
import java.util.List;
import java.util.Optional;

/**
 * What a calibration chose.
 *
 * @param trials of all candidates on the validation windows, in the order in which they were tried
 * @param chosen one of them
 * @param ladder with token benefits, if the chosen policy needs them
 * @param reason why it is this one, for people
 */
public record CalibratedPolicy(List<Trial> trials, Trial chosen, Optional<RankLadder> ladder, String reason) {
}
