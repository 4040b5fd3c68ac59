package io.chunkwise.runner.report.page;

import com.fasterxml.jackson.core.JsonGenerator;
import io.chunkwise.runner.html.Markup;
import io.chunkwise.runner.html.PageFile;
import io.chunkwise.runner.report.results.Result;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.Path;
import java.util.List;

/** Results as one page that needs nothing but a browser: report.html with its style, its script, Chart.js and the plots' data put in. */
public final class ReportPage {
    private static final String CHART_JS = "/META-INF/resources/webjars/chart.js/4.5.1/dist/chart.umd.min.js";

    private final String title;
    private final String version;
    private final Body body = new Body();

    /**
     * @param title   of the page; any text
     * @param version of this program
     */
    public ReportPage(String title, String version, List<Result> results) {
        this.title = title;
        this.version = version;
        TradeOffs.write(body, results);
        Ablations.write(body, results);
        Calibrations.write(body, results);
        Boundaries.write(body, results);
        Speeds.write(body, results);
        Answers.write(body, results);
        PaperTable.write(body, results);
        Sources.write(body, results);
    }

    /** How many plots stand in it. */
    public int plots() {
        return body.plots().size();
    }

    /**
     * Writes the page; {@code file} is never there in part.
     *
     * @throws IOException if it cannot be written; nothing of it is left then
     */
    public void write(Path file) throws IOException {
        PageFile.write(file, this::write);
    }

    void write(Writer out) throws IOException {
        PageFile.fill(out, resource("report.html"), (mark, page) -> {
            switch (mark) {
                case "title" -> page.write(Markup.escaped(title));
                case "version" -> page.write(Markup.escaped(version));
                case "style" -> page.write(resource("report.css"));
                case "contents" -> page.write(body.contents());
                case "body" -> page.write(body.html());
                case "library" -> page.write(resource(CHART_JS));
                case "script" -> page.write(resource("report.js"));
                case "data" -> writeData(page);
                default -> throw new IllegalStateException("report.html has an unknown mark " + mark);
            }
        });
    }

    private void writeData(Writer out) throws IOException {
        try (JsonGenerator json = Markup.data(out)) {
            PlotJson.write(json, body.plots());
        }
    }

    private static String resource(String name) throws IOException {
        return PageFile.resource(ReportPage.class, name);
    }
}
