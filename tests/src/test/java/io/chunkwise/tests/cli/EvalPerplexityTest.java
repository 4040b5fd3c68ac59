package io.chunkwise.tests.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.chunkwise.model.fixtures.SharedData;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EvalPerplexityTest {
    private static final List<String> FIGURES = List.of("nll", "perplexity", "tokens", "scored", "windows", "meanComponents", "kvBytes");

    @TempDir
    private Path directory;

    // From transformers 5.18 (float32, probabilities in double) and the loop of its perplexity guide.
    @ParameterizedTest
    @CsvSource({"512, 512, 1.7983557554890075, 2985, 6", "128, 64, 1.6808339085021702, 2990, 46", "200, 33, 1.7673108136807623, 2990, 86"})
    void theStridedRecipeIsHuggingFaces(int window, int stride, double expected, int scored, int windows) throws IOException {
        JsonNode json = eval("--text", text(6000), "--window", window, "--stride", stride).json();
        assertEquals(expected, json.get("nll").doubleValue(), 1e-5);
        assertEquals(Math.exp(json.get("nll").doubleValue()), json.get("perplexity").doubleValue(), 1e-6);
        assertEquals(scored, json.get("scored").intValue());
        assertEquals(2991, json.get("tokens").intValue());
        assertEquals(windows, json.get("windows").intValue());
    }

    // From llama.cpp's llama-perplexity -c 128 on the same weights as GGUF in F32 with an F32 cache: "Final estimate: PPL = 6.2065". The
    // text has no two spaces in a row, of which SentencePiece makes one and llama.cpp does not.
    @Test
    void llamaCppsRecipeIsItsTools() throws IOException {
        JsonNode json = eval("--text", text(12_000), "--window", 128, "--recipe", "llama.cpp").json();
        assertEquals(6.2065, json.get("perplexity").doubleValue(), 1e-4);
        assertEquals(46, json.get("windows").intValue());
        assertEquals(46 * 63, json.get("scored").intValue());
        assertEquals("llama.cpp", json.get("recipe").textValue());
    }

    @Test
    void policiesAndAdaptersWorkAsInScore() throws IOException {
        Path text = text(3000);
        Object[] options = {"--adapter", Stories.adapter("shakespeare"), "--policy", "adaptive", "--kv-policy", "q8", "--executor", "cpu",
                "--json"};
        JsonNode eval = CommandRun.of(concat(new Object[] {"eval", "perplexity", "-m", Stories.model(), "--text", text, "--window", 300},
                options)).json();
        JsonNode score = CommandRun.of(concat(new Object[] {"score", "-m", Stories.model(), "--file", text, "--window", 300},
                options)).json();
        assertEquals(score.get("nll").doubleValue(), eval.get("nll").doubleValue(), 1e-8);
        assertEquals(score.get("scored"), eval.get("scored"));
        assertEquals(score.get("meanComponents").doubleValue(), eval.get("meanComponents").doubleValue(), 1e-6);
        assertEquals(score.get("memory").get("kvBytesPeak"), eval.get("kvBytes"));
        for (String field : List.of("executor", "device", "policy", "kvPolicy", "rank")) {
            assertEquals(score.get(field), eval.get(field), field);
        }
        JsonNode whole = eval("--text", text, "--window", 300, "--adapter", Stories.adapter("shakespeare")).json();
        assertEquals(32, whole.get("meanComponents").doubleValue());
        // 19 pages of 16 positions in 5 layers, keys and values of 4 heads of 8 floats.
        assertEquals(19 * 16 * 5 * 2 * 4 * 8 * 4, whole.get("kvBytes").longValue());
    }

    @Test
    void aRunThatIsCutShortGoesOnWhereItWas() throws IOException {
        Path text = text(6000);
        JsonNode whole = eval("--text", text, "--window", 128).json();
        Path output = directory.resolve("results.jsonl");
        JsonNode first = eval("--text", text, "--window", 128, "--output", output).json();
        assertEquals(0, first.get("resumed").intValue());
        assertSameFigures(whole, first);
        List<String> lines = Files.readAllLines(output);
        assertEquals(whole.get("windows").intValue(), lines.size());
        JsonNode configuration = new ObjectMapper().readTree(lines.getFirst()).get("configuration");
        for (String field : List.of("kind", "version", "text", "recipe", "window", "stride", "model", "modelSha256", "adapters", "policy",
                "kvPolicy", "executor", "device", "deviceName")) {
            assertTrue(configuration.has(field), field + " is not in " + configuration);
        }
        try (RandomAccessFile file = new RandomAccessFile(output.toFile(), "rw")) {
            file.setLength(file.length() * 2 / 3);
        }
        JsonNode second = eval("--text", text, "--window", 128, "--output", output).json();
        assertTrue(second.get("resumed").intValue() > 10 && second.get("resumed").intValue() < 20, second.toString());
        assertSameFigures(whole, second);
        assertEquals(lines.size(), Files.readAllLines(output).size());

        CommandRun other = eval("--text", text, "--window", 128, "--output", output, "--kv-policy", "q8");
        assertEquals(1, other.exit());
        assertEquals("chunkwise: " + output
                + ": line 1 is a result of another configuration (kvPolicy 'full', not 'q8'); use another file, or "
                + "delete this one\n", other.err());
    }

    @Test
    void shardsMergeToTheFiguresOfTheWhole() throws IOException {
        Path text = text(4000);
        JsonNode whole = eval("--text", text, "--window", 128).json();
        List<Path> files = new ArrayList<>();
        int windows = 0;
        for (int shard = 1; shard <= 3; shard++) {
            files.add(directory.resolve("shard-" + shard + ".jsonl"));
            JsonNode json = eval("--text", text, "--window", 128, "--shard", shard + "/3", "--output", files.getLast()).json();
            assertEquals(shard + "/3", json.get("shard").textValue());
            assertEquals(whole.get("windows"), json.get("items"));
            windows += json.get("windows").intValue();
        }
        assertEquals(whole.get("windows").intValue(), windows);
        JsonNode merged = CommandRun.of("eval", "merge", files.get(2), files.get(0), files.get(1), "--json").json();
        assertSameFigures(whole, merged);
        assertEquals(0, merged.get("missing").intValue());
        assertTrue(CommandRun.of("eval", "merge", files.get(0), files.get(1)).succeeded().err().startsWith("warning: "));
    }

    @Test
    void tenKilledRunsComeToTheFiguresOfOneThatIsNot() throws IOException, InterruptedException {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        Path text = text(20_000);
        Path whole = directory.resolve("whole.jsonl");
        JsonNode expected = eval("--text", text, "--window", 64, "--output", whole).json();
        Path output = directory.resolve("killed.jsonl");
        for (int kill = 1; kill <= 10; kill++) {
            long size = Files.exists(output) ? Files.size(output) : 0;
            ChildRun.killWhen(directory,
                    () -> Files.exists(output) && Files.size(output) > size + random.nextLong(1 + Files.size(whole) / 20),
                    "eval", "perplexity", "-m", Stories.model(), "--executor", "cpu", "--text", text, "--window", 64, "--output", output,
                    "-q");
        }
        JsonNode last = eval("--text", text, "--window", 64, "--output", output).json();
        assertSameFigures(expected, last);
        assertTrue(last.get("resumed").intValue() > 0, () -> "seed " + seed);
        assertEquals(Files.readAllLines(whole).size(), Files.readAllLines(output).size());
    }

    @Test
    void peopleGetTwoLines() throws IOException {
        CommandRun run = CommandRun.of("eval", "perplexity", "-m", Stories.model(), "--text", text(1000), "--window", 100, "-e", "cpu",
                "-q")
                .succeeded();
        assertTrue(run.out().matches("perplexity \\d+\\.\\d{4}, nll \\d\\.\\d{6} per token over \\d+ scored tokens in \\d windows\n"
                + "0\\.0 active components per token and projection, KV cache .* at most, .* ms per token\n"), run.out());
        assertEquals("", run.err());
    }

    private static void assertSameFigures(JsonNode expected, JsonNode actual) {
        FIGURES.forEach(field -> assertEquals(expected.get(field), actual.get(field), field));
    }

    private Path text(int characters) throws IOException {
        String text = Files.readString(SharedData.assumePresent("text/tinystories-valid.txt")).substring(0, characters);
        return Files.writeString(directory.resolve("text-" + characters + ".txt"), text);
    }

    private static CommandRun eval(Object... args) {
        return CommandRun.of(concat(new Object[] {"eval", "perplexity", "--model", Stories.model(), "--executor", "cpu", "--json"}, args));
    }

    private static Object[] concat(Object[] one, Object... other) {
        Object[] all = Arrays.copyOf(one, one.length + other.length);
        System.arraycopy(other, 0, all, one.length, other.length);
        return all;
    }
}
