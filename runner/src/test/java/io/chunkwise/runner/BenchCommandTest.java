package io.chunkwise.runner;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.chunkwise.model.fixtures.SharedData;
import io.chunkwise.runner.terminal.Terminal;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BenchCommandTest {
    private static final List<String> TINY = List.of("bench", "--shape", "tiny", "--prompt-tokens", "20", "--new-tokens", "3",
            "--repetitions", "2", "--executor", "cpu", "--threads", "1");
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    @TempDir
    private Path folder;

    @Test
    void jsonHasARowPerCombinationUnderTheNamesThatScriptsRelyOn() throws IOException {
        succeed("--type", "f16,Q8_0", "--rank", "0,2", "--lora-mode", "merged,fused,unfused", "--json");
        JsonNode document = MAPPER.readTree(out.toByteArray());
        JsonNode rows = document.get("rows");
        assertEquals(2 * 4 * 2, rows.size());
        List<String> seen = new ArrayList<>();
        for (JsonNode row : rows) {
            seen.add(row.get("type").asText() + " " + row.get("test").asText() + " " + row.get("rank").asInt() + " "
                    + row.get("loraMode").asText());
            for (String number : List.of("tokensPerSecond", "median", "toBase", "peakDeviceBytes", "readBandwidthGBps",
                    "firstTokenSeconds")) {
                assertTrue(row.get(number).asDouble() > 0, number + " of " + row);
            }
            assertTrue(row.get("stddev").isNumber() && row.get("launchesPerToken").asDouble() == 0, row.toString());
            assertEquals(row.get("test").asText().equals("tg3"), row.get("floorMultiple").isNumber(), row.toString());
            assertEquals("cpu:0", row.get("device").asText());
            assertEquals(0, row.get("contextDepth").asInt());
            assertEquals(2, row.get("samples").size());
            assertTrue(row.get("toBaseLow").isNull() && row.get("toBaseHigh").isNull(), "an interval of two repetitions");
            assertNull(row.get("kernels"));
        }
        assertEquals(List.of("f16 pp20 0 none", "f16 pp20 2 merged", "f16 pp20 2 fused", "f16 pp20 2 unfused"), seen.subList(0, 4));
        assertEquals("q8_0 tg3 2 unfused", seen.getLast());
        assertEquals("tiny", document.get("model").asText());
        assertEquals("cpu:0", document.get("device").asText());
        assertEquals("", err.toString(StandardCharsets.UTF_8));
    }

    @Test
    void whatAllRowsShareIsAtTheTopToo() throws IOException {
        succeed("--rank", "0", "--json");
        JsonNode document = MAPPER.readTree(out.toByteArray());
        assertEquals(document.get("readBandwidthGBps"), document.get("rows").get(0).get("readBandwidthGBps"));
        assertEquals(document.get("readBandwidthGBps"), document.get("rows").get(1).get("readBandwidthGBps"));
        assertEquals(2, document.get("rows").size());
    }

    @Test
    void csvHasTheJsonFieldsAsItsHeader() throws IOException {
        succeed("--rank", "0", "--output", "csv");
        List<String> lines = out.toString(StandardCharsets.UTF_8).lines().toList();
        assertEquals(3, lines.size());
        assertTrue(lines.getFirst().startsWith("model,type,weightBytes,executor,device,deviceName,threads,test,"), lines.getFirst());
        assertTrue(lines.getFirst().contains(",rank,loraMode,") && lines.getFirst().contains(",tokensPerSecond,stddev,"), lines.getFirst());
        assertTrue(lines.get(1).startsWith("tiny,q8_0,") && lines.get(1).contains(",pp20,20,0,0,full,f32,0,none,auto,float,floats,2,"),
                lines.get(1));
    }

    @Test
    void jsonLinesAreARowEach() throws IOException {
        succeed("--rank", "0", "--output", "jsonl");
        List<String> lines = out.toString(StandardCharsets.UTF_8).lines().toList();
        assertEquals(2, lines.size());
        assertEquals("pp20", MAPPER.readTree(lines.get(0)).get("test").asText());
        assertEquals("tg3", MAPPER.readTree(lines.get(1)).get("test").asText());
    }

    @Test
    void theTableShowsWhatVariesInColumnsAndTheRestAboveThem() {
        succeed("--rank", "0,2", "--context-depth", "0,32");
        String text = out.toString(StandardCharsets.UTF_8);
        List<String> lines = text.lines().toList();
        assertTrue(lines.getFirst().startsWith("tiny on cpu:0 (") && lines.getFirst().contains("type q8_0, threads 1, kv full"), text);
        assertTrue(lines.get(2).matches("\\| +depth \\| test +\\| +rank \\| lora .*"), text);
        assertTrue(lines.stream().anyMatch(line -> line.matches("\\| +32 \\| tg3 +\\| +2 \\| fused +\\|.* ± .*")), text);
        assertTrue(err.toString(StandardCharsets.UTF_8).startsWith("executor cpu on cpu:0"), err.toString(StandardCharsets.UTF_8));
    }

    @Test
    void aModelsOwnNumberFormatIsMeasured() throws IOException {
        String model = SharedData.assumePresent("stories260K").toString();
        run("bench", "--model", model, "--rank", "0", "-p", "5", "-n", "2", "--repetitions", "1", "-e", "cpu", "--json");
        JsonNode row = MAPPER.readTree(out.toByteArray()).get("rows").get(0);
        assertEquals("stories260K", row.get("model").asText());
        assertEquals("f32", row.get("type").asText());
        assertEquals(2, run("bench", "--model", model, "--type", "q4_0", "-e", "cpu"));
        assertTrue(err.toString(StandardCharsets.UTF_8).contains("the model's projections are f32"), err.toString(StandardCharsets.UTF_8));
    }

    @Test
    void twoResultsAreComparedRowByRow() throws IOException {
        Path first = folder.resolve("a.json");
        Path second = folder.resolve("b.jsonl");
        Files.writeString(first, "{\"rows\": [" + row("pp128", 0, 100, 1, 5) + ", " + row("tg32", 0, 10, 0.5, 5) + ", "
                + row("tg32", 8, 9, 0, 1)
                + "]}");
        Files.writeString(second, row("tg32", 0, 10.9, 0.5, 5) + "\n" + row("pp128", 0, 50, 2, 5) + "\n" + row("tg32", 8, 9, 0, 5) + "\n"
                + row("tg32", 64, 9, 0, 5));
        assertEquals(0, run("bench", "--compare", first.toString(), second.toString(), "--json"), this::errors);
        JsonNode document = MAPPER.readTree(out.toByteArray());
        assertEquals(0, document.get("onlyFirst").asInt());
        assertEquals(1, document.get("onlySecond").asInt());
        JsonNode rows = document.get("rows");
        assertEquals(3, rows.size());
        assertEquals(0.5, rows.get(0).get("ratio").asDouble());
        assertTrue(rows.get(0).get("beyondNoise").asBoolean());
        assertEquals(1.09, rows.get(1).get("ratio").asDouble(), 1e-9);
        assertTrue(rows.get(1).get("beyondNoise").isBoolean() && !rows.get(1).get("beyondNoise").asBoolean());
        assertTrue(rows.get(2).get("beyondNoise").isNull(), "one repetition tells nothing about noise");

        out.reset();
        assertEquals(0, run("bench", "--compare", first.toString(), second.toString()), this::errors);
        String text = out.toString(StandardCharsets.UTF_8);
        assertTrue(text.contains("0.500") && text.contains("yes") && text.contains("1 of the second"), text);
    }

    @Test
    void filesThatAreNoBenchmarksAreAUsageErrorOfOneLine() throws IOException {
        Path good = Files.writeString(folder.resolve("good.json"), "{\"rows\": [" + row("tg32", 0, 10, 1, 2) + "]}");
        for (String content : List.of("", "no JSON", "{\"rows\": 3}", "[1, 2]", "{}", "{\"rows\": [{}]}", "{\"rows\": [[",
                "{\"a\": 1, \"a\": 2}", "{\"rows\": [" + row("tg32", 0, 10, 1, 2).replace("10.0", "\"fast\"") + "]}",
                "{\"rows\": [" + row("tg64", 0, 10, 1, 2) + "]}", "[".repeat(5000))) {
            Path bad = Files.writeString(folder.resolve("bad.json"), content);
            err.reset();
            assertEquals(2, run("bench", "--compare", good.toString(), bad.toString()), content);
            assertTrue(errors().startsWith("chunkwise: ") && errors().contains("bad.json"), content + ": " + errors());
            assertEquals(2, errors().lines().count(), errors());
        }
        assertEquals(2, run("bench", "--compare", good.toString(), folder.resolve("missing.json").toString()));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "--shape gpt-2 | tinyllama-1.1b",
        "--type q5_k | q8_0",
        "--lora-mode mixed | merged",
        "--kv-policy q9 | full, q8",
        "--kv-policy window:64 | depth",
        "--repetitions 0 | repetition count 0",
        "--rank -8 | rank -8",
        "--prompt-tokens -1 | --prompt-tokens -1",
        "--prompt-tokens 0 --new-tokens 0 | nothing to measure",
        "--context-depth 100 --kv-policy q8 | multiple of 16",
        "--output xml | jsonl",
        "--output csv --json | exclude",
        "--adapter-type q5 | q8_0",
        "--tensor-cores on | auto or off",
        "--executor gpu | tornado",
        "--profile --executor cpu | kernels",
        "--model x --shape tiny | exclude",
        "--threads two | two",
        "--compare a.json | --compare"})
    void badOptionsAreAUsageErrorThatSaysWhatThereIs(String options, String hint) {
        List<String> args = new ArrayList<>(List.of("bench"));
        args.addAll(List.of(options.split(" ")));
        assertEquals(2, run(args.toArray(String[]::new)), options);
        assertTrue(errors().contains(hint), errors());
        assertTrue(errors().startsWith("chunkwise: ") && errors().lines().count() <= 3, errors());
        assertEquals("", out.toString(StandardCharsets.UTF_8));
    }

    @Test
    void aModelThatIsNotThereIsARunFailure() {
        assertEquals(1, run("bench", "--model", folder.resolve("missing").toString(), "-e", "cpu"));
        assertEquals(1, errors().lines().filter(line -> line.startsWith("chunkwise: ")).count(), errors());
    }

    @Test
    void cudaGraphsAreRefusedWhereThereAreNone() {
        assertEquals(1, run("bench", "--shape", "tiny", "-e", "cpu", "--cuda-graphs"));
        assertTrue(errors().contains("no CUDA graphs"), errors());
    }

    private static String row(String test, int rank, double speed, double deviation, int repetitions) {
        return "{\"model\": \"m\", \"type\": \"q8_0\", \"threads\": 2, \"contextDepth\": 0, \"kvPolicy\": \"full\", \"test\": \"" + test
                + "\", \"rank\": " + rank + ", \"loraMode\": \"fused\", \"tokensPerSecond\": " + speed + ", \"stddev\": " + deviation
                + ", \"repetitions\": " + repetitions + "}";
    }

    private void succeed(String... more) {
        List<String> args = new ArrayList<>(TINY);
        args.addAll(List.of(more));
        assertEquals(0, run(args.toArray(String[]::new)), this::errors);
    }

    private String errors() {
        return err.toString(StandardCharsets.UTF_8);
    }

    private int run(String... args) {
        return ChunkwiseCommand.execute(Terminal.piped(InputStream.nullInputStream(), out, err), args);
    }
}
