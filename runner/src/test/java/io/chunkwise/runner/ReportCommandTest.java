package io.chunkwise.runner;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.chunkwise.runner.terminal.Terminal;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReportCommandTest {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    @TempDir
    private Path folder;

    @Test
    void resultsBecomeOnePageThatReplacesTheOneBefore() throws IOException {
        Path page = Files.writeString(folder.resolve("report.html"), "before");
        assertEquals(0, run("report", fixtures(), "--output", page, "--title", "Shakespeare & co", "--json"));
        String text = Files.readString(page);
        assertTrue(text.startsWith("<!DOCTYPE html>") && text.contains("<h1>Shakespeare &amp; co</h1>"));
        JsonNode json = new ObjectMapper().readTree(out.toByteArray());
        assertEquals(Files.size(page), json.get("bytes").longValue());
        assertEquals(8, json.get("sources").size());
        assertEquals("ablation.json", json.get("sources").get(0).get("file").textValue());
        assertEquals("ablation", json.get("sources").get(0).get("kind").textValue());
        assertTrue(json.get("plots").intValue() > 10, json.toString());
        assertEquals("", err.toString(StandardCharsets.UTF_8));
        assertEquals(List.of(page), files());
    }

    @Test
    void aBadFileIsOneLineAndNoPage() throws IOException {
        Path page = folder.resolve("report.html");
        Path bad = Files.writeString(folder.resolve("bad.json"), "{\"kind\":\"weather\"}");
        assertEquals(1, run("report", fixtures(), bad, "--output", page));
        String message = err.toString(StandardCharsets.UTF_8);
        assertEquals(1, message.lines().count(), message);
        assertTrue(message.startsWith("chunkwise: " + bad + ": is of the kind 'weather'"), message);
        assertFalse(Files.exists(page));
        assertEquals(List.of(bad), files());
    }

    @Test
    void whatBenchPrintsIsRead() throws IOException {
        for (String form : List.of("json", "jsonl")) {
            out.reset();
            assertEquals(0, run("bench", "--shape", "tiny", "--prompt-tokens", "4", "--new-tokens", "2", "--repetitions", "1",
                    "--executor", "cpu",
                    "--threads", "1", "--rank", "0,2", "--output", form, "--quiet"), err.toString(StandardCharsets.UTF_8));
            Path bench = Files.write(folder.resolve("bench." + form), out.toByteArray());
            assertEquals(0, run("report", bench, "--output", folder.resolve("page.html")), err.toString(StandardCharsets.UTF_8));
            assertTrue(Files.readString(folder.resolve("page.html")).contains("tg2, rank 2 fused"));
        }
    }

    private int run(Object... args) {
        return ChunkwiseCommand.execute(Terminal.piped(InputStream.nullInputStream(), out, err),
                Stream.of(args).map(Object::toString).toArray(String[]::new));
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.toList();
        }
    }

    private static Path fixtures() {
        try {
            return Path.of(ReportCommandTest.class.getResource("report/squad.json").toURI()).getParent();
        } catch (URISyntaxException e) {
            throw new AssertionError(e);
        }
    }
}
