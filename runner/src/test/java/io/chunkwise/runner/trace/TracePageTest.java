package io.chunkwise.runner.trace;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TracePageTest {
    private static final String NASTY =
            "</script><script>alert(1)</script><!-- \" ' & {{data}} {{title}} \u0000\u001b[31m\u2028\u202e\ud800";

    @TempDir
    private Path directory;

    @Test
    void textCannotBecomePartOfThePage() throws IOException {
        TraceReport report = new TraceReport(
                NASTY, List.of(NASTY), NASTY, NASTY, NASTY, NASTY, 32, List.of(NASTY, NASTY), Traces.uniform(2));
        String page = page(report);
        assertEquals(2, count(page, "<script"), "script elements");
        assertEquals(2, count(page, "</script>"));
        assertEquals(0, count(page, "<!--"));
        assertFalse(page.contains("alert(1)</script"), "the text stands in the page as it is");
        assertEquals(1, count(page, "<main>"), "the marks in the text are not replaced");
        JsonNode data = data(page);
        assertEquals(NASTY, data.get("tokens").get("text").get(1).textValue());
        assertEquals(NASTY, data.get("policy").textValue());
        String head = page.substring(0, page.indexOf("</h1>"));
        assertTrue(head.contains("&lt;/script&gt;") && head.contains("&quot; &#39; &amp;"), head);
    }

    @Test
    void nothingIsFetchedFromAnywhere() throws IOException {
        String page = page(Traces.report(Traces.random(300, 1), words(300)));
        for (String fetching : List.of(
                "src=", "href=", "url(", "@import", "fetch(", "XMLHttpRequest", "import(", "<link", "<img", "<iframe")) {
            assertFalse(page.contains(fetching), "the page has " + fetching);
        }
        assertEquals(count(page, "http"), count(page, "http-equiv") + count(page, "'http://www.w3.org/2000/svg'"), "addresses in the page");
        assertTrue(page.contains("default-src 'none'"), "the browser is told so, too");
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 17, 1000})
    void theDataHasAColumnOfEveryNumber(int tokens) throws IOException {
        TraceReport report = Traces.report(Traces.random(tokens, 7), words(tokens));
        JsonNode data = data(page(report));
        for (String column : List.of("text", "id", "entropy", "novelty", "prior", "score", "components")) {
            assertEquals(tokens, data.get("tokens").get(column).size(), column);
        }
        assertTrue(data.get("tokens").get("attention").isNull(), "a signal that is off is null");
        for (int i = 0; i < tokens; i++) {
            double written = data.get("tokens").get("entropy").get(i).doubleValue();
            assertEquals(report.trace().tokens().get(i).entropy(), written, 1e-4, "token " + i);
        }
        assertEquals(report.trace().chunks().size(), data.get("chunks").size());
        assertEquals(report.trace().kv().size(), data.get("kv").get("full").size());
        assertEquals(report.promptTokens(), data.get("promptTokens").intValue());
    }

    @Test
    void aSequenceWithoutTokensOrEstimatesIsAPageToo() throws IOException {
        JsonNode none = data(page(Traces.report(Traces.uniform(0), List.of())));
        assertEquals(0, none.get("chunks").size());
        JsonNode uniform = data(page(Traces.report(Traces.uniform(3), words(3))));
        assertTrue(uniform.get("tokens").get("score").isNull());
        assertTrue(uniform.get("chunks").get(0).get("linearizationError").isNull());
    }

    @Test
    void twentyThousandTokensTakeAFewMegabytes() throws IOException {
        Path file = directory.resolve("long.html");
        TracePage.write(file, Traces.report(Traces.random(20_000, 3), words(20_000)));
        assertTrue(Files.size(file) < 4_000_000, Files.size(file) + " bytes");
    }

    @Test
    void aPageReplacesTheOneBefore() throws IOException {
        Path file = Files.writeString(directory.resolve("trace.html"), "before");
        TracePage.write(file, Traces.report(Traces.uniform(3), words(3)));
        assertTrue(Files.readString(file).startsWith("<!DOCTYPE html>"));
        assertEquals(List.of(file), files());
        TracePage.write(file, Traces.report(Traces.uniform(1), List.of(NASTY)));
        assertTrue(data(Files.readString(file)).get("tokens").get("text").get(0).textValue().startsWith("</script>"));
    }

    @Test
    void aPageThatCannotBeWrittenLeavesNothing() throws IOException {
        Path taken = Files.createDirectories(directory.resolve("taken").resolve("full")).getParent();
        assertThrows(IOException.class, () -> TracePage.write(taken, Traces.report(Traces.uniform(3), words(3))));
        Path nowhere = directory.resolve("missing/trace.html");
        assertThrows(IOException.class, () -> TracePage.write(nowhere, Traces.report(Traces.uniform(3), words(3))));
        assertEquals(List.of(taken), files());
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.toList();
        }
    }

    private static List<String> words(int count) {
        return new ArrayList<>(IntStream.range(0, count).mapToObj(i -> " word" + i + (i % 20 == 19 ? "\n" : "")).toList());
    }

    private static String page(TraceReport report) throws IOException {
        StringWriter out = new StringWriter();
        TracePage.write(out, report);
        return out.toString();
    }

    private static JsonNode data(String page) throws IOException {
        String open = "<script type=\"application/json\" id=\"trace\">";
        int start = page.indexOf(open) + open.length();
        return new ObjectMapper().readTree(page.substring(start, page.indexOf("</script>", start)));
    }

    private static int count(String text, String part) {
        return text.split(java.util.regex.Pattern.quote(part), -1).length - 1;
    }
}
