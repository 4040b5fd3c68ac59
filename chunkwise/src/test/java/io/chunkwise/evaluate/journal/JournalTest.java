package io.chunkwise.evaluate.journal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.chunkwise.evaluate.Configuration;
import io.chunkwise.evaluate.EvaluationJson;
import io.chunkwise.evaluate.EvaluationRun;
import io.chunkwise.evaluate.Shard;
import io.chunkwise.model.Progress;
import io.chunkwise.model.format.FormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JournalTest {
    private static final Configuration CONFIGURATION = FakeEvaluation.CONFIGURATION;

    @TempDir
    private Path directory;

    @Test
    void everyLineIsAnObjectWithTheConfiguration() throws IOException {
        Path file = written(3);
        for (String line : Files.readAllLines(file)) {
            JsonNode json = EvaluationJson.MAPPER.readTree(line);
            assertEquals(List.of("id", "result", "configuration"), json.propertyStream().map(entry -> entry.getKey()).toList());
            assertEquals(CONFIGURATION, Configuration.of(json.get("configuration")));
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '~', textBlock = """
        policy ~ uniform:8 ~ policy 'uniform:4', not 'uniform:8'
        window ~ 256       ~ window '512', not '256'
        more   ~ x         ~ more unset, not 'x'
        """)
    void resultsOfAnotherConfigurationAreRefusedInOneLineAndKept(String name, String value, String difference) throws IOException {
        Path file = written(3);
        byte[] before = Files.readAllBytes(file);
        FormatException refused = assertThrows(FormatException.class, () -> open(file, CONFIGURATION.with(name, value)));
        assertEquals(file + ": line 1 is a result of another configuration (" + difference + "); use another file, or delete this one",
                refused.getMessage());
        assertArrayEquals(before, Files.readAllBytes(file));
    }

    @ParameterizedTest
    @ValueSource(strings = {"just text", "just text\n", "{}\n", "[1,2]\n", "{\"id\":1,\"result\":{},\"configuration\":{}}\n", "\n",
            "\u0000\u0001",
        "{\"name\": \"somebody else's\"}", "{\"id\":\"x\",\"result\":{\"value\":1},\"configuration\":{}}\n"})
    void aFileOfSomethingElseIsRefusedAndKept(String content) throws IOException {
        Path file = Files.writeString(directory.resolve("notes.txt"), content);
        FormatException refused = assertThrows(FormatException.class, () -> open(file, CONFIGURATION));
        assertTrue(refused.getMessage().endsWith("use another file"), refused.getMessage());
        assertEquals(content, Files.readString(file));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void aDamagedLineInTheMiddleIsNamed(int line) throws IOException {
        Path file = written(3);
        List<String> lines = new java.util.ArrayList<>(Files.readAllLines(file));
        lines.set(line - 1, lines.get(line - 1).replace("\"square\"", "\"sq"));
        Files.write(file, lines);
        FormatException refused = assertThrows(FormatException.class, () -> open(file, CONFIGURATION));
        assertTrue(refused.getMessage().startsWith(file + ": line " + line + " is damaged"), refused.getMessage());
    }

    @Test
    void anItemThatIsThereTwiceIsRefused() throws IOException {
        Path file = written(3);
        List<String> lines = Files.readAllLines(file);
        Files.write(file, List.of(lines.get(0), lines.get(1), lines.get(0)));
        FormatException refused = assertThrows(FormatException.class, () -> open(file, CONFIGURATION));
        assertEquals(file + ": line 3: item 'item \"0\"' is there twice; delete one of the two lines", refused.getMessage());
    }

    @Test
    void oneRunAtATimeWritesAFile() throws IOException {
        Path file = written(3);
        try (Journal<FakeEvaluation.Row> held = open(file, CONFIGURATION)) {
            FormatException refused = assertThrows(FormatException.class, () -> open(file, CONFIGURATION));
            assertEquals(file + ": is being written by another run; wait for it, or use another file", refused.getMessage());
            assertEquals(3, held.size());
        }
        open(file, CONFIGURATION).close();
    }

    @Test
    void aResultIsOnDiskWhenItIsAppendedAndOnlyOnce() throws IOException {
        Path file = directory.resolve("results.jsonl");
        FakeEvaluation.Row row = new FakeEvaluation.Row(1e-300, Long.MIN_VALUE, "", List.of());
        try (Journal<FakeEvaluation.Row> journal = open(file, CONFIGURATION)) {
            journal.append("a", row);
            assertEquals(1, Files.readAllLines(file).size());
            assertThrows(IllegalStateException.class, () -> journal.append("a", row));
        }
        try (Journal<FakeEvaluation.Row> journal = open(file, CONFIGURATION)) {
            assertEquals(row, journal.row("a").orElseThrow());
        }
    }

    @Test
    void shardsMergeToTheWholeAndTheirDevicesMayDiffer() {
        FakeEvaluation evaluation = new FakeEvaluation(17, _ -> { });
        List<Path> files = List.of(directory.resolve("1.jsonl"), directory.resolve("2.jsonl"), directory.resolve("3.jsonl"));
        for (int shard = 1; shard <= 3; shard++) {
            try (Journal<FakeEvaluation.Row> journal = open(files.get(shard - 1), CONFIGURATION.with("device", "opencl:" + shard))) {
                EvaluationRun.of(evaluation, new Shard(shard, 3), journal, Progress.NONE);
            }
        }
        Journal.Merged<FakeEvaluation.Row> merged = Journal.merge(files, FakeEvaluation.Row.class);
        assertEquals(17, merged.rows().size());
        evaluation.items().forEach(item -> assertEquals(evaluation.evaluate(item), merged.rows().get(item.id())));

        FormatException twice = assertThrows(FormatException.class,
                () -> Journal.merge(List.of(files.get(0), written(17)), FakeEvaluation.Row.class));
        assertTrue(twice.getMessage().contains("is in " + files.get(0) + ", too"), twice.getMessage());
        Path other = directory.resolve("other.jsonl");
        try (Journal<FakeEvaluation.Row> journal = open(other, CONFIGURATION.with("policy", "adaptive"))) {
            journal.append("x", new FakeEvaluation.Row(0, 0, "", List.of()));
        }
        FormatException mixed = assertThrows(FormatException.class,
                () -> Journal.merge(List.of(files.get(0), other), FakeEvaluation.Row.class));
        assertTrue(mixed.getMessage().contains("policy 'adaptive', not 'uniform:4'"), mixed.getMessage());
    }

    private Path written(int items) throws IOException {
        Path file = directory.resolve("results-of-" + items + ".jsonl");
        new FakeEvaluation(items, _ -> { }).run(file);
        assertEquals(items, Files.readAllLines(file).size());
        return file;
    }

    private static Journal<FakeEvaluation.Row> open(Path file, Configuration configuration) {
        return Journal.open(file, configuration, FakeEvaluation.Row.class);
    }
}
