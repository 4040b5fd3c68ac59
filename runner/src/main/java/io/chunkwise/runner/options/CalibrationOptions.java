package io.chunkwise.runner.options;

import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.IDefaultValueProvider;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Whether and on what a ladder is calibrated. */
public final class CalibrationOptions {
    /** What means nothing without a text. */
    private static final List<String> DEPENDENT = List.of("--calibrate-components", "--calibrate-windows", "--executor", "--device",
            "--context", "--batch", "--threads", "--adapter-type", "--activations", "--cuda-graphs",
            "--tensor-cores");

    @Spec(Spec.Target.MIXEE)
    private CommandSpec command;

    @Option(names = "--calibrate", paramLabel = "FILE", order = 30,
            description = "Measure on this text, UTF-8, after which tokens more components gain most, and save that with the ladder: "
                    + "--policy adaptive then goes by it. Take text of the kind that the adapter is for, best some that it was not "
                    + "trained on.")
    private Path text;

    @Option(names = "--calibrate-components", paramLabel = "N", order = 31, defaultValue = "8",
            description = "Active components that policies shall use on average (default: ${DEFAULT-VALUE}, as adaptive does).")
    private int components;

    @Option(names = "--calibrate-windows", paramLabel = "N", order = 32, defaultValue = "48",
            description = "Windows of the text to read, 512 tokens each and spread over all of it (default: ${DEFAULT-VALUE}).")
    private int windows;

    /** Whether there is a text. */
    public boolean any() {
        return text != null;
    }

    public Path text() {
        return text;
    }

    public int components() {
        return components;
    }

    public int windows() {
        return windows;
    }

    /** @throws ParameterException if a value is out of its range, or there is no text that it could be for */
    public void check() {
        for (String option : DEPENDENT) {
            if (text == null && command.commandLine().getParseResult().hasMatchedOption(option)) {
                throw problem(option + " belongs to calibration: add --calibrate FILE");
            }
        }
        if (components < 1) {
            throw problem("--calibrate-components " + components + ": expected a number from 1 up");
        }
        if (windows < 1) {
            throw problem("--calibrate-windows " + windows + ": expected a number from 1 up");
        }
    }

    /** A value that the command line must not have, as it turned out. */
    public ParameterException problem(String message) {
        return new ParameterException(command.commandLine(), message);
    }

    /** The cpu executor, so that a text gives the same ladder on every machine that computes alike. */
    public static final class Defaults implements IDefaultValueProvider {
        @Override
        public String defaultValue(ArgSpec argument) {
            return argument instanceof OptionSpec option && option.longestName().equals("--executor") ? "cpu" : null;
        }
    }
}
