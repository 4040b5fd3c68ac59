package io.chunkwise.tests.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.chunkwise.model.fixtures.SharedData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EvalAblateTest {
    private static final List<String> FIGURES = List.of("experiment", "variant", "reference", "policy", "kvPolicy", "windows", "tokens",
            "nll", "perplexity", "meanComponents", "kvBytes", "difference", "standardError", "atUniform", "atUniformError");

    @TempDir
    private Path directory;

    @Test
    void rowsAreWhatEvalPerplexitySaysOfTheSamePolicies() throws IOException {
        Path text = text(1500);
        JsonNode ablation = ablate("--text", text, "--window", 192, "--components", 4, "--experiments", "signals,rank,kv").json();
        for (String field : List.of("kind", "model", "adapter", "ladder", "text", "window", "executor", "device", "version", "rows",
                "items", "evaluated", "resumed", "shard", "output")) {
            assertTrue(ablation.has(field), field + " is not in " + ablation);
        }
        assertEquals("ablation", ablation.get("kind").textValue());
        assertEquals("stories260K-lora-shakespeare", ablation.get("adapter").textValue());
        assertTrue(ablation.get("ladder").isNull() && ablation.get("output").isNull());
        compare(ablation, "rank", "uniform:4, fixed", text, "--policy", "uniform:4");
        compare(ablation, "rank", "uniform:max", text, "--policy", "uniform:max");
        compare(ablation, "signals", "ngram alone", text, "--policy", "adaptive", "--signals", "ngram");
        compare(ablation, "kv", "window:96", text, "--policy", "adaptive", "--kv-policy", "window:96");
        JsonNode four = row(ablation, "rank", "uniform:4, fixed");
        JsonNode adaptive = row(ablation, "rank", "adaptive 3/4/5, fixed");
        assertTrue(four.get("reference").isNull() && four.get("difference").isNull());
        assertEquals("uniform:4, fixed", adaptive.get("reference").textValue());
        assertEquals(adaptive.get("nll").doubleValue() - four.get("nll").doubleValue(), adaptive.get("difference").doubleValue(), 1e-8);
        assertTrue(adaptive.get("standardError").doubleValue() > 0);
    }

    @Test
    void shardsMergeToTheRowsOfTheWhole() throws IOException {
        Path text = text(1200);
        Object[] options = {"--text", text, "--window", 160, "--experiments", "fade"};
        JsonNode whole = ablate(options).json();
        List<Path> files = new ArrayList<>();
        for (int shard = 1; shard <= 2; shard++) {
            files.add(directory.resolve("shard-" + shard + ".jsonl"));
            ablate(concat(options, "--shard", shard + "/2", "--output", files.getLast())).json();
        }
        JsonNode merged = CommandRun.of("eval", "merge", files.get(1), files.get(0), "--json").json();
        assertSameRows(whole, merged);
        assertEquals(0, merged.get("missing").intValue());
    }

    @Test
    void tenKilledRunsComeToTheRowsOfOneThatIsNot() throws IOException, InterruptedException {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        Path text = text(4000);
        Path whole = directory.resolve("whole.jsonl");
        Object[] options = {"--text", text, "--window", 64, "--experiments", "fade,kv"};
        JsonNode expected = ablate(concat(options, "--output", whole)).json();
        Path output = directory.resolve("killed.jsonl");
        Object[] command = concat(new Object[] {"eval", "ablate", "-m", Stories.model(), "-a", Stories.adapter("shakespeare"), "-e", "cpu",
            "-q", "--output", output}, options);
        for (int kill = 1; kill <= 10; kill++) {
            long size = Files.exists(output) ? Files.size(output) : 0;
            ChildRun.killWhen(directory,
                    () -> Files.exists(output) && Files.size(output) > size + random.nextLong(1 + Files.size(whole) / 20), command);
        }
        JsonNode last = ablate(concat(options, "--output", output)).json();
        assertSameRows(expected, last);
        assertTrue(last.get("resumed").intValue() > 0, () -> "seed " + seed);
        List<String> lines = Files.readAllLines(output);
        assertEquals(expected.get("items").intValue(), lines.size());
        JsonNode result = new ObjectMapper().readTree(lines.getFirst()).get("result");
        assertEquals("fade 0", result.get("variant").textValue());
    }

    @Test
    void peopleGetATablePerExperiment() throws IOException {
        CommandRun run = CommandRun.of("eval", "ablate", "-m", Stories.model(), "-a", Stories.adapter("grimm"), "--text", text(700),
                "--window", 100, "--experiments", "kv,fade", "-e", "cpu", "-q").succeeded();
        assertTrue(run.out().startsWith("fade: ") && run.out().contains("\nkv: "), run.out());
        assertTrue(run.out().lines().allMatch(line -> line.length() <= 100), run.out());
        assertEquals("", run.err());
    }

    @Test
    void whatCannotBeComparedIsRefused() throws IOException {
        Path text = text(700);
        assertRefused("there is no experiment 'speed'; experiments are signals, fade, rank, kv",
                "--text", text, "--window", 64, "--experiments", "speed");
        assertRefused("policy 'uniform:8' treats all tokens alike; an ablation takes one of several bands, such as adaptive",
                "--text", text, "--window", 64, "--policy", "uniform:8");
        assertRefused("--kv-policies: q8 is given twice", "--text", text, "--window", 64, "--kv-policies", "q8,full,q8");
        assertRefused("--components 0: expected a number from 1 up", "--text", text, "--window", 64, "--components", "0");
        assertRefused("--window 4096: the context has room for 512; use a smaller window or raise --context",
                "--text", text, "--window", 4096);
    }

    private static void assertRefused(String message, Object... args) {
        CommandRun run = ablate(args);
        assertEquals(2, run.exit(), run.err());
        assertEquals("chunkwise: " + message, run.err().lines().findFirst().orElseThrow());
    }

    private static void compare(JsonNode ablation, String experiment, String variant, Path text, Object... policy) {
        JsonNode row = row(ablation, experiment, variant);
        JsonNode alone = CommandRun.of(concat(new Object[] {"eval", "perplexity", "-m", Stories.model(), "-a",
            Stories.adapter("shakespeare"), "-e", "cpu", "--text", text, "--window", 192, "--json"}, policy)).json();
        // A cache that may be quantized is kept rotated, which moves the last digits of floats.
        assertEquals(alone.get("nll").doubleValue(), row.get("nll").doubleValue(), 1e-5, variant);
        assertEquals(alone.get("scored"), row.get("tokens"), variant);
        assertEquals(alone.get("meanComponents").doubleValue(), row.get("meanComponents").doubleValue(), 1e-6, variant);
        assertEquals(alone.get("kvBytes"), row.get("kvBytes"), variant);
    }

    private static JsonNode row(JsonNode ablation, String experiment, String variant) {
        for (JsonNode row : ablation.get("rows")) {
            if (row.get("experiment").textValue().equals(experiment) && row.get("variant").textValue().equals(variant)) {
                return row;
            }
        }
        throw new AssertionError("no row '" + variant + "' of " + experiment + " in " + ablation);
    }

    private static void assertSameRows(JsonNode expected, JsonNode actual) {
        assertEquals(expected.get("rows").size(), actual.get("rows").size());
        for (int row = 0; row < expected.get("rows").size(); row++) {
            for (String field : FIGURES) {
                assertEquals(expected.get("rows").get(row).get(field), actual.get("rows").get(row).get(field), "row " + row + ", " + field);
            }
        }
    }

    private Path text(int characters) throws IOException {
        String text = Files.readString(SharedData.assumePresent("text/tinyshakespeare.txt"));
        return Files.writeString(directory.resolve("text-" + characters + ".txt"), text.substring(text.length() - characters));
    }

    private static CommandRun ablate(Object... args) {
        return CommandRun.of(concat(new Object[] {"eval", "ablate", "-m", Stories.model(), "-a", Stories.adapter("shakespeare"),
            "-e", "cpu", "--json"}, args));
    }

    private static Object[] concat(Object[] one, Object... other) {
        Object[] all = Arrays.copyOf(one, one.length + other.length);
        System.arraycopy(other, 0, all, one.length, other.length);
        return all;
    }
}
