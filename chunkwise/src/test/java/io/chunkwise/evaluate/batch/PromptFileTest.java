package io.chunkwise.evaluate.batch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.chunkwise.evaluate.Item;
import io.chunkwise.model.format.FormatException;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PromptFileTest {

    @Test
    void aLineIsAPromptWithWhatItSaysOfItself() {
        List<Item<Prompt>> prompts = PromptFile.read("p.jsonl", List.of("{\"prompt\": \"\"}", "  ",
                "{\"stop\": \"!\", \"id\": 12, \"prompt\": \"Ω\\n\", \"maxTokens\": 0}",
                "{\"prompt\": \"x\", \"id\": \"a\", \"stop\": [], \"temperature\": 0.5, \"seed\": -3}"));
        assertEquals(List.of("1", "12", "a"), prompts.stream().map(Item::id).toList());
        assertEquals(new Prompt("", OptionalInt.empty(), Optional.empty(), OptionalDouble.empty(), OptionalLong.empty()),
                prompts.get(0).content());
        assertEquals(new Prompt("Ω\n", OptionalInt.of(0), Optional.of(List.of("!")), OptionalDouble.empty(), OptionalLong.empty()),
                prompts.get(1).content());
        assertEquals(new Prompt("x", OptionalInt.empty(), Optional.of(List.of()), OptionalDouble.of(0.5), OptionalLong.of(-3)),
                prompts.get(2).content());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "{'custom_id': 'a', 'prompt': 'x'} | the key 'custom_id' is unknown; expected prompt, id, maxTokens, stop, temperature, seed",
        "{'id': 'a'} | there is no 'prompt'",
        "{'prompt': ['x']} | 'prompt' is ['x'], expected a text in quotes",
        "{'prompt': null} | 'prompt' is null, expected a text in quotes",
        "{'prompt': '\\ud800'} | 'prompt' has half a character (a lone surrogate)",
        "{'prompt': 'x', 'id': ''} | the 'id' is empty",
        "{'prompt': 'x', 'id': 1.5} | 'id' is 1.5, expected a text in quotes",
        "{'prompt': 'x', 'id': '1'} | the id '1' is that of line 1, too; every prompt needs one of its own",
        "{'prompt': 'x', 'maxTokens': -1} | 'maxTokens' is -1, expected a whole number from 0 up",
        "{'prompt': 'x', 'maxTokens': 99999999999} | 'maxTokens' is 99999999999, expected a whole number from 0 up",
        "{'prompt': 'x', 'temperature': 'hot'} | 'temperature' is 'hot', expected a number from 0 up",
        "{'prompt': 'x', 'temperature': 1e999} | 'temperature' is 'Infinity', expected a number from 0 up",
        "{'prompt': 'x', 'seed': 0.1} | 'seed' is 0.1, expected a whole number",
        "{'prompt': 'x', 'stop': ['']} | an empty 'stop' would stop at once",
        "{'prompt': 'x', 'stop': 1} | 'stop' is 1, expected a text in quotes"})
    void aLineThatIsWrongIsNamed(String line, String problem) {
        List<String> lines = List.of("{\"prompt\": \"first\"}", line.replace('\'', '"'));
        FormatException thrown = assertThrows(FormatException.class, () -> PromptFile.read("p.jsonl", lines));
        assertEquals("p.jsonl: line 2: " + problem, thrown.getMessage().replace('"', '\''));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`',
            value = {"[1]", "{\"prompt\": \"x\"", "{} {}", "{\"prompt\": \"a\", \"prompt\": \"b\"}", "Dear"})
    void aLineThatIsNoObjectIsNamed(String line) {
        FormatException thrown = assertThrows(FormatException.class, () -> PromptFile.read("p.jsonl", List.of(line)));
        assertEquals("p.jsonl: line 1 is no JSON object", thrown.getMessage().substring(0, 33));
    }

    @Test
    void numbersOfLinesCollideWithIdsAloud() {
        FormatException thrown = assertThrows(FormatException.class,
                () -> PromptFile.read("p.jsonl", List.of("{\"prompt\": \"x\", \"id\": \"2\"}", "{\"prompt\": \"y\"}")));
        assertEquals("p.jsonl: line 2: the id '2' is that of line 1, too; every prompt needs one of its own "
                + "(without an id it is the number of the line)", thrown.getMessage());
    }

    @Test
    void aFileWithoutPromptsIsRefused() {
        assertThrows(FormatException.class, () -> PromptFile.read("p.jsonl", List.of("", " ")));
    }
}
