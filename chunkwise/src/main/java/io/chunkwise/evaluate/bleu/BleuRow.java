package io.chunkwise.evaluate.bleu;

import io.chunkwise.evaluate.answer.Answer;

/**
 * The result of a segment.
 *
 * @param generated what writing the hypothesis took; null where it comes from a file
 */
public record BleuRow(String hypothesis, SegmentScore score, Answer generated) {
}
