package io.chunkwise.evaluate.squad;

import io.chunkwise.evaluate.Evaluation;
import io.chunkwise.evaluate.Item;
import io.chunkwise.evaluate.answer.Answer;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** Scores an answer to each question. */
public final class SquadEvaluation implements Evaluation<SquadQuestion, SquadRow> {
    private final List<Item<SquadQuestion>> questions;
    private final Function<SquadQuestion, SquadRow> row;

    private SquadEvaluation(List<SquadQuestion> questions, Function<SquadQuestion, SquadRow> row) {
        this.questions = questions.stream().map(question -> new Item<>(question.id(), question)).toList();
        this.row = row;
    }

    /** Answers that are there already. Questions without one are left out, as the official scorer does it. */
    public static SquadEvaluation ofPredictions(List<SquadQuestion> questions, Map<String, String> answers) {
        return new SquadEvaluation(questions.stream().filter(question -> answers.containsKey(question.id())).toList(),
                question -> SquadRow.of(question, answers.get(question.id()), null));
    }

    /**
     * Answers of a model.
     *
     * @param noAnswer what the model says where the text does not tell; compared like answers. Saying nothing always means that
     */
    public static SquadEvaluation ofModel(List<SquadQuestion> questions, Function<SquadQuestion, Answer> model, String noAnswer) {
        List<String> none = AnswerWords.of(noAnswer);
        return new SquadEvaluation(questions, question -> {
            Answer generated = model.apply(question);
            String text = generated.text().strip();
            return SquadRow.of(question, AnswerWords.of(text).equals(none) ? "" : text, generated);
        });
    }

    @Override
    public List<Item<SquadQuestion>> items() {
        return questions;
    }

    @Override
    public SquadRow evaluate(Item<SquadQuestion> item) {
        return row.apply(item.content());
    }
}
