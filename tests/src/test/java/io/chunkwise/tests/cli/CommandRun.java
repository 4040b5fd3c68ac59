package io.chunkwise.tests.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.chunkwise.runner.ChunkwiseCommand;
import io.chunkwise.runner.terminal.Terminal;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.junit.jupiter.api.Assertions;

/**
 * One run of the program inside this JVM, with streams that no terminal is behind.
 *
 * @param exit the exit code
 */
record CommandRun(int exit, String out, String err) {
    private static final ObjectMapper STRICT = JsonMapper.builder()
            .enable(com.fasterxml.jackson.databind.DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(com.fasterxml.jackson.core.StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

    static CommandRun of(Object... args) {
        return withInput("", args);
    }

    static CommandRun withInput(String input, Object... args) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        Terminal terminal = Terminal.piped(new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)), out, err);
        int exit = ChunkwiseCommand.execute(terminal, Arrays.stream(args).map(Object::toString).toArray(String[]::new));
        return new CommandRun(exit, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    }

    /** Fails, showing everything, unless the run succeeded. */
    CommandRun succeeded() {
        Assertions.assertEquals(0, exit, () -> "exit code of\n" + out + "\n--- standard error:\n" + err);
        return this;
    }

    /** Standard output as the one JSON object that it has to be. */
    JsonNode json() {
        succeeded();
        try {
            JsonNode node = STRICT.readTree(out);
            Assertions.assertTrue(node.isObject(), () -> "not an object: " + out);
            return node;
        } catch (JsonProcessingException e) {
            throw new AssertionError("standard output is not one JSON object: " + out, e);
        }
    }

    static int[] ints(JsonNode array) {
        int[] values = new int[array.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = array.get(i).intValue();
        }
        return values;
    }
}
