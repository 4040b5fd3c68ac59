package io.chunkwise.tests.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What people and programs see of the decisions about a text. */
class TraceTest {
    private static final String PROMPT = "Once upon a time, there was a little girl named Lily.";

    @TempDir
    private Path directory;

    @TempDir
    private Path policies;

    @Test
    void inAPipeTheTextIsPlainAndATableOfChunksIsOnStandardError() {
        CommandRun plain = generate("-n", 90, "--policy", ThreeBands.in(policies)).succeeded();
        CommandRun traced = generate("-n", 90, "--policy", ThreeBands.in(policies), "--trace").succeeded();
        assertEquals(plain.out(), traced.out());
        assertFalse((traced.out() + traced.err()).contains("\033"), "escape sequences in a pipe");
        List<String> table = traced.err().lines().filter(line -> line.matches("chunk  tokens .*| *\\d+  \\d+–\\d+ .*")).toList();
        JsonNode chunks = generate("-n", 90, "--policy", ThreeBands.in(policies), "--json").json().get("chunks");
        assertTrue(chunks.size() > 1, chunks.toString());
        assertEquals(1 + chunks.size(), table.size(), traced.err());
        assertTrue(table.get(1).contains("Once upon a time"), traced.err());
        assertEquals("", generate("-n", 90, "--policy", ThreeBands.in(policies), "--trace", "--quiet").succeeded().err());
    }

    @Test
    void inATerminalTheTextIsColouredUnlessNoColorIsSet() throws IOException, InterruptedException {
        Object[] args = {"generate", "-m", Stories.model(), "-a", Stories.adapter("shakespeare"), "-e", "cpu", "-T", 0, "-p", PROMPT,
            "-n", 60, "--policy", ThreeBands.in(policies), "--trace"};
        ChildRun coloured = ChildRun.ofTerminal(Map.of("TERM", "xterm-256color"), directory, args);
        assertEquals(0, coloured.exit(), coloured.err());
        assertTrue(coloured.out().contains("\033[38;5;"), coloured.out());
        assertTrue(coloured.err().contains("rungs:  4 (easy)  8 (medium)  32 (hard)"), coloured.err());
        ChildRun sixteen = ChildRun.ofTerminal(Map.of("TERM", "xterm"), directory, args);
        assertTrue(sixteen.out().contains("\033[3") && !sixteen.out().contains("\033[38"), sixteen.out());
        ChildRun plain = ChildRun.ofTerminal(Map.of("TERM", "xterm-256color", "NO_COLOR", "1"), directory, args);
        assertEquals(0, plain.exit(), plain.err());
        assertFalse((plain.out() + plain.err()).contains("\033"), plain.out());
        assertTrue(plain.err().contains("chunk  tokens"), plain.err());
        assertEquals(plain.out(), coloured.out().replaceAll("\033\\[[0-9;]*m", ""));
    }

    @Test
    void thePageHasTheWholeTextAndOnlyItsOwnScripts() throws IOException {
        Path page = directory.resolve("trace.html");
        String prompt = "</script><script>alert('1 & 2')</script>\n\"Lily\"";
        JsonNode json = run("-p", prompt, "-n", 60, "--policy", ThreeBands.in(policies), "--json", "--trace-html", page).json();
        String html = Files.readString(page);
        assertEquals(2, html.split("<script", -1).length - 1, "script elements");
        assertFalse(html.contains("src=") || html.contains("href=") || html.contains("alert('1 & 2')"), "something foreign in the page");
        String open = "id=\"trace\">";
        int start = html.indexOf(open) + open.length();
        JsonNode data = new ObjectMapper().readTree(html.substring(start, html.indexOf("</script>", start)));
        StringBuilder text = new StringBuilder();
        data.get("tokens").get("text").forEach(piece -> text.append(piece.textValue()));
        assertEquals(prompt + json.get("text").textValue(), text.toString());
        assertEquals(json.get("chunks").size(), data.get("chunks").size());
        assertEquals(json.get("tokens").size(), data.get("tokens").get("score").size());
        try (Stream<Path> files = Files.list(directory)) {
            assertEquals(List.of(page), files.toList());
        }
    }

