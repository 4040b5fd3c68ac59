package io.chunkwise.tests.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.chunkwise.model.fixtures.SharedData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** On Shakespeare's text with both adapters: to one of them it is foreign, and a budget must hold all the same. */
class CalibrateCommandTest {
    @TempDir
    private Path directory;

    @ParameterizedTest
    @ValueSource(strings = {"shakespeare", "grimm"})
    void aBudgetOfPerplexityHoldsOnTextThatDecidedNothing(String adapter) throws IOException {
        Path policy = directory.resolve("policy.yaml");
        Path heldOut = text("held.txt", 0, 4000);
        JsonNode json = calibrate(adapter, "--text", text("cal.txt", 4000, 14_000), "--held-out", heldOut, "--max-ppl-increase", "1%",
                "-o", policy).json();
        assertEquals("calibration", json.get("kind").textValue());
        assertEquals(policy.toString(), json.get("policy").textValue());
        assertEquals(0.01, json.get("budget").get("maxPplIncrease").doubleValue());
        assertTrue(json.get("measuredIncrease").doubleValue() <= 0.01, json.toString());
        assertTrue(json.get("withinBudget").booleanValue());
        assertTrue(json.get("measuredComponents").doubleValue() < 32, json.toString());
        int chosen = 0;
        for (JsonNode candidate : json.get("candidates")) {
            chosen += candidate.get("chosen").booleanValue() ? 1 : 0;
        }
        assertEquals(1, chosen, json.toString());

        // The file is what the figures are of.
        JsonNode used = perplexity(adapter, heldOut, json, "--policy", policy);
        assertEquals(json.get("heldOut").get("nll").doubleValue(), used.get("nll").doubleValue(), 1e-5);
        assertEquals(json.get("measuredComponents").doubleValue(), used.get("meanComponents").doubleValue(), 1e-6);
        JsonNode full = CommandRun.of("eval", "perplexity", "-m", Stories.model(), "-a", Stories.adapter(adapter), "-e", "cpu",
                "--text", heldOut, "--window", 256, "--json").json();
        assertEquals(json.get("heldOut").get("fullNll").doubleValue(), full.get("nll").doubleValue(), 1e-5);
        String text = Files.readString(policy);
        assertTrue(text.startsWith("# Made by 'chunkwise calibrate'") && text.contains("# measured on held-out text"), text);
        assertEquals(List.of(), leftovers());
    }

    @Test
    void aBudgetOfComponentsHoldsAndTheSameCallWritesTheSameFile() throws IOException {
        Path policy = directory.resolve("eight.yaml");
        Path text = text("cal.txt", 0, 16_000);
        JsonNode json = calibrate("shakespeare", "--text", text, "--mean-components", 8, "-o", policy).json();
        assertEquals(8, json.get("budget").get("meanComponents").doubleValue());
        assertTrue(json.get("measuredComponents").doubleValue() <= 8.02
                && json.get("measuredComponents").doubleValue() > 6, json.toString());
        assertTrue(json.get("heldOut").get("text").textValue().endsWith("cal.txt"));
        String first = Files.readString(policy);
        CommandRun.of("policy", policy).succeeded();
        Files.writeString(policy, "something else");
        calibrate("shakespeare", "--text", text, "--mean-components", 8, "-o", policy).json();
        assertEquals(first, Files.readString(policy));
    }

    @Test
    void nothingIsWrittenWhereTheBudgetIsNotKept() throws IOException {
        Path policy = directory.resolve("policy.yaml");
        Files.writeString(policy, "what was there");
        CommandRun run = calibrate("shakespeare", "--text", text("cal.txt", 0, 700), "--max-ppl-increase", "1%", "-o", policy);
        assertEquals(1, run.exit());
        assertTrue(run.err().contains("is too short: every part of it needs 4 windows of 256 tokens"), run.err());
        assertEquals("what was there", Files.readString(policy));
        assertEquals(List.of(), leftovers());
    }

    @Test
    void wrongBudgetsAreRefused() throws IOException {
        Path text = text("cal.txt", 0, 700);
        for (List<?> wrong : List.of(List.of("--max-ppl-increase", "much"), List.of("--max-ppl-increase", "0"), 
                List.of("--mean-components", "0"), List.of("--mean-components", "8", "--max-ppl-increase", "1%"), List.of())) {
            Object[] args = Stream.concat(Stream.of("--text", text, "-o", directory.resolve("p.yaml")), wrong.stream()).toArray();
            CommandRun run = calibrate("shakespeare", args);
            assertEquals(2, run.exit(), wrong + ": " + run.err());
        }
        assertFalse(Files.exists(directory.resolve("p.yaml")));
    }

    private JsonNode perplexity(String adapter, Path text, JsonNode calibration, Object... policy) {
        Stream<Object> command = Stream.of("eval", "perplexity", "-m", Stories.model(), "-a", Stories.adapter(adapter), "-e", "cpu",
                "--text", text, "--window", 256, "--kv-policy", calibration.get("kvPolicy").textValue(), "--json");
        Stream<Object> ladder = calibration.get("ladder").isNull() ? Stream.of()
                : Stream.of("--ladder", calibration.get("ladder").textValue());
        return CommandRun.of(Stream.concat(Stream.concat(command, ladder), Stream.of(policy)).toArray()).json();
    }

    private List<String> leftovers() throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.map(file -> file.getFileName().toString()).filter(name -> name.endsWith(".tmp")).toList();
        }
    }

    /** From the end of the text, which no adapter was trained on. */
    private Path text(String name, int fromEnd, int characters) throws IOException {
        String text = Files.readString(SharedData.assumePresent("text/tinyshakespeare.txt"));
        int end = text.length() - fromEnd;
        return Files.writeString(directory.resolve(name), text.substring(end - characters, end));
    }

    private static CommandRun calibrate(String adapter, Object... args) {
        return CommandRun.of(Stream.concat(Stream.of("calibrate", "-m", Stories.model(), "-a", Stories.adapter(adapter), "--window", 256,
                "--windows", 8, "--json"), Stream.of(args)).toArray());
    }
}
