package io.chunkwise.runner.options;

import io.chunkwise.model.Progress;
import io.chunkwise.model.forward.ActivationFormat;
import io.chunkwise.model.forward.AdapterExecution;
import io.chunkwise.model.forward.DeviceInfo;
import io.chunkwise.model.kv.KvReservation;
import io.chunkwise.model.kv.KvType;
import java.util.Optional;
import java.util.OptionalInt;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Where passes run, how much room they get, and how they run adapters. */
public final class ExecutorOptions {
    @Spec(Spec.Target.MIXEE)
    private CommandSpec command;

    @Mixin
    private DeviceOptions where;

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

    @Option(names = "--kv-type", paramLabel = KvTypes.LABEL, order = 88, defaultValue = "f32",
            description = "Number format of full pages of the KV cache: f16 takes half the memory and rounds keys and values "
                    + "to 11 bits; logits differ in the third or fourth digit (default: ${DEFAULT-VALUE}).")
    private String kvType;

    private ActivationFormat unlessAsked = ActivationFormat.FLOAT;

    /** Leaves it to the executor what activations are in decode, unless the command line says it: for text, not for measurements of it. */
    public ExecutorOptions fastest() {
        unlessAsked = ActivationFormat.AUTO;
        return this;
    }

    public String executor() {
        return where.executor();
    }

    public Optional<String> device() {
        return where.device();
    }

    /** How components are kept. */
    public AdapterExecution adapters() {
        return where.adapters();
    }

    /** Of full pages. */
    public KvType kvType() {
        return KvTypes.parse(kvType);
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

    /** How an executor is to be opened; whatever its context, its rows and its cache are, but for the type of that. */
    public io.chunkwise.model.forward.ExecutorOptions opening(int contextLength, int rows, KvReservation kv, DeviceInfo device,
            Progress progress) {
        return new io.chunkwise.model.forward.ExecutorOptions(contextLength, rows, kv.with(kvType()),
                Optional.of(device.selector()), threads, where.adapters(), where.activations(unlessAsked), where.cudaGraphs(),
                where.tensorCores(), false, progress);
    }

    /** @throws ParameterException if a value is out of its range */
    public void check() {
        where.check(command);
        require(context == null || context > 0, "--context " + context + ": expected a number from 1 up");
        try {
            kvType();
        } catch (IllegalArgumentException e) {
            throw new ParameterException(command.commandLine(), e.getMessage(), e);
        }
        require(batch > 0, "--batch " + batch + ": expected a number from 1 up");
        require(threads >= 0, "--threads " + threads + ": expected a number from 1 up, or 0 for one per core");
    }

    private void require(boolean condition, String problem) {
        if (!condition) {
            throw new ParameterException(command.commandLine(), problem);
        }
    }
}
