package io.chunkwise.tests.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GenerateBatchTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    private Path directory;

    @Test
    void everyPromptHasTheTextThatGenerateWrites() throws IOException {
        Path input = input("""
                {"prompt": "Once upon a time", "id": "story", "maxTokens": 12, "temperature": 0}

                {"prompt": "Lily was", "stop": "."}
                {"prompt": "The dog", "seed": 5, "id": 7}
                """);
        Path output = directory.resolve("results.jsonl");
        JsonNode json = batch(input, output, "--seed", 3, "--adapter", Stories.adapter("shakespeare"), "--rank", 8).json();
        Map<String, JsonNode> results = results(output);
        assertEquals(List.of("3", "7", "story"), List.copyOf(results.keySet()));
        JsonNode story = results.get("story");
        assertText(story, "Once upon a time", "-n", 12, "-T", 0, "-a", Stories.adapter("shakespeare"), "--rank", 8);
        assertEquals(12, story.get("tokens").intValue());
        assertEquals("max_tokens", story.get("stopReason").textValue());
        assertEquals(8, story.get("meanComponents").doubleValue());
        JsonNode lily = results.get("3");
        assertText(lily, "Lily was", "-n", 20, "--stop", ".", "--seed", lily.get("seed"), "-a", Stories.adapter("shakespeare"), "--rank",
                8);
        assertEquals(5, results.get("7").get("seed").intValue());
        assertText(results.get("7"), "The dog", "-n", 20, "--seed", 5, "-a", Stories.adapter("shakespeare"), "--rank", 8);
        assertEquals(3, json.get("prompts").intValue());
        assertEquals(0, json.get("errors").intValue());
        assertEquals(results.values().stream().mapToInt(result -> result.get("tokens").intValue()).sum(), json.get("newTokens").intValue());
        JsonNode configuration = JSON.readTree(Files.readAllLines(output).getFirst()).get("configuration");
        for (String field : List.of("kind", "input", "inputSha256", "maxTokens", "temperature", "topK", "seed", "modelSha256", "adapters",
                "policy", "executor", "device")) {
            assertTrue(configuration.has(field), field + " is not in " + configuration);
        }
    }

    @Test
    void aPromptThatDoesNotFitIsALineWithAnErrorAndTheOthersAreWritten() throws IOException {
        Path input = input("{\"prompt\": \"" + "very long ".repeat(60)
                + "\", \"id\": \"long\"}\n{\"prompt\": \"Lily\", \"id\": \"short\"}\n");
        Path output = directory.resolve("results.jsonl");
        for (int run = 0; run < 2; run++) { // the second goes on with both lines
            CommandRun ended = batch(input, output, "--context", 64);
            assertEquals(1, ended.exit());
            assertEquals("chunkwise: 1 of 2 prompts have an error in place of a text; see 'error' in " + output + "\n", ended.err());
            JsonNode json = JSON.readTree(ended.out());
            assertEquals(1, json.get("errors").intValue());
            assertEquals(2 * run, json.get("resumed").intValue());
        }
        JsonNode failed = results(output).get("long");
        assertEquals("the prompt has " + failed.get("promptTokens") + " tokens, but the context has room for 64",
                failed.get("error").textValue());
        assertTrue(failed.get("text").isNull() && failed.get("stopReason").isNull(), failed.toString());
        assertTrue(results(output).get("short").get("error").isNull());
        assertEquals(1, CommandRun.of("eval", "merge", output).exit());
    }

    @Test
    void shardsHaveTheTextsOfTheWholeAndMerge() throws IOException {
        Path input = many(11);
        JsonNode whole = batch(input, directory.resolve("whole.jsonl")).json();
        Map<String, JsonNode> expected = withoutTime(results(directory.resolve("whole.jsonl")));
        Map<String, JsonNode> found = new TreeMap<>();
        List<Path> files = new ArrayList<>();
        for (int shard = 3; shard >= 1; shard--) {
            files.add(directory.resolve("shard-" + shard + ".jsonl"));
            batch(input, files.getLast(), "--shard", shard + "/3").succeeded();
            withoutTime(results(files.getLast())).forEach((id, result) -> assertEquals(null, found.put(id, result), id));
        }
        assertEquals(expected, found);
        JsonNode merged = CommandRun.of("eval", "merge", files.get(0), files.get(1), files.get(2), "--json").json();
        for (String field : List.of("prompts", "errors", "promptTokens", "newTokens", "meanComponents", "kvBytes", "items", "evaluated")) {
            assertEquals(whole.get(field), merged.get(field), field);
        }
        assertEquals(0, merged.get("missing").intValue());
    }

    @Test
    void killedRunsComeToTheTextsOfOneThatIsNot() throws IOException, InterruptedException {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        Path input = many(150);
        Path whole = directory.resolve("whole.jsonl");
        batch(input, whole).succeeded();
        Path output = directory.resolve("killed.jsonl");
        for (int kill = 1; kill <= 4; kill++) {
            long from = (Files.exists(output) ? Files.size(output) : 0) + random.nextLong(1 + Files.size(whole) / 6);
            ChildRun.killWhen(directory, () -> Files.exists(output) && Files.size(output) > from,
                    "generate", "-m", Stories.model(), "-e", "cpu", "--max-tokens", 20, "--input", input, "--output", output, "-q");
        }
        JsonNode last = batch(input, output).json();
        assertTrue(last.get("resumed").intValue() > 0 && last.get("resumed").intValue() < 150, () -> "seed " + seed + ": " + last);
        assertEquals(150, Files.readAllLines(output).size(), "seed " + seed);
        assertEquals(withoutTime(results(whole)), withoutTime(results(output)), "seed " + seed);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "--prompt x | --prompt: it belongs to a single text, and --input has many",
        "--trace | --trace: it belongs to a single text, and --input has many",
        "--shard 0/2 | --shard: shard 0/2: expected i/n with i from 1 to n"})
    void optionsThatMeanNothingToManyPromptsAreRefused(String options, String problem) throws IOException {
        CommandRun run = CommandRun.of(concat("generate", "-m", Stories.model(), "--input", many(1), "-o", directory.resolve("o"),
                options.split(" ")));
        assertEquals(2, run.exit());
        assertEquals("chunkwise: " + problem, run.err().lines().findFirst().orElseThrow());
    }

    @Test
    void manyPromptsNeedAFileAndOneHasNone() throws IOException {
        CommandRun without = CommandRun.of("generate", "-m", Stories.model(), "--input", many(1));
        assertEquals(2, without.exit());
        assertTrue(without.err().startsWith("chunkwise: --input needs --output FILE for the results\n"), without.err());
        CommandRun single = CommandRun.of("generate", "-m", Stories.model(), "--prompt", "x", "--output", directory.resolve("o"));
        assertEquals(2, single.exit());
        assertTrue(single.err().startsWith("chunkwise: --output: a single text goes to standard output; add --input FILE for many\n"),
                single.err());
    }

    @Test
    void otherPromptsOrSeedsAreAnotherConfiguration() throws IOException {
        Path output = directory.resolve("results.jsonl");
        Path input = many(2);
        batch(input, output).succeeded();
        CommandRun seed = batch(input, output, "--seed", 9);
        assertEquals(1, seed.exit());
        assertTrue(seed.err().contains("is a result of another configuration (seed '0', not '9')"), seed.err());
        CommandRun prompts = batch(many(3), output);
        assertEquals(1, prompts.exit());
        assertTrue(prompts.err().contains("is a result of another configuration ("), prompts.err());
    }

    private static void assertText(JsonNode result, String prompt, Object... options) {
        JsonNode single = CommandRun.of(concat("generate", "-m", Stories.model(), "-e", "cpu", "--json", "-p", prompt, options)).json();
        for (String field : List.of("text", "stopReason", "promptTokens")) {
            assertEquals(single.get(field), result.get(field), field);
        }
        assertEquals(single.get("newIds").size(), result.get("tokens").intValue());
        assertEquals(single.get("memory").get("kvBytesPeak"), result.get("kvBytes"));
    }

    /** Prompts without seeds, so that these are made of the ids. */
    private Path many(int prompts) throws IOException {
        StringBuilder lines = new StringBuilder();
        for (int prompt = 0; prompt < prompts; prompt++) {
            lines.append("{\"prompt\": \"").append(List.of("Once", "Lily", "The big dog", "One day").get(prompt % 4))
                    .append("\", \"id\": \"prompt ")
                    .append(prompt).append("\"}\n");
        }
        return input(lines.toString());
    }

    private Path input(String lines) throws IOException {
        return Files.writeString(directory.resolve("prompts-" + Integer.toHexString(lines.hashCode()) + ".jsonl"), lines);
    }

    private static CommandRun batch(Path input, Path output, Object... options) {
        return CommandRun.of(concat("generate", "-m", Stories.model(), "-e", "cpu", "--max-tokens", 20, "--json", "--input", input,
                "--output", output, options));
    }

    private static Map<String, JsonNode> results(Path output) throws IOException {
        Map<String, JsonNode> results = new TreeMap<>();
        for (String line : Files.readAllLines(output)) {
            JsonNode read = JSON.readTree(line);
            assertEquals(null, results.put(read.get("id").textValue(), read.get("result")), "twice in " + output);
        }
        return results;
    }

    private static Map<String, JsonNode> withoutTime(Map<String, JsonNode> results) {
        results.values().forEach(result -> ((ObjectNode) result).remove("millis"));
        return results;
    }

    /** The last argument is an array of more. */
    private static Object[] concat(Object... arguments) {
        List<Object> all = new ArrayList<>(List.of(arguments).subList(0, arguments.length - 1));
        all.addAll(List.of((Object[]) arguments[arguments.length - 1]));
        return all.toArray();
    }
}
