package io.chunkwise.tests.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.chunkwise.model.fixtures.SharedData;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Policies, KV policies, adapters that take turns and merged rungs, from outside. */
class ChunkingTest {
    private static final String PROMPT = "Once upon a time, there was a little girl named Lily.";

    // --- policies

    @Test
    void rankIsShortForAUniformPolicy() {
        JsonNode byRank = generate("-a", grimm(), "--rank", 8, "-n", 20).json();
        JsonNode byPolicy = generate("-a", grimm(), "--policy", "uniform:8", "-n", 20).json();
        assertEquals(byRank.get("newIds"), byPolicy.get("newIds"));
        assertEquals(8, byPolicy.get("rank").intValue());
        assertEquals("uniform:8", byRank.get("policy").textValue());
    }

    @Test
    void aCopyOfThePrintedPolicyIsTheBuiltInOne(@TempDir Path directory) throws IOException {
        Path copy = Files.writeString(directory.resolve("mine.yaml"), CommandRun.of("policy").succeeded().out());
        JsonNode builtIn = generate("-a", grimm(), "--policy", "adaptive", "-n", 60).json();
        JsonNode file = generate("-a", grimm(), "--policy", copy, "-n", 60).json();
        assertEquals(builtIn.get("newIds"), file.get("newIds"));
        assertEquals(builtIn.get("chunks"), file.get("chunks"));
        assertEquals(copy.toString(), file.get("policy").textValue());
    }

    @Test
    void aPolicyFileIsCheckedAndItsMistakesAreNamedWithTheirLine(@TempDir Path directory) throws IOException {
        Path good = ThreeBands.in(directory);
        assertTrue(CommandRun.of("policy", good).succeeded().out().startsWith("band    to percentile"));
        assertEquals(3, CommandRun.of("policy", good, "--json").json().get("bands").size());
        Path bad = Files.writeString(directory.resolve("bad.yaml"), ThreeBands.TEXT.replaceFirst("minTokens: 16", "minToken: 16"));
        int line = (int) ThreeBands.TEXT.substring(0, ThreeBands.TEXT.indexOf("minTokens: 16")).lines().count();
        for (CommandRun run : List.of(CommandRun.of("policy", bad), generate("-a", grimm(), "--policy", bad))) {
            assertEquals(1, run.exit());
            assertEquals(1, run.err().lines().count(), run.err());
            assertTrue(run.err().startsWith("chunkwise: " + bad + ": line " + line + ": "), run.err());
        }
    }

    @Test
    void moreComponentsThanTheAdapterHasAreAUsageError() {
        CommandRun run = generate("-a", grimm(), "--policy", "uniform:33");
        assertEquals(2, run.exit());
        assertTrue(run.err().contains("--policy uniform:33: the adapter has rank 32; use a number up to it, or max"), run.err());
    }

    @ParameterizedTest
    @ValueSource(doubles = {3, 6.5})
    void theBudgetIsKept(double budget, @TempDir Path directory) {
        JsonNode json = generate("-a", grimm(), "--policy", ThreeBands.in(directory), "--budget", budget, "-n", 150).json();
        assertTrue(json.get("meanComponents").doubleValue() <= budget, json.get("meanComponents").toString());
        assertTrue(json.get("policy").textValue().endsWith(budget == 3 ? ", budget 3" : ", budget 6.5"), json.get("policy").textValue());
    }

    @Test
    void anAdaptivePolicyWithoutAdapterIsForTheKvCacheOnly() {
        JsonNode json = generate("--policy", "adaptive", "--kv-policy", "adaptive", "-n", 10).json();
        assertEquals(generate("-n", 10).json().get("newIds"), json.get("newIds"));
        assertEquals("off", json.get("chunks").get(0).get("rung").textValue());
        assertEquals(0, json.get("rank").intValue());
    }

    // --- adapters that take turns

    @ParameterizedTest
    @ValueSource(ints = {5, 40})
    void anotherAdapterTakesOverAtItsToken(int token) {
        JsonNode one = generate("-a", "first=" + grimm(), "-n", 80).json();
        JsonNode both = generate("-a", "first=" + grimm(), "-a", "second=" + shakespeare() + "@" + token, "-n", 80).json();
        int prompt = one.get("promptTokens").intValue();
        int[] before = CommandRun.ints(one.get("newIds"));
        int[] after = CommandRun.ints(both.get("newIds"));
        int same = Math.max(0, token + 1 - prompt); // the token that row TOKEN - 1 chose is at position TOKEN
        assertArrayEquals(Arrays.copyOf(before, same), Arrays.copyOf(after, same), "tokens before the switch");
        assertFalse(Arrays.equals(before, after), "the second adapter changes nothing");
        List<String> adapters = new ArrayList<>();
        for (JsonNode chunk : both.get("chunks")) {
            adapters.add(chunk.get("start").intValue() + " " + chunk.get("adapter").textValue());
        }
        assertEquals(List.of("0 first", token + " second"), adapters);
    }

    @Test
    void anAdapterThatTakesOverFromItselfChangesNothing() {
        JsonNode plain = generate("-a", grimm(), "-n", 60).json();
        JsonNode again = generate("-a", "g=" + grimm(), "-a", "g@30", "-n", 60).json();
        assertEquals(plain.get("newIds"), again.get("newIds"));
        assertEquals(2, again.get("chunks").size());
        assertEquals(plain.get("memory").get("adapterBytes"), again.get("memory").get("adapterBytes"), "it is loaded once");
    }

