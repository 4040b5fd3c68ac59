package io.chunkwise.runner;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.chunkwise.model.fixtures.SharedData;
import io.chunkwise.runner.error.ShortErrorMessages;
import io.chunkwise.runner.terminal.Terminal;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class BenchmarkCommandTest {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    @Test
    void everyRankOfAModelIsReportedInJson() throws IOException {
        assertEquals(0, run("--model", stories(), "--rank", "2,3", "--prompt-tokens", "20", "--decode-tokens", "3", "--repetitions", "2",
                "--executor", "cpu", "--json"), () -> err.toString(StandardCharsets.UTF_8));
        JsonNode model = new ObjectMapper().readTree(out.toByteArray()).get("models").get(0);
        assertTrue(model.get("executor").asText().startsWith("cpu on "), model.get("executor").asText());
        assertEquals(3, model.get("cases").size());
        for (int i = 0; i < 3; i++) {
            JsonNode one = model.get("cases").get(i);
            assertEquals(new int[] {0, 2, 3}[i], one.get("rank").asInt());
            assertTrue(one.get("prefill").get("median").asDouble() > 0 && one.get("decodeTimeToBound").asDouble() > 0, one.toString());
        }
    }

    @Test
    void theTableHasALinePerRank() {
        assertEquals(0, run("--model", stories(), "--rank", "2", "--prompt-tokens", "5", "--decode-tokens", "2", "--repetitions", "1",
                "--executor", "cpu", "--quiet"), () -> err.toString(StandardCharsets.UTF_8));
        String text = out.toString(StandardCharsets.UTF_8);
        for (String adapter : new String[] {"none ", "rank 2 "}) {
            assertTrue(text.lines().anyMatch(line -> line.startsWith(adapter)), text);
        }
    }

    @Test
    void repetitionsThatMeasureNothingAreAUsageError() {
        assertEquals(2, run("--repetitions", "0"));
        assertTrue(err.toString(StandardCharsets.UTF_8).contains("repetition count 0"), err.toString(StandardCharsets.UTF_8));
    }

    private static String stories() {
        return SharedData.assumePresent("stories260K").toString();
    }

    private int run(String... args) {
        Terminal terminal = Terminal.piped(InputStream.nullInputStream(), out, err);
        ShortErrorMessages errors = new ShortErrorMessages(terminal);
        int code = new CommandLine(new BenchmarkCommand(terminal)).setParameterExceptionHandler(errors).setExecutionExceptionHandler(errors)
                .execute(args);
        terminal.out().flush();
        terminal.err().flush();
        return code;
    }
}
