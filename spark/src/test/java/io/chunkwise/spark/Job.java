package io.chunkwise.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.chunkwise.runner.ChunkwiseCommand;
import io.chunkwise.runner.terminal.Terminal;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.spark.SparkConf;

/**
 * A job, or a command, that has run.
 *
 * @param exit the exit code
 */
record Job(int exit, String out, String err) {
    private static final ObjectMapper JSON = new ObjectMapper();
    /** Of Spark: two tasks at a time, four attempts of each. */
    static final Map<String, String> LOCAL = Map.of("spark.master", "local[2,4]", "spark.ui.enabled", "false",
            "spark.driver.host", "127.0.0.1", "spark.driver.bindAddress", "127.0.0.1");

    @FunctionalInterface
    private interface Program {
        int run(Terminal terminal);
    }

    static Job onSpark(Map<String, String> settings, List<Object> args) {
        SparkConf conf = new SparkConf();
        LOCAL.forEach(conf::set);
        settings.forEach(conf::set);
        return of(terminal -> ChunkwiseSpark.run(terminal, conf, strings(args)));
    }

    static Job onCommandLine(List<Object> args) {
        return of(terminal -> ChunkwiseCommand.execute(terminal, strings(args).toArray(String[]::new)));
    }

    private static Job of(Program program) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        int exit = program.run(Terminal.piped(InputStream.nullInputStream(), out, err));
        return new Job(exit, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    }

    /** Standard output of a run that has to have succeeded. */
    JsonNode json() {
        assertEquals(0, exit, () -> "exit code of\n" + out + "\n--- standard error:\n" + err);
        try {
            return JSON.readTree(out);
        } catch (JsonProcessingException e) {
            throw new AssertionError("not JSON: " + out, e);
        }
    }

    static List<Object> args(Object... args) {
        return List.of(args);
    }

    static List<Object> with(List<Object> args, Object... more) {
        return Stream.concat(args.stream(), Arrays.stream(more)).toList();
    }

    static List<String> strings(List<Object> args) {
        return args.stream().map(Object::toString).toList();
    }

    /** Results by id, without what they took; fails if one is there twice. */
    static Map<String, JsonNode> results(List<Path> files) throws IOException {
        Map<String, JsonNode> results = new TreeMap<>();
        for (Path file : files) {
            for (String line : Files.readAllLines(file)) {
                JsonNode read = JSON.readTree(line);
                JsonNode result = read.get("result");
                ((ObjectNode) result).remove("millis");
                if (result.path("generated").isObject()) {
                    ((ObjectNode) result.get("generated")).remove("millis");
                }
                assertEquals(null, results.put(read.get("id").textValue(), result), () -> read.get("id") + " is there twice, in " + file);
            }
        }
        return results;
    }

    static List<Path> files(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return new ArrayList<>(files.sorted().toList());
        }
    }

    static long bytes(Path directory) throws IOException {
        if (!Files.exists(directory)) {
            return 0;
        }
        long bytes = 0;
        for (Path file : files(directory)) {
            bytes += Files.size(file);
        }
        return bytes;
    }
}
