package io.chunkwise.runner.options;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** How people see what was decided about a text. */
public final class TraceOptions {

    @Spec(Spec.Target.MIXEE)
    private CommandSpec command;

    @Option(names = "--trace", order = 60,
            description = "Colour the text by rung; in a pipe (or with NO_COLOR set) print a table of its chunks on standard error "
                    + "instead.")
    private boolean trace;

    @Option(names = "--trace-html", paramLabel = "FILE", order = 61,
            description = "Write a page with the text as a heat map, its signals, chunks and KV cache; it needs nothing but a browser.")
    private Path page;

    public boolean trace() {
        return trace;
    }

    public Optional<Path> page() {
        return Optional.ofNullable(page);
    }

    /** @throws ParameterException if a page could not be written in the end, or the trace could not be seen */
    public void check(OutputOptions output) {
        if (trace && output.json()) {
            throw problem("--trace is for people, and --json has all of it as data; leave one of them out");
        }
        if (page != null) {
            Path directory = page.toAbsolutePath().getParent();
            if (directory == null || !Files.isDirectory(directory)) {
                throw problem("--trace-html " + page + ": there is no directory " + directory);
            }
            if (Files.exists(page) && !Files.isRegularFile(page)) {
                throw problem("--trace-html " + page + ": is there already, and not a file");
            }
            if (!Files.isWritable(directory)) {
                throw problem("--trace-html " + page + ": the directory may not be written to");
            }
        }
    }

    private ParameterException problem(String message) {
        return new ParameterException(command.commandLine(), message);
    }
}
