package io.chunkwise.tests.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GenerateCommandTest {
    private static final String PROMPT = "Once upon a time, there was a little girl named Lily.";

    @Test
    void greedyTextFromNothingIsTheGoldenOne() {
        JsonNode json = greedy("--prompt", "", "--max-tokens", 200).json();
        int[] ids = IntStream.concat(IntStream.of(1), IntStream.of(CommandRun.ints(json.get("newIds")))).toArray();
        assertArrayEquals(CommandRun.ints(Stories.golden().get("greedy_from_bos")), ids);
        assertEquals(1, json.get("promptTokens").intValue());
        assertTrue(json.get("text").textValue().startsWith("Once upon a time, there was a little girl named Lily."),
                json.get("text").textValue());
    }

    @ParameterizedTest
    @ValueSource(strings = {"shakespeare", "grimm"})
    void greedyTextWithAnAdapterIsTheGoldenOne(String name) {
        int[] promptThenNew = CommandRun.ints(Stories.golden().get(name + "_greedy"));
        JsonNode json = greedy("--adapter", Stories.adapter(name), "--prompt", PROMPT, "--max-tokens", 60).json();
        int promptTokens = json.get("promptTokens").intValue();
        assertEquals(promptThenNew.length, promptTokens + 60);
        assertArrayEquals(Arrays.copyOfRange(promptThenNew, promptTokens, promptThenNew.length), CommandRun.ints(json.get("newIds")));
        assertEquals(32, json.get("rank").intValue());
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 16, 17})
    void theNumberOfTokensPerPassDoesNotChangeTheText(int batch) {
        String expected = greedy("--prompt", PROMPT, "--max-tokens", 12).json().get("text").textValue();
        assertEquals(expected, greedy("--prompt", PROMPT, "--max-tokens", 12, "--batch", batch).json().get("text").textValue());
    }

    @Test
    void jsonHasTheFieldsThatScriptsRelyOnAndNothingElseIsPrinted() {
        CommandRun run = greedy("--prompt", "Once", "--max-tokens", 3);
        JsonNode json = run.json();
        Set<String> fields = new TreeSet<>();
        json.fieldNames().forEachRemaining(fields::add);
        assertTrue(fields.containsAll(Set.of("text", "newIds", "promptTokens", "executor", "device", "timings", "stopReason", "seed",
                "rank", "mergedComponents", "policy", "kvPolicy", "tokens", "chunks", "meanComponents", "memory")), fields.toString());
        assertEquals("cpu", json.get("executor").textValue());
        assertEquals("cpu:0", json.get("device").textValue());
        assertEquals("max_tokens", json.get("stopReason").textValue());
        for (String timing : new String[] {"loadMs", "prefillMs", "decodeMsPerToken"}) {
            assertTrue(json.get("timings").get(timing).doubleValue() > 0, timing);
        }
        assertEquals("", run.err());
        assertTrue(run.out().endsWith("}\n"), "one line");
    }

    @Test
    void streamedTextIsTheTextOfTheJsonAndRemarksStayOnStandardError() {
        String text = greedy("--prompt", PROMPT, "--max-tokens", 40).json().get("text").textValue();
        CommandRun run = CommandRun.of("generate", "-m", Stories.model(), "-e", "cpu", "-T", 0, "-p", PROMPT, "-n", 40).succeeded();
        assertEquals(text + "\n", run.out());
        assertTrue(run.err().startsWith("executor cpu on cpu:0 ("), run.err());
        assertTrue(run.err().contains("16 prompt tokens in "), run.err());
        assertEquals(2, run.err().lines().count(), run.err());
        CommandRun quiet = CommandRun.of("generate", "-m", Stories.model(), "-T", 0, "-p", PROMPT, "-n", 40, "--quiet",
                "--echo").succeeded();
        assertEquals(PROMPT + text + "\n", quiet.out());
        assertEquals("", quiet.err());
    }

    @Test
    void aSeedDecidesTheText() {
        String first = sampled(7);
        assertEquals(first, sampled(7));
        assertFalse(first.equals(sampled(8)) && first.equals(sampled(9)), "seeds 7, 8 and 9 gave the same text: " + first);
    }

    @Test
    void withoutASeedEachRunTellsItsOwn() {
        JsonNode json = run("--prompt", "Once", "--temperature", 1.5, "--max-tokens", 20).json();
        JsonNode again = run("--prompt", "Once", "--temperature", 1.5, "--max-tokens", 20, "--seed", json.get("seed").longValue()).json();
        assertEquals(json.get("newIds"), again.get("newIds"));
    }

    @Test
    void aStopStringOverSeveralTokensEndsTheText() {
        String all = greedy("--prompt", PROMPT, "--max-tokens", 40).json().get("text").textValue();
        String stop = all.substring(17, 26); // in the middle of words
        JsonNode json = greedy("--prompt", PROMPT, "--max-tokens", 40, "--stop", "never", "--stop", stop).json();
        assertEquals(all.substring(0, all.indexOf(stop)), json.get("text").textValue());
        assertEquals("stop_string", json.get("stopReason").textValue());
    }

    @Test
    void theEndOfTheContextIsAStopReason() {
        CommandRun run = greedy("--prompt", PROMPT, "--max-tokens", 100, "--context", 20);
        assertEquals("context_full", run.json().get("stopReason").textValue());
        assertEquals(20 - 16 + 1, run.json().get("newIds").size());
    }

    @Test
    void aPromptLongerThanTheContextIsAUsageError() {
        CommandRun run = greedy("--prompt", PROMPT, "--max-tokens", 10, "--context", 15);
        assertEquals(2, run.exit());
        assertEquals("", run.out());
        assertTrue(run.err().startsWith("chunkwise: the prompt has 16 tokens, but the context has room for 15; "), run.err());
    }

    @Test
    void thePromptComesFromTheOptionAFileOrStandardInput(@TempDir Path directory) throws IOException {
        Path file = Files.writeString(directory.resolve("prompt.txt"), PROMPT + "\n");
        JsonNode expected = greedy("--prompt", PROMPT, "--max-tokens", 8).json().get("newIds");
        assertEquals(expected, greedy("--prompt-file", file, "--max-tokens", 8).json().get("newIds"));
        Object[] common = {"generate", "--model", Stories.model(), "--temperature", 0, "--json", "--max-tokens", 8};
        assertEquals(expected, CommandRun.withInput(PROMPT + "\n", common).json().get("newIds"));
        Object[] dash = Arrays.copyOf(common, common.length + 2);
        dash[common.length] = "--prompt";
        dash[common.length + 1] = "-";
        assertEquals(expected, CommandRun.withInput(PROMPT + "\r\n", dash).json().get("newIds"));
    }

    @Test
    void rankZeroIsTheBaseModel() {
        JsonNode base = greedy("--prompt", PROMPT, "--max-tokens", 30).json();
        JsonNode off = greedy("--prompt", PROMPT, "--max-tokens", 30, "--adapter", Stories.adapter("grimm"), "--rank", 0).json();
        assertEquals(base.get("newIds"), off.get("newIds"));
        assertEquals(0, off.get("rank").intValue());
    }

    @Test
    void theTrainedRankIsThePlainAdapter() {
        JsonNode max = greedy("--prompt", PROMPT, "--max-tokens", 30, "--adapter", Stories.adapter("grimm"), "--rank", "max").json();
        JsonNode all = greedy("--prompt", PROMPT, "--max-tokens", 30, "--adapter", Stories.adapter("grimm"), "--rank", 32).json();
        assertEquals(max.get("newIds"), all.get("newIds"));
    }

    @Test
    void aSavedLadderGivesTheTextOfTheOneBuiltInMemory(@TempDir Path directory) {
        Path adapter = Stories.copyOfAdapter("grimm", directory);
        CommandRun built = CommandRun.of("generate", "-m", Stories.model(), "-a", adapter, "--rank", 8, "-T", 0, "-p", PROMPT, "-n", 20);
        assertTrue(built.succeeded().err().contains("'chunkwise ladder' saves it"), built.err());
        CommandRun.of("ladder", "-m", Stories.model(), "-a", adapter, "--quiet").succeeded();
        CommandRun loaded = CommandRun.of("generate", "-m", Stories.model(), "-a", adapter, "--rank", 8, "-T", 0, "-p", PROMPT, "-n", 20);
        assertEquals(built.out(), loaded.succeeded().out());
        assertFalse(loaded.err().contains("building"), loaded.err());
    }

    @Test
    void aStaleLadderIsRefused(@TempDir Path directory) throws IOException {
        Path adapter = Stories.copyOfAdapter("grimm", directory);
        CommandRun.of("ladder", "-m", Stories.model(), "-a", adapter, "--quiet").succeeded();
        Files.writeString(adapter.resolve("adapter_config.json"), Files.readString(adapter.resolve("adapter_config.json")) + " ");
        CommandRun run = greedy("--prompt", PROMPT, "--adapter", adapter, "--rank", 8);
        assertEquals(1, run.exit());
        assertEquals("chunkwise: " + adapter.resolve("ladder.safetensors")
                + ": was built from another version of the adapter; rebuild it with 'chunkwise ladder'\n", run.err());
        greedy("--prompt", PROMPT, "--max-tokens", 1, "--adapter", adapter).succeeded(); // no ladder is needed for the whole adapter
    }

    private static String sampled(long seed) {
        return run("--prompt", PROMPT, "--temperature", 1.2, "--top-k", 0, "--top-p", 0.98, "--min-p", 0, "--repetition-penalty", 1.1,
                "--max-tokens", 40, "--seed", seed).json().get("text").textValue();
    }

    private static CommandRun greedy(Object... args) {
        Object[] all = Arrays.copyOf(args, args.length + 2);
        all[args.length] = "--temperature";
        all[args.length + 1] = 0;
        return run(all);
    }

    private static CommandRun run(Object... args) {
        Object[] common = {"generate", "--model", Stories.model(), "--executor", "cpu", "--json"};
        Object[] all = Arrays.copyOf(common, common.length + args.length);
        System.arraycopy(args, 0, all, common.length, args.length);
        return CommandRun.of(all);
    }
}
