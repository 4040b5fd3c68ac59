package io.chunkwise.runner.report.page;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import io.chunkwise.runner.report.results.Result;
import io.chunkwise.runner.report.results.ResultFiles;
import java.io.IOException;
import java.io.StringWriter;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ReportPageTest {
    private static final String NASTY = "</script></style></td><script>alert(1)</script><img src=x onerror=alert(2)><!-- \" ' & "
            + "{{body}} \u0000\u001b[31m\u2028\u202e";
    private static final ObjectMapper MAPPER = new ObjectMapper();

    @TempDir
    private Path folder;

    @Test
    void nothingIsFetchedFromAnywhere() throws IOException {
        String page = withoutLibrary(page("Results", all()));
        for (String fetching : List.of("src=", "url(", "@import", "fetch(", "XMLHttpRequest", "import(", "<link", "<img", "<iframe",
                "http:", "https:")) {
            assertFalse(page.contains(fetching), "the page has " + fetching);
        }
        for (int at = page.indexOf("href="); at >= 0; at = page.indexOf("href=", at + 1)) {
            assertTrue(page.startsWith("href=\"#", at), "a link leads out of the page: " + page.substring(at, at + 40));
        }
        assertTrue(page.contains("content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'\""),
                "the browser is told so, too");
    }

    @Test
    void theLibraryIsPutInWholeAndEndsNoScript() throws IOException {
        String page = page("Results", all());
        assertEquals(3, count(page, "<script"), "script elements: data, library, script");
        assertEquals(3, count(page, "</script>"));
        assertTrue(page.contains("Chart.js v4"), "the library with its licence line");
        assertEquals(1, count(page, "<main>"));
        assertFalse(page.contains("{{"), "a mark is left");
    }

    @ParameterizedTest
    @ValueSource(strings = {
        // ablation
        "90.1252", "4.501200", "8.41", "−0.00890 ± 0.00240", "+0.23300 ± 0.01020", "−0.00590 ± 0.00220", "without ngram", "window:64",
        "384.0 KiB", "3.206", "5,315",
        // calibration
        "shakespeare-1percent.yaml", "perplexity at most 1.00 % higher", "+0.71 %", "+0.83 %", "17.20", "17.40", "+10.32 % ± 0.41",
        "rungs 12 16 24", "77.5210", "76.8830", "shakespeare-held-out.txt", "20480",
        // perplexity
        "88.7135", "4.485412", "88.2522", "8.04", "3.432", "305.4 KiB", "uniform:8", "strided windows of 512, stride 512",
        // squad and bleu
        "78.9733", "81.8264", "75.3952", "81.3542", "82.2601", "6,078", "pred-half-BERT.json", "23.4568", "51.2346", "1,012",
        "newstest.hyp", "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:chunkwise-0.1.0",
        // bench, one object and one per line
        "AMD EPYC (2 cores)", "made-up NVIDIA device", "made-up AMD device", "66.1 ± 0.86", "0.81 of base", "1.57 x floor",
        "675 launches per token", "7.0 GiB at most", "tornado on ptx:0",
        // generation
        "adaptive, fade 4", "8.12 active components", "96.0 KiB in the KV cache", "5 chunks in 60 tokens",
        // the paper
        "14.9 ms", "9.1 GB", "5.61 on WikiText-103", "25.3 on FLORES-101", "63.5 on SQuAD 2.0", "15.1 ms: llama-7b q8_0, rank 8 merged",
        "−73.49 % of the KV cache"})
    void everyFigureOfTheFilesStandsInThePage(String figure) throws IOException {
        assertTrue(withoutLibrary(page("Results", all())).contains(figure), "'" + figure + "' is not in the page");
    }

    @Test
    void hostileNamesStayText() throws IOException {
        List<Path> files = new ArrayList<>();
        for (Path file : fixtures()) {
            StringBuilder text = new StringBuilder();
            for (String line : Files.readAllLines(file)) {
                text.append(nasty(MAPPER.readTree(line), "")).append('\n');
            }
            files.add(Files.writeString(folder.resolve("<b>'" + file.getFileName()), text));
        }
        String page = page(NASTY, ResultFiles.read(files));
        assertEquals(3, count(page, "<script"), "script elements");
        assertEquals(3, count(page, "</script>"));
        assertEquals(1, count(page, "</style>"));
        String own = withoutLibrary(page);
        assertEquals(0, count(own, "<!--"));
        assertEquals(0, count(own, "<img"));
        assertEquals(0, count(own, "<b>"));
        assertEquals(1, count(own, "<main>"), "a mark in a text was replaced");
        assertFalse(own.contains("\u202e") || own.contains("\u001b"), "characters that turn text around or move a cursor");
        assertTrue(own.contains("&lt;/script&gt;&lt;/style&gt;"), "the text is shown as it is");
    }

    @Test
    void everyPlotHasACanvasAndData() throws IOException {
        String page = page("Results", all());
        JsonNode plots = data(page);
        assertTrue(plots.size() >= 15, plots.size() + " plots");
        for (int i = 0; i < plots.size(); i++) {
            assertEquals(1, count(page, "<canvas id=\"plot-" + i + "\" role=\"img\" aria-labelledby=\"plot-" + i + "-title\">"),
                    "canvas of plot " + i);
            JsonNode series = plots.get(i).get("series");
            assertTrue(series.size() > 0, "plot " + i + " is empty");
            series.forEach(one -> assertTrue(one.get("points").size() > 0, "a series without points in " + plots));
        }
        assertEquals(plots.size(), count(page, "<canvas"));
    }

    @Test
    void theChosenCandidateIsMarkedAndTheBudgetIsALine() throws IOException {
        JsonNode calibration = null;
        for (JsonNode plot : data(page("Results", all()))) {
            calibration = plot.get("rules").size() > 0 && calibration == null ? plot : calibration;
        }
        assertEquals(.01, calibration.get("rules").get(0).get("at").doubleValue());
        assertEquals("rungs 12 16 24", marked(calibration, 0).get(3).textValue());
        JsonNode measured = marked(calibration, 1);
        assertEquals(17.4, measured.get(0).doubleValue());
        assertEquals(.0083, measured.get(1).doubleValue());
    }

    private static JsonNode marked(JsonNode plot, int which) {
        List<JsonNode> points = new ArrayList<>();
        plot.get("series").forEach(series -> {
            if (series.get("marked").booleanValue()) {
                series.get("points").forEach(points::add);
            }
        });
        return points.get(which);
    }

    @Test
    void aSectionWithoutSourcesSaysWhichCommandFillsIt() throws IOException {
        String page = withoutLibrary(page("Results", ResultFiles.read(List.of(fixture("squad.json")))));
        assertEquals(0, data(page).size());
        assertFalse(page.contains("<canvas"), "an empty plot");
        for (String command : List.of("chunkwise eval perplexity", "chunkwise eval ablate", "chunkwise calibrate", "chunkwise generate",
                "chunkwise bench", "chunkwise eval bleu")) {
            assertTrue(page.contains("<code>" + command), () -> "nothing tells of " + command);
        }
        assertEquals(6, count(page, "not measured"), "lines of the paper's table that have nothing beside them");
    }

    @Test
    void pointsOfTwoTextsAreNotInOnePlot() throws IOException {
        ObjectNode other = (ObjectNode) MAPPER.readTree(fixture("perplexity-adaptive.json").toFile());
        other.put("text", "another.txt");
        Path file = Files.writeString(folder.resolve("other.json"), other.toString());
        assertEquals(0, data(page("Results", ResultFiles.read(List.of(fixture("perplexity-uniform-8.json"), file)))).size());
        assertEquals(3, data(page("Results", ResultFiles.read(List.of(fixture("perplexity-uniform-8.json"),
                fixture("perplexity-adaptive.json"))))).size());
    }

    @Test
    void aPageThatCannotBeWrittenLeavesNothing() throws IOException {
        Path nowhere = folder.resolve("missing/report.html");
        assertThrows(IOException.class, () -> new ReportPage("Results", "1", all()).write(nowhere));
        try (Stream<Path> left = Files.list(folder)) {
            assertEquals(List.of(), left.toList());
        }
    }

    /** Every text in it, but for words that the reader has to know. */
    private static JsonNode nasty(JsonNode node, String name) {
        if (node instanceof ObjectNode object) {
            ObjectNode changed = MAPPER.createObjectNode();
            object.properties().forEach(entry -> changed.set(entry.getKey(), nasty(entry.getValue(), entry.getKey())));
            return changed;
        }
        if (node instanceof ArrayNode array) {
            ArrayNode changed = MAPPER.createArrayNode();
            array.forEach(item -> changed.add(nasty(item, name)));
            return changed;
        }
        return !node.isTextual() || List.of("kind", "experiment").contains(name) ? node : TextNode.valueOf(node.textValue() + NASTY);
    }

    private static List<Result> all() {
        return ResultFiles.read(fixtures());
    }

    static List<Path> fixtures() {
        return Stream.of("ablation.json", "bench-cpu.json", "bench-gpus.jsonl", "bleu.json", "calibration.json", "generation.json",
                "perplexity-adaptive.json", "perplexity-uniform-8.json", "squad.json").map(ReportPageTest::fixture).toList();
    }

    static Path fixture(String name) {
        try {
            return Path.of(ReportPageTest.class.getResource("/io/chunkwise/runner/report/" + name).toURI());
        } catch (URISyntaxException e) {
            throw new AssertionError(e);
        }
    }

    private static String page(String title, List<Result> results) throws IOException {
        StringWriter page = new StringWriter();
        new ReportPage(title, "0.1.0", results).write(page);
        return page.toString();
    }

    private static JsonNode data(String page) throws IOException {
        String start = "<script type=\"application/json\" id=\"data\">";
        int from = page.indexOf(start) + start.length();
        return MAPPER.readTree(page.substring(from, page.indexOf("</script>", from)));
    }

    private static String withoutLibrary(String page) {
        int from = page.lastIndexOf("<script>", page.lastIndexOf("<script>") - 1);
        return page.substring(0, from) + page.substring(page.indexOf("</script>", from));
    }

    private static int count(String text, String part) {
        return text.split(Pattern.quote(part), -1).length - 1;
    }
}
