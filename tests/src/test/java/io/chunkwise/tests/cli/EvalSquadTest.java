package io.chunkwise.tests.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.chunkwise.model.fixtures.SharedData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EvalSquadTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    private Path directory;

    // The official figures of the reference data's description.
    @Test
    void predictionsOfAFileHaveTheOfficialFigures() {
        JsonNode json = CommandRun.of("eval", "squad", "--data", data(), "--predictions",
                SharedData.assumePresent("squad/pred-half-nlnet.json"), "--json").json();
        assertEquals(76.3903, json.get("exact").doubleValue(), 1e-4);
        assertEquals(79.2574, json.get("f1").doubleValue(), 1e-4);
        assertEquals(6078, json.get("total").intValue());
        for (String field : List.of("hasAnsExact", "hasAnsF1", "noAnsExact")) {
            assertTrue(json.get(field).doubleValue() > 50, field + " in " + json);
        }
        assertEquals(0, json.get("missing").intValue());
    }

    @Test
    void questionsWithoutAPredictionAreLeftOutWithAWarning() throws IOException {
        Path data = small();
        Path predictions = Files.writeString(directory.resolve("predictions.json"), "{\"a\": \"THE Paris!\", \"c\": \"\"}");
        CommandRun run = CommandRun.of("eval", "squad", "--data", data, "--predictions", predictions, "--json");
        assertEquals(100, run.json().get("exact").doubleValue());
        assertEquals(2, run.json().get("total").intValue());
        assertEquals(1, run.json().get("missing").intValue());
        assertEquals("warning: 1 of 3 questions have no prediction and do not count, as in the official scorer\n", run.err());
    }

    @Test
    void aModelAnswersGreedilyUpToTheEndOfTheLine() throws IOException {
        Path output = directory.resolve("results.jsonl");
        Path template = Files.writeString(directory.resolve("template.txt"), "{context} Q: {question} A:\n");
        Object[] command = {"eval", "squad", "--data", small(), "-m", Stories.model(), "-e", "cpu", "--template", template, "-n", "12",
            "--output", output, "--json"};
        JsonNode json = CommandRun.of(command).json();
        assertEquals(3, json.get("total").intValue());
        assertEquals("cpu", json.get("executor").textValue());
        List<String> lines = Files.readAllLines(output);
        assertEquals(3, lines.size());
        JsonNode first = JSON.readTree(lines.getFirst());
        assertEquals("a", first.get("id").textValue());
        String expected = CommandRun.of("generate", "-m", Stories.model(), "-e", "cpu", "-T", "0", "-n", "12", "--stop", "\n", "--json",
                "-p", "Paris is big. Q: What is big? A:").json().get("text").textValue();
        assertEquals(expected, first.get("result").get("generated").get("text").textValue());
        assertEquals(expected.strip(), first.get("result").get("answer").textValue());

        Files.write(output, lines.subList(0, 2));
        JsonNode again = CommandRun.of(command).json();
        assertEquals(2, again.get("resumed").intValue());
        for (String field : List.of("exact", "f1", "total", "newTokens", "promptTokens", "kvBytes")) {
            assertEquals(json.get(field), again.get(field), field);
        }
        assertEquals(json.get("f1"), CommandRun.of("eval", "merge", output, "--json").json().get("f1"));
        command[9] = template(": {context} {question}");
        CommandRun other = CommandRun.of(command);
        assertEquals(1, other.exit());
        assertTrue(other.err().contains("is a result of another configuration (templateSha256 "), other.err());
        assertEquals(1, other.err().lines().count());
    }

    @Test
    void aContextThatIsTooLongIsCutAndCounted() throws IOException {
        Path output = directory.resolve("results.jsonl");
        JsonNode json = CommandRun.of("eval", "squad", "--data", data(), "-m", Stories.model(), "-e", "cpu", "-n", "8", "--limit", "2",
                "--context", "200", "--template", template("{context} Q: {question} A:"), "--output", output, "--json").json();
        assertEquals(2, json.get("total").intValue());
        assertEquals(2, json.get("shortened").intValue());
        for (String line : Files.readAllLines(output)) {
            int tokens = JSON.readTree(line).get("result").get("generated").get("promptTokens").intValue();
            assertTrue(tokens <= 192 && tokens > 185, "a prompt of " + tokens + " tokens");
        }
    }

    private Path template(String text) throws IOException {
        return Files.writeString(directory.resolve("template-" + text.hashCode() + ".txt"), text);
    }

    private Path small() throws IOException {
        return Files.writeString(directory.resolve("data.json"), """
                {"version": "v2.0", "data": [{"title": "t", "paragraphs": [{"context": "Paris is big.", "qas": [
                  {"id": "a", "question": "What is big?", "answers": [{"text": "Paris", "answer_start": 0}], "is_impossible": false},
                  {"id": "b", "question": "What is it?", "answers": [{"text": "big", "answer_start": 9}], "is_impossible": false},
                  {"id": "c", "question": "Who?", "answers": [], "plausible_answers": [{"text": "x", "answer_start": 0}], "is_impossible": \
                  true}
                ]}]}]}
                """);
    }

    private static Path data() {
        return SharedData.assumePresent("squad/dev-v2.0-half.json");
    }
}
