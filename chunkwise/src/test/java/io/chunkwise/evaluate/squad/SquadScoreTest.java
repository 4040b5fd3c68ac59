package io.chunkwise.evaluate.squad;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.evaluate.EvaluationRun;
import io.chunkwise.evaluate.Shard;
import io.chunkwise.evaluate.answer.Answer;
import io.chunkwise.evaluate.journal.Journal;
import io.chunkwise.model.Progress;
import io.chunkwise.model.fixtures.SharedData;
import io.chunkwise.model.format.FormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SquadScoreTest {

    // What the official scorer gives for the published predictions, as the reference data's description has it.
    @ParameterizedTest
    @CsvSource({"BERT, 78.9733, 81.8264", "nlnet, 76.3903, 79.2574", "BiDAF, 65.4327, 67.5855", "empty, 52.1224, 52.1224"})
    void figuresOfPublishedPredictionsAreTheOfficialOnes(String system, double exact, double f1) {
        List<SquadQuestion> questions = SquadFile.questions(SharedData.assumePresent("squad/dev-v2.0-half.json"));
        Map<String, String> answers = SquadFile.predictions(SharedData.assumePresent("squad/pred-half-" + system + ".json"));
        SquadFigures figures = SquadFigures.of(EvaluationRun.of(SquadEvaluation.ofPredictions(questions, answers), Shard.ALL,
                Journal.<SquadRow>inMemory(), Progress.NONE).rows());
        assertEquals(6078, figures.total());
        assertEquals(exact, figures.exact(), 1e-4);
        assertEquals(f1, figures.f1(), 1e-4);
        assertEquals(figures.exact() * figures.total(),
                figures.hasAnsExact() * figures.hasAnsTotal() + figures.noAnsExact() * figures.noAnsTotal(), 1e-6);
        assertEquals(figures.noAnsExact(), figures.noAnsF1(), "an answer where there is none has no words right");
        if (system.equals("empty")) {
            assertEquals(List.of(0.0, 0.0, 100.0), List.of(figures.hasAnsExact(), figures.hasAnsF1(), figures.noAnsExact()));
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
        The Cat!            | cat                 | 1 | 1
        a cat, the  cat     | CAT cat             | 1 | 1
        in 1,000 B.C.       | In 1000 BC          | 1 | 1
        anthem              | them                | 0 | 0
        the                 | an                  | 1 | 1
        the cat             | the dog             | 0 | 0
        black cat           | cat                 | 0 | 0.6666666666666666
        cat cat             | cat dog             | 0 | 0.5
        „Norden“            | Norden              | 0 | 0
        theÖl               | Öl                  | 0 | 0
        the-an x            | thean x             | 1 | 1
        """)
    void answersAreComparedByTheirWords(String answer, String expected, double exact, double f1) {
        assertEquals(new SquadScore(exact, f1), SquadScore.of(answer, question(expected)));
    }

    @Test
    void theBestExpectedAnswerCountsAndNoneExpectsNothing() {
        assertEquals(new SquadScore(1, 1), SquadScore.of("b", question("a b c", "b", "x")));
        assertEquals(new SquadScore(0, 2.0 / 3), SquadScore.of("b", question("b c", "x")));
        assertEquals(new SquadScore(1, 1), SquadScore.of("", question()));
        assertEquals(new SquadScore(1, 1), SquadScore.of("the ...", question()));
        assertEquals(new SquadScore(0, 0), SquadScore.of("b", question()));
        assertEquals(new SquadScore(0, 0), SquadScore.of("", question("b")));
        assertEquals(new SquadScore(1, 1), SquadScore.of("", question("the")), "an expected answer without words counts as none");
    }

    @ParameterizedTest
    @CsvSource({"'', ''", "Unanswerable., ''", " unanswerable , ''", "' not so ', 'not so'"})
    void aModelSaysThatThereIsNoAnswer(String written, String counted) {
        SquadEvaluation evaluation = SquadEvaluation.ofModel(List.of(question()), _ ->
                new Answer(written, 5, 2, false, 0, 0, 0), "unanswerable");
        SquadRow row = evaluation.evaluate(evaluation.items().getFirst());
        assertEquals(counted, row.answer());
        assertEquals(counted.isEmpty() ? 1 : 0, row.exact());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "[]", "{\"data\": 3}", "{\"data\": []}", "{\"data\": [{\"paragraphs\": [{\"context\": \"c\"}]}]}",
        "{\"data\": [{\"paragraphs\": [{\"context\": \"c\", \"qas\": [{\"id\": \"\", \"question\": \"q\", \"answers\": []}]}]}]}",
        "{\"data\": [{\"paragraphs\": [{\"context\": \"c\", \"qas\": [{\"id\": 7, \"question\": \"q\", \"answers\": []}]}]}]}",
        "{\"data\": [{\"paragraphs\": [{\"context\": \"c\", \"qas\": [{\"id\": \"a\", \"question\": \"q\", \"answers\": []},"
            + "{\"id\": \"a\", \"question\": \"q\", \"answers\": []}]}]}]}", "{\"data\": [[[[[[["})
    void aFileThatIsNoDataSetIsRefused(String content, @TempDir Path directory) throws IOException {
        Path file = Files.writeString(directory.resolve("data.json"), content);
        FormatException refused = assertThrows(FormatException.class, () -> SquadFile.questions(file));
        assertTrue(refused.getMessage().startsWith(file + ": "), refused.getMessage());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "[]", "3", "{\"a\": null}", "{\"a\": [\"b\"]}", "{\"a\": \"b\"", "{\"a\": \"b\", \"a\": \"c\"}"})
    void aFileThatHoldsNoPredictionsIsRefused(String content, @TempDir Path directory) throws IOException {
        Path file = Files.writeString(directory.resolve("predictions.json"), content);
        FormatException refused = assertThrows(FormatException.class, () -> SquadFile.predictions(file));
        assertTrue(refused.getMessage().startsWith(file + ": "), refused.getMessage());
    }

    private static SquadQuestion question(String... answers) {
        return new SquadQuestion("id", "context", "question", List.of(answers));
    }
}
