package io.chunkwise.runner.report.results;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.model.format.FormatException;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ResultFilesTest {
    @TempDir
    private Path folder;

    @ParameterizedTest
    @CsvSource({"ablation.json, ablation, Ablation", "bench-cpu.json, bench, Bench", "bench-gpus.jsonl, bench, Bench",
            "bleu.json, bleu, Bleu", "calibration.json, calibration, Calibration", "generation.json, generation, Trace",
        "perplexity-adaptive.json, perplexity, Perplexity", "squad.json, squad, Squad"})
    void everyKindIsRecognised(String name, String kind, String type) {
        Result result = ResultFiles.read(List.of(fixture(name))).getFirst();
        assertEquals(type, result.getClass().getSimpleName());
        assertEquals(kind, result.source().kind());
        assertEquals(name, result.source().name());
    }

    @Test
    void aScoreIsATraceToo() throws IOException {
        String score = Files.readString(fixture("generation.json")).replace("\"kind\":\"generation\"", "\"kind\":\"score\"");
        assertTrue(ResultFiles.read(List.of(write("score.json", score))).getFirst() instanceof Result.Trace);
    }

    @Test
    void mergedShardsHaveTheirSettingsInTheirConfiguration() throws IOException {
        Path merged = write("merged.json", """
                {"kind":"perplexity","nll":1.5,"perplexity":4.4817,"tokens":100,"recipe":"strided","window":64,"stride":64,"items":2,
                "configuration":{"kind":"perplexity","version":"0.1.0","text":"held.txt","model":"m","adapters":[["a","0","ab12"]],
                "policy":"uniform:4","kvPolicy":"q8","executor":"cpu","device":"cpu:0"}}""");
        Result.Perplexity read = (Result.Perplexity) ResultFiles.read(List.of(merged)).getFirst();
        assertEquals("uniform:4", read.quality().policy());
        assertEquals("held.txt", read.text());
        assertEquals("cpu:0", read.source().value("device").orElseThrow());
        assertTrue(Double.isNaN(read.quality().msPerToken()), "what is missing is not known");
    }

    @Test
    void aFolderIsItsJsonFilesAndNoFileCountsTwice() throws IOException {
        Path one = Files.copy(fixture("squad.json"), folder.resolve("squad.json"));
        Files.copy(fixture("bleu.json"), folder.resolve("bleu.json"));
        Files.writeString(folder.resolve("notes.txt"), "not a result");
        List<Result> results = ResultFiles.read(List.of(folder, one));
        assertEquals(List.of("bleu.json", "squad.json"), results.stream().map(result -> result.source().name()).toList());
    }

    @Test
    void filesOfOneNameAreToldApart() throws IOException {
        Path other = Files.copy(fixture("squad.json"), Files.createDirectories(folder.resolve("b")).resolve("squad.json"));
        List<Result> results = ResultFiles.read(List.of(fixture("squad.json"), other));
        assertEquals(2, results.stream().map(result -> result.source().name()).distinct().count());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "''                                                        | is empty",
        "{                                                         | is not JSON",
        "nonsense                                                  | is not JSON",
        "[1, 2]                                                    | has no 'kind'",
        "{\"a\":1}                                                 | has no 'kind'",
        "{\"kind\":7}                                              | has no 'kind'",
        "{\"kind\":\"ladder\"}                                     | is of the kind 'ladder', of which there is no report",
        "{\"kind\":\"squad\",\"kind\":\"bleu\"}                    | is not JSON: Duplicate field 'kind'",
        "{\"kind\":\"squad\"} {\"kind\":\"squad\"}                 | has 2 JSON documents",
        "{\"kind\":\"bench\",\"rows\":[]}                          | has no rows",
        "{\"kind\":\"bench\",\"rows\":7}                           | 'rows' is 7, expected a list",
        "{\"kind\":\"bench\",\"rows\":[3]}                         | 'rows[0]' is 3, expected an object",
        "{\"kind\":\"bench\",\"rows\":[{}]}                        | 'rows[0].tokensPerSecond' is missing, expected a number",
        "{\"kind\":\"bench\"}{\"kind\":\"squad\"}                  | 'line 1: tokensPerSecond' is missing",
        "{\"kind\":\"squad\",\"exact\":\"x\"}                      | 'exact' is \"x\", expected a number",
        "{\"kind\":\"squad\",\"exact\":1e999}                      | 'exact' is",
        "{\"kind\":\"ablation\",\"rows\":[]}                       | has no rows",
        "{\"kind\":\"calibration\"}                                | 'budget' is missing, expected an object",
        "{\"kind\":\"score\",\"tokens\":[{}],\"chunks\":[]}        | the chunks end at 0, but there are 1 tokens",
        "{\"kind\":\"score\",\"tokens\":[],\"chunks\":[{\"start\":0,\"end\":9}]} | chunks cover the tokens in order",
        "{\"kind\":\"score\",\"tokens\":[],\"chunks\":[{\"start\":-1,\"end\":9}]} | 'chunks[0].start' is -1, expected a whole number",
        "{\"id\":\"1\",\"result\":{},\"configuration\":{}}         | eval merge"})
    void whatIsNoResultIsRefusedInOneLine(String text, String problem) throws IOException {
        Path file = write("bad.json", text);
        FormatException refused = assertThrows(FormatException.class, () -> ResultFiles.read(List.of(fixture("squad.json"), file)));
        assertTrue(refused.getMessage().startsWith(file + ": ") && refused.getMessage().contains(problem), refused.getMessage());
        assertEquals(1, refused.getMessage().lines().count());
    }

    @Test
    void nestingWithoutEndIsRefused() throws IOException {
        Path file = write("deep.json", "{\"kind\":\"squad\",\"x\":" + "[".repeat(100_000));
        assertTrue(assertThrows(FormatException.class, () -> ResultFiles.read(List.of(file))).getMessage().contains("is not JSON"));
    }

    @Test
    void placesThatAreNotThereAreNamed() throws IOException {
        Path missing = folder.resolve("missing.json");
        assertTrue(assertThrows(FormatException.class, () -> ResultFiles.read(List.of(missing)))
                .getMessage().contains("there is no such file"));
        Path empty = Files.createDirectories(folder.resolve("empty"));
        assertTrue(assertThrows(FormatException.class, () -> ResultFiles.read(List.of(empty)))
                .getMessage().contains("has no *.json files"));
    }

    private Path write(String name, String text) throws IOException {
        return Files.writeString(folder.resolve(name), text);
    }

    private static Path fixture(String name) {
        try {
            return Path.of(ResultFilesTest.class.getResource("/io/chunkwise/runner/report/" + name).toURI());
        } catch (URISyntaxException e) {
            throw new AssertionError(e);
        }
    }
}