    @Test
    void chunksCoverEveryTokenOnceAndSayWhatWasDecided() {
        JsonNode json = generate("-n", 120, "--policy", ThreeBands.in(policies), "--kv-policy", "adaptive", "--json").json();
        JsonNode tokens = json.get("tokens");
        assertEquals(json.get("promptTokens").intValue() + json.get("newIds").size(), tokens.size());
        int covered = 0;
        double components = 0;
        for (JsonNode chunk : json.get("chunks")) {
            assertEquals(covered, chunk.get("start").intValue());
            double sum = 0;
            for (covered = chunk.get("start").intValue(); covered < chunk.get("end").intValue(); covered++) {
                sum += tokens.get(covered).get("components").doubleValue();
            }
            components += sum;
            assertEquals(sum / (covered - chunk.get("start").intValue()), chunk.get("meanComponents").doubleValue(), 1e-4);
            assertTrue(Set.of("easy", "medium", "hard").contains(chunk.get("band").textValue()), chunk.toString());
            assertTrue(Set.of("4", "8", "32").contains(chunk.get("rung").textValue()), chunk.toString());
            assertTrue(Set.of("full", "q8", "q4", "evicted").contains(chunk.get("kvFormat").textValue()), chunk.toString());
            assertTrue(chunk.get("linearizationError").isNull() || chunk.get("linearizationError").doubleValue() >= 0, chunk.toString());
            assertEquals(1, chunk.get("scale").doubleValue());
            assertTrue(chunk.get("adapter").textValue().endsWith("shakespeare"), chunk.toString());
            assertEquals(4, chunk.get("kvPages").size());
        }
        assertEquals(tokens.size(), covered);
        assertEquals(components / covered, json.get("meanComponents").doubleValue(), 1e-3);
    }

    @Test
    void tokensHaveTheFourSignalsAndTheScore() {
        JsonNode json = generate("-n", 70, "--policy", ThreeBands.in(policies), "--json").json();
        int[] newIds = CommandRun.ints(json.get("newIds"));
        int prompt = json.get("promptTokens").intValue();
        for (int i = 0; i < json.get("tokens").size(); i++) {
            JsonNode token = json.get("tokens").get(i);
            assertEquals(i, token.get("position").intValue());
            assertEquals(i >= prompt, token.get("generated").booleanValue());
            if (i >= prompt) {
                assertEquals(newIds[i - prompt], token.get("id").intValue());
            }
            for (String signal : List.of("entropy", "novelty", "prior", "score")) {
                double value = token.get(signal).doubleValue();
                assertTrue(token.get(signal).isNumber() && value >= 0 && value <= 1, () -> signal + " of " + token);
            }
            assertTrue(token.get("attention").isNull(), "a signal that is off is null");
        }
        JsonNode uniform = generate("-n", 5, "--json").json();
        for (String field : List.of("entropy", "novelty", "attention", "prior", "score")) {
            assertTrue(uniform.get("tokens").get(2).get(field).isNull(), field);
        }
        assertEquals(32, uniform.get("tokens").get(2).get("components").doubleValue());
        assertEquals("uniform:max", uniform.get("policy").textValue());
        assertEquals("full", uniform.get("kvPolicy").textValue());
    }

    @Test
    void memoryIsToldInBytes() {
        JsonNode memory = generate("-n", 5, "--json").json().get("memory");
        Set<String> fields = new TreeSet<>();
        memory.fieldNames().forEachRemaining(fields::add);
        assertEquals(new TreeSet<>(Set.of("kvBytes", "kvBytesFull", "kvBytesPeak", "adapterBytes", "weightBytes")), fields);
        fields.forEach(field -> assertTrue(memory.get(field).longValue() > 0, field));
        assertEquals(memory.get("kvBytesFull"), memory.get("kvBytes"), "a full cache is all of itself");
        JsonNode base = CommandRun.of("generate", "-m", Stories.model(), "-p", "x", "-n", 2, "--json").json();
        assertEquals(0, base.get("memory").get("adapterBytes").longValue());
    }

    private static CommandRun generate(Object... args) {
        Object[] all = new Object[args.length + 2];
        all[0] = "-p";
        all[1] = PROMPT;
        System.arraycopy(args, 0, all, 2, args.length);
        return run(all);
    }

    private static CommandRun run(Object... args) {
        Object[] common = {"generate", "-m", Stories.model(), "-a", Stories.adapter("shakespeare"), "-e", "cpu", "-T", 0, "--ignore-end"};
        Object[] all = Arrays.copyOf(common, common.length + args.length);
        System.arraycopy(args, 0, all, common.length, args.length);
        return CommandRun.of(all);
    }
}
