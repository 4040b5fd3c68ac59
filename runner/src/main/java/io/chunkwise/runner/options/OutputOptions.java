package io.chunkwise.runner.options;

import picocli.CommandLine.Option;

/** How a command speaks. Every command has these. */
public final class OutputOptions {

    @Option(names = "--json", order = 90, description = "Print one JSON object and nothing else on standard output.")
    private boolean json;

    @Option(names = {"-q", "--quiet"}, order = 91, description = "No progress and no remarks on standard error; errors only.")
    private boolean quiet;

    @Option(names = "--errors", order = 92, description = "Show the stack trace of an error.")
    private boolean errors;

    @Option(names = {"-h", "--help"}, usageHelp = true, order = 99, description = "Show this help.")
    private boolean help;

    public boolean json() {
        return json;
    }

    /** Whether remarks for people (the chosen executor, timings) are left out. */
    public boolean remarks() {
        return !quiet && !json;
    }

    public boolean quiet() {
        return quiet;
    }
}