    @Test
    void theBaseIsAnAdapterLikeAnyOther() {
        JsonNode base = generate("-n", 60).json();
        JsonNode late = generate("-a", grimm() + "@40", "-n", 60).json();
        int same = 41 - base.get("promptTokens").intValue();
        assertArrayEquals(Arrays.copyOf(CommandRun.ints(base.get("newIds")), same),
                Arrays.copyOf(CommandRun.ints(late.get("newIds")), same));
        assertFalse(base.get("newIds").equals(late.get("newIds")), "the adapter changes nothing");
        assertEquals(base.get("newIds"), generate("-a", grimm() + "@500", "-n", 60).json().get("newIds"));
    }

    // --- merged rungs

    @ParameterizedTest
    @CsvSource({"8, uniform:max", "32, uniform:max", "8, uniform:16", "4, three bands"})
    void aMergedRungChangesTheWorkAndNotTheText(int merged, String name, @TempDir Path directory) {
        Object policy = name.equals("three bands") ? ThreeBands.in(directory) : name;
        JsonNode plain = score("-a", shakespeare(), "--policy", policy).json();
        JsonNode json = score("-a", shakespeare(), "--policy", policy, "--merge-rung", merged).json();
        assertEquals(plain.get("nll").doubleValue(), json.get("nll").doubleValue(), 1e-4);
        assertEquals(merged, json.get("mergedComponents").intValue());
        assertEquals(plain.get("rank"), json.get("rank"));
        assertEquals(plain.get("meanComponents").doubleValue(), json.get("meanComponents").doubleValue(), 1e-3);
        assertTrue(json.get("memory").get("adapterBytes").longValue() < plain.get("memory").get("adapterBytes").longValue());
    }

    @Test
    void aScaleThatMergedComponentsCannotHaveIsAUsageError(@TempDir Path directory) throws IOException {
        String loud = ThreeBands.TEXT.replaceFirst("scale: 1.0", "scale: 1.5");
        Path policy = Files.writeString(directory.resolve("loud.yaml"), loud);
        CommandRun run = score("-a", shakespeare(), "--policy", policy, "--merge-rung", 4);
        assertEquals(2, run.exit());
        assertTrue(run.err().contains("band 'easy' of policy '" + policy + "' has scale 1.5, but merged components always act at scale 1"),
                run.err());
        assertEquals(2, score("-a", shakespeare(), "--merge-rung", 33).exit());
    }

    // --- the KV cache

    @Test
    void aQuantizedCacheIsSmallerAndSaysNearlyTheSame() {
        JsonNode full = score().json();
        JsonNode q8 = score("--kv-policy", "q8").json();
        JsonNode memory = q8.get("memory");
        assertTrue(memory.get("kvBytes").longValue() < 0.7 * memory.get("kvBytesFull").longValue(), memory.toString());
        assertEquals(full.get("memory").get("kvBytesFull"), q8.get("memory").get("kvBytesFull"));
        assertEquals(full.get("nll").doubleValue(), q8.get("nll").doubleValue(), 0.01);
    }

    @Test
    void anErrorBoundOfZeroKeepsTheCacheInFull() {
        JsonNode json = score("--kv-policy", "adaptive", "--kv-max-error", 0).json();
        assertEquals(json.get("memory").get("kvBytesFull"), json.get("memory").get("kvBytes"));
        assertEquals(score().json().get("nll").doubleValue(), json.get("nll").doubleValue(), 1e-5);
    }

    @Test
    void withAWindowATextGoesOnBeyondTheContext() {
        JsonNode json = generate("--context", 64, "--kv-policy", "window:20", "-n", 200).json();
        assertEquals("max_tokens", json.get("stopReason").textValue());
        assertEquals(200, json.get("newIds").size());
        assertTrue(json.get("memory").get("kvBytesPeak").longValue() < 0.4 * json.get("memory").get("kvBytesFull").longValue());
        JsonNode prompt = generateFrom("Once upon a time. ".repeat(40), "--context", 64, "--kv-policy", "window:20", "-n", 5).json();
        assertTrue(prompt.get("promptTokens").intValue() > 64, "a prompt may be longer than the context, too");
    }

    @Test
    void aWindowThatDoesNotFitTheContextIsAUsageError() {
        CommandRun run = generate("--context", 64, "--kv-policy", "window:60", "-n", 5);
        assertEquals(2, run.exit());
        assertEquals("", run.out());
        assertTrue(run.err()
                .contains("--kv-policy window:60 takes a context of 92 or more, not 64; use a smaller window, or raise --context"),
                run.err());
    }

    private static Path grimm() {
        return Stories.adapter("grimm");
    }

    private static Path shakespeare() {
        return Stories.adapter("shakespeare");
    }

    private static CommandRun generate(Object... args) {
        return generateFrom(PROMPT, args);
    }

    private static CommandRun generateFrom(String prompt, Object... args) {
        Object[] common = {"generate", "-m", Stories.model(), "-e", "cpu", "--json", "-T", 0, "--ignore-end", "-p", prompt};
        return CommandRun.of(concat(common, args));
    }

    /** Of a text that is as long as the context. */
    private static CommandRun score(Object... args) {
        try {
            String text = Files.readString(SharedData.assumePresent("text/tinystories-valid.txt")).substring(0, 900);
            return CommandRun.of(concat(new Object[] {"score", "-m", Stories.model(), "-e", "cpu", "--json", "--text", text}, args));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Object[] concat(Object[] one, Object[] other) {
        Object[] all = Arrays.copyOf(one, one.length + other.length);
        System.arraycopy(other, 0, all, one.length, other.length);
        return all;
    }
}
