package io.chunkwise.tests.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.chunkwise.model.fixtures.SharedData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ScoreCommandTest {
    // The golden logits have 5 decimals and the agreement that is asked of executors is 2e-4.
    private static final double TOLERANCE = 4e-4;

    @ParameterizedTest
    @ValueSource(strings = {"base", "shakespeare", "grimm"})
    void logProbabilitiesAreThoseOfTheGoldenLogits(String name) {
        JsonNode golden = Stories.golden();
        int[] ids = CommandRun.ints(golden.get("prompt_ids"));
        String list = Arrays.stream(ids).mapToObj(String::valueOf).collect(Collectors.joining(","));
        JsonNode logits = golden.get(name + "_logits");
        JsonNode json = name.equals("base") ? score("--tokens", list, "--top", 2).json()
                : score("--tokens", list, "--top", 2, "--adapter", Stories.adapter(name)).json();
        double sum = 0;
        for (int position = 0; position < ids.length; position++) {
            JsonNode token = json.get("tokens").get(position);
            assertEquals(position, token.get("position").intValue());
            assertEquals(ids[position], token.get("id").intValue());
            if (position == 0) {
                assertTrue(token.get("logprob").isNull(), "the first token has no log-probability");
            } else {
                double expected = logSoftmax(logits.get(position - 1), ids[position]);
                assertEquals(expected, token.get("logprob").doubleValue(), TOLERANCE, "position " + position);
                sum += expected;
            }
            assertEquals(2, token.get("top").size());
            JsonNode best = token.get("top").get(0);
            assertEquals(logSoftmax(logits.get(position), best.get("id").intValue()), best.get("logprob").doubleValue(), TOLERANCE);
            assertEquals(largest(logits.get(position)), best.get("id").intValue(), "most likely after position " + position);
        }
        assertEquals(-sum / (ids.length - 1), json.get("nll").doubleValue(), TOLERANCE);
        assertEquals(Math.exp(json.get("nll").doubleValue()), json.get("perplexity").doubleValue(), 1e-6);
    }

    @Test
    void aTextIsScoredWithItsBeginOfTextToken() {
        JsonNode golden = Stories.golden();
        JsonNode byText = score("--text", golden.get("prompt").textValue()).json();
        JsonNode byFile = scoreInput(golden.get("prompt").textValue(), "--text", "-").json();
        int[] ids = CommandRun.ints(golden.get("prompt_ids"));
        assertEquals(ids.length, byText.get("tokens").size());
        assertEquals(byText.get("tokens"), byFile.get("tokens"));
        assertEquals(ids.length - 1, byText.get("scored").intValue());
        assertEquals(0, byText.get("tokens").get(3).get("top").size());
    }

    @Test
    void windowsAreScoredEachOnItsOwn(@TempDir Path directory) throws IOException {
        String text = Files.readString(SharedData.assumePresent("text/tinystories-valid.txt")).substring(0, 700);
        Path file = Files.writeString(directory.resolve("text.txt"), text);
        JsonNode whole = score("--file", file, "--window", 50).json();
        int[] ids = new int[whole.get("tokens").size()];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = whole.get("tokens").get(i).get("id").intValue();
        }
        String second = Arrays.stream(ids, 50, 100).mapToObj(String::valueOf).collect(Collectors.joining(","));
        JsonNode alone = score("--tokens", second).json();
        for (int i = 0; i < 50; i++) {
            assertEquals(alone.get("tokens").get(i).get("logprob"), whole.get("tokens").get(50 + i).get("logprob"), "token " + i);
        }
        assertEquals(ids.length - Math.ceilDiv(ids.length, 50), whole.get("scored").intValue());
    }

    // From transformers 5 and peft (float32) by the recipe of stories260K-perplexity.json: windows of 512 ids, mean over 2,985.
    @ParameterizedTest
    @CsvSource({"base, 1.7983557534918488", "shakespeare, 3.4441769103746207"})
    void theLikelihoodOfATextIsThatOfTransformers(String name, double expected, @TempDir Path directory) throws IOException {
        String text = Files.readString(SharedData.assumePresent("text/tinystories-valid.txt")).substring(0, 6000);
        Path file = Files.writeString(directory.resolve("text.txt"), text);
        JsonNode json = name.equals("base") ? score("--file", file, "--window", 512).json()
                : score("--file", file, "--window", 512, "--adapter", Stories.adapter(name)).json();
        assertEquals(2985, json.get("scored").intValue());
        assertEquals(expected, json.get("nll").doubleValue(), 1e-5);
    }

    @Test
    void aTextLongerThanTheContextIsAUsageErrorThatNamesWindows() {
        CommandRun run = score("--text", "word ".repeat(600));
        assertEquals(2, run.exit());
        assertEquals("", run.out());
        assertTrue(run.err().contains("score it in windows (--window 512) or raise --context"), run.err());
    }

    @Test
    void peopleGetATableAndASummary() {
        CommandRun run = CommandRun.of("score", "-m", Stories.model(), "--text", "Once upon a time", "--top", 2).succeeded();
        String[] lines = run.out().split("\n");
        assertTrue(lines[0].matches("position +id +token +logprob +most likely next"), lines[0]);
        assertEquals("", lines[lines.length - 2]);
        assertTrue(lines[lines.length - 1].matches("nll \\d+\\.\\d{6} per token, perplexity .*over 4 scored tokens"),
                lines[lines.length - 1]);
        assertEquals(1 + 5 + 2, lines.length);
        String summary = CommandRun.of("score", "-m", Stories.model(), "--text", "Once upon a time", "--summary", "-q").succeeded().out();
        assertEquals(lines[lines.length - 1] + "\n", summary);
    }

    private static double logSoftmax(JsonNode logits, int id) {
        double max = Double.NEGATIVE_INFINITY;
        for (JsonNode logit : logits) {
            max = Math.max(max, logit.doubleValue());
        }
        double sum = 0;
        for (JsonNode logit : logits) {
            sum += Math.exp(logit.doubleValue() - max);
        }
        return logits.get(id).doubleValue() - max - Math.log(sum);
    }

    private static int largest(JsonNode logits) {
        int best = 0;
        for (int id = 1; id < logits.size(); id++) {
            best = logits.get(id).doubleValue() > logits.get(best).doubleValue() ? id : best;
        }
        return best;
    }

    private static CommandRun score(Object... args) {
        return scoreInput("", args);
    }

    private static CommandRun scoreInput(String input, Object... args) {
        Object[] common = {"score", "--model", Stories.model(), "--executor", "cpu", "--json"};
        Object[] all = Arrays.copyOf(common, common.length + args.length);
        System.arraycopy(args, 0, all, common.length, args.length);
        return CommandRun.withInput(input, all);
    }
}
