package io.chunkwise.evaluate.squad;

import io.chunkwise.evaluate.answer.Answer;

/**
 * The result of a question.
 *
 * @param answer     what counts as the answer; empty for none
 * @param answerable whether the text has one
 * @param exact      0 or 1
 * @param f1         in [0, 1]
 * @param generated  what the model wrote, and what that took; null where answers come from a file
 */
public record SquadRow(String answer, boolean answerable, double exact, double f1, Answer generated) {

    static SquadRow of(SquadQuestion question, String answer, Answer generated) {
        SquadScore score = SquadScore.of(answer, question);
        return new SquadRow(answer, question.answerable(), score.exact(), score.f1(), generated);
    }
}
