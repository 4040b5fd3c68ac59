package io.chunkwise.runner.options;

import java.util.Optional;
import java.util.OptionalInt;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Where passes run, and how much room they get. */
public final class ExecutorOptions {

    @Spec(Spec.Target.MIXEE)
    private CommandSpec command;

    @Option(names = {"-e", "--executor"}, paramLabel = "auto|cpu|tornado", order = 80, defaultValue = "auto",
            description = "What runs the model; auto takes a GPU if there is one (default: ${DEFAULT-VALUE}).")
    private String executor;

    @Option(names = {"-d", "--device"}, paramLabel = "BACKEND:INDEX", order = 81,
            description = "Device, as 'chunkwise devices' lists them (default: the executor's best).")
    private String device;

    @Option(names = {"-c", "--context"}, paramLabel = "N", order = 82,
            description = "Tokens that prompt and text may have together, unless --kv-policy window:N lets old ones go (default: the "
                    + "model's, at most 4096).")
    private Integer context;

    @Option(names = {"-b", "--batch"}, paramLabel = "N", order = 83, defaultValue = "128",
            description = "Tokens of a prompt that are read in one pass (default: ${DEFAULT-VALUE}).")
    private int batch;

    @Option(names = {"-t", "--threads"}, paramLabel = "N", order = 84, defaultValue = "0",
            description = "Threads of the cpu executor (default: one per core).")
    private int threads;

    public String executor() {
        return executor;
    }

    public Optional<String> device() {
        return Optional.ofNullable(device);
    }

    /** Empty: as long as the model allows, within reason. */
    public OptionalInt context() {
        return context == null ? OptionalInt.empty() : OptionalInt.of(context);
    }

    public int batch() {
        return batch;
    }

    /** 0: one per core. */
    public int threads() {
        return threads;
    }

    /** @throws ParameterException if a value is out of its range */
    public void check() {
        require(executor.equals("auto") || executor.equals("cpu") || executor.equals("tornado"),
                "--executor " + executor + ": expected auto, cpu or tornado");
        require(device == null || device.matches("[a-z]+:[0-9]{1,4}"),
                "--device " + device + ": expected a backend and an index such as cpu:0 or opencl:0; see 'chunkwise devices'");
        require(context == null || context > 0, "--context " + context + ": expected a number from 1 up");
        require(batch > 0, "--batch " + batch + ": expected a number from 1 up");
        require(threads >= 0, "--threads " + threads + ": expected a number from 1 up, or 0 for one per core");
    }

    private void require(boolean condition, String problem) {
        if (!condition) {
            throw new ParameterException(command.commandLine(), problem);
        }
    }
}
