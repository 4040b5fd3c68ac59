package io.chunkwise.score;

import java.util.List;
import java.util.OptionalDouble;

/**
 * One token of a scored text.
 *
 * @param logprob natural logarithm of the probability that the model gave this token at its position; empty for the
 *                first token of a window, before which the model saw nothing
 * @param top     what the model finds most likely at the <em>next</em> position, most likely first
 */
public record TokenScore(int position, int id, OptionalDouble logprob, List<Alternative> top) {

    /** @param logprob natural logarithm of the probability */
    public record Alternative(int id, double logprob) {
    }
}
