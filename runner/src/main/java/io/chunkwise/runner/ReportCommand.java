package io.chunkwise.runner;

import io.chunkwise.runner.options.OutputOptions;
import io.chunkwise.runner.report.Json;
import io.chunkwise.runner.report.Quantities;
import io.chunkwise.runner.report.page.ReportPage;
import io.chunkwise.runner.report.results.Result;
import io.chunkwise.runner.report.results.ResultFiles;
import io.chunkwise.runner.terminal.Terminal;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Makes one page of plots and tables of saved results. */
@Command(name = "report", description = "Makes one HTML page, which needs no network, of saved results.", sortOptions = false,
        customSynopsis = "chunkwise report FILE... --output PAGE [options]",
        parameterListHeading = "%nParameters:%n", optionListHeading = "%nOptions:%n", footerHeading = "%n",
        footer = {
            "Results are what these commands print with --json: bench (--output jsonl, too), eval perplexity,",
            "eval squad, eval bleu, eval merge, eval ablate, calibrate, generate, score. A file that is",
            "something else is refused, and no page is written then.",
            "",
            "Examples:",
            "  chunkwise eval perplexity -m MODEL -a ADAPTER --text book.txt --window 512 --json > p.json",
            "  chunkwise bench --rank 0,8,64 --lora-mode merged,fused,unfused --json > speed.json",
            "  chunkwise report p.json speed.json --output report.html",
            "  chunkwise report results/ --output report.html --title \"Our adapter on two GPUs\"",
            "",
            "JSON: output, title, bytes, plots, sources[] of file and kind."
        })
final class ReportCommand implements Callable<Integer> {
    private final Terminal terminal;

    @Parameters(arity = "1..*", paramLabel = "FILE", description = "Results, or folders of which every *.json is one.")
    private List<Path> places;

    @Option(names = {"-o", "--output"}, required = true, paramLabel = "PAGE", description = "Page to write; one that is there is replaced.")
    private Path page;

    @Option(names = "--title", paramLabel = "TEXT", description = "Title of the page (default: ${DEFAULT-VALUE}).",
            defaultValue = "ChunkWise: results")
    private String title;

    @Mixin
    private OutputOptions output;

    ReportCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() throws IOException {
        List<Result> results = ResultFiles.read(places);
        ReportPage made = new ReportPage(title, ChunkwiseCommand.Version.text(), results);
        made.write(page);
        long bytes = Files.size(page);
        if (output.json()) {
            Json.print(terminal, json -> {
                json.writeStringField("output", page.toString());
                json.writeStringField("title", title);
                json.writeNumberField("bytes", bytes);
                json.writeNumberField("plots", made.plots());
                json.writeArrayFieldStart("sources");
                for (Result result : results) {
                    json.writeStartObject();
                    json.writeStringField("file", result.source().name());
                    json.writeStringField("kind", result.source().kind());
                    json.writeEndObject();
                }
                json.writeEndArray();
            });
        } else if (output.remarks()) {
            terminal.err().println(page + ": " + results.size() + (results.size() == 1 ? " file, " : " files, ") + made.plots() + " plots, "
                    + Quantities.bytes(bytes));
        }
        return 0;
    }
}
