package io.chunkwise.evaluate.answer;

import java.util.List;

/**
 * What answers took together.
 *
 * @param promptTokens   read
 * @param tokens         written
 * @param shortened      answers to prompts that were cut to fit the context
 * @param meanComponents active adapter components per site, mean over all tokens
 * @param kvBytes        of the answer that took most at any time
 */
public record AnswerFigures(long promptTokens, long tokens, long shortened, double meanComponents, long kvBytes, double millis) {

    public static AnswerFigures of(List<Answer> answers) {
        long prompt = answers.stream().mapToLong(Answer::promptTokens).sum();
        long written = answers.stream().mapToLong(Answer::tokens).sum();
        double components = answers.stream().mapToDouble(answer -> (answer.promptTokens() + answer.tokens()) * answer.meanComponents())
                .sum();
        return new AnswerFigures(prompt, written, answers.stream().filter(Answer::shortened).count(),
                prompt + written == 0 ? 0 : components / (prompt + written), answers.stream().mapToLong(Answer::kvBytes).max().orElse(0),
                answers.stream().mapToDouble(Answer::millis).sum());
    }
}
