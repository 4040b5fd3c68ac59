package io.chunkwise.evaluate.squad;

import java.util.List;

/**
 * A question about a text.
 *
 * @param answers as people marked them in the text; none if it does not answer the question
 */
public record SquadQuestion(String id, String context, String question, List<String> answers) {

    public SquadQuestion {
        answers = List.copyOf(answers);
    }

    public boolean answerable() {
        return !answers.isEmpty();
    }
}
