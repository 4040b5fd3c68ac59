package io.chunkwise.runner.options;

import io.chunkwise.generate.SamplingOptions;
import java.util.concurrent.ThreadLocalRandom;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** How the next token is chosen: the typed form of {@link SamplingOptions}. */
public final class SamplingParameters {

    @Spec(Spec.Target.MIXEE)
    private CommandSpec command;

    @Option(names = {"-T", "--temperature"}, paramLabel = "T", order = 40, defaultValue = "0.8",
            description = "0 always takes the most likely token; higher is more surprising (default: ${DEFAULT-VALUE}).")
    private double temperature;

    @Option(names = "--top-k", paramLabel = "K", order = 41, defaultValue = "40",
            description = "Choose among the K most likely tokens; 0: all (default: ${DEFAULT-VALUE}).")
    private int topK;

    @Option(names = "--top-p", paramLabel = "P", order = 42, defaultValue = "0.95",
            description = "Choose among the likely tokens that together reach probability P; 1: all (default: ${DEFAULT-VALUE}).")
    private double topP;

    @Option(names = "--min-p", paramLabel = "P", order = 43, defaultValue = "0.05",
            description = "Choose among tokens at least P times as likely as the likeliest; 0: all (default: ${DEFAULT-VALUE}).")
    private double minP;

    @Option(names = "--repetition-penalty", paramLabel = "X", order = 44, defaultValue = "1",
            description = "Make tokens that came recently less likely; 1: off (default: ${DEFAULT-VALUE}).")
    private double repetitionPenalty;

    @Option(names = "--penalty-window", paramLabel = "N", order = 45, defaultValue = "64",
            description = "How many of the last tokens the penalty looks at; -1: all (default: ${DEFAULT-VALUE}).")
    private int penaltyWindow;

    @Option(names = {"-s", "--seed"}, paramLabel = "S", order = 46,
            description = "The same seed gives the same text (default: a new one each time; with --input 0).")
    private Long seed;

    /** @throws ParameterException if a value is out of its range */
    public SamplingOptions options() {
        return options(ThreadLocalRandom.current().nextLong(1L << 32));
    }

    /**
     * @param otherwise the seed where none was given
     * @throws ParameterException if a value is out of its range
     */
    public SamplingOptions options(long otherwise) {
        try {
            return new SamplingOptions(temperature, topK, topP, minP, repetitionPenalty, penaltyWindow, seed == null ? otherwise : seed);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(command.commandLine(), e.getMessage());
        }
    }
}
