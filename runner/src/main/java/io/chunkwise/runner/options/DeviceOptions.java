package io.chunkwise.runner.options;

import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.forward.ActivationFormat;
import io.chunkwise.model.forward.AdapterExecution;
import java.util.Locale;
import java.util.Optional;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** Which executor runs on which device, how it keeps adapters, and what it rounds. */
public final class DeviceOptions {
    private static final String ADAPTER_TYPES = "auto|f32|f16|q8_0|q4_0";
    private static final String ACTIVATIONS = "auto|float|integer";
    private static final String TENSOR_CORES = "auto|off";

    @Option(names = {"-e", "--executor"}, paramLabel = "auto|cpu|tornado", order = 80, defaultValue = "auto",
            description = "What runs the model; auto takes a GPU if there is one (default: ${DEFAULT-VALUE}).")
    private String executor;

    @Option(names = {"-d", "--device"}, paramLabel = "BACKEND:INDEX", order = 81,
            description = "Device, as 'chunkwise devices' lists them (default: the executor's best).")
    private String device;

    @Option(names = "--adapter-type", paramLabel = ADAPTER_TYPES, order = 85, defaultValue = "auto",
            description = "Number format that adapters are kept in; auto takes one that is as exact as "
                    + "the model's; q8_0 beside a Q4_0 model is more exact and slower (default: ${DEFAULT-VALUE}).")
    private String adapterType;

    @Option(names = "--activations", paramLabel = ACTIVATIONS, order = 86,
            description = "What quantized weights are multiplied with in decode: float is exact, integer (8 bits, beside Q8_0 and Q4_0; "
                    + "cpu executor only) is faster and copies such weights into memory, auto takes integer where there is room "
                    + "(default: auto in generate and bench, float where quality is measured).")
    private String activations;

    @Option(names = "--cuda-graphs", order = 87,
            description = "Launch the kernels of a pass as CUDA graphs (PTX and CUDA devices only).")
    private boolean cudaGraphs;

    @Option(names = "--tensor-cores", paramLabel = TENSOR_CORES, order = 89, defaultValue = "auto",
            description = "What multiplies when a prompt is read on a GPU: auto takes tensor cores where the device has some (PTX, from "
                    + "compute capability 8.0), with logits that differ in the fifth or sixth digit, off never "
                    + "(default: ${DEFAULT-VALUE}).")
    private String tensorCores;

    public String executor() {
        return executor;
    }

    public Optional<String> device() {
        return Optional.ofNullable(device);
    }

    public boolean cudaGraphs() {
        return cudaGraphs;
    }

    /** Where there are some. */
    public boolean tensorCores() {
        return tensorCores.equalsIgnoreCase("auto");
    }

    /** Fused, in the number format asked for. */
    public AdapterExecution adapters() {
        return new AdapterExecution(adapterType.equalsIgnoreCase("auto") ? Optional.empty()
                : Optional.of(TensorType.valueOf(adapterType.toUpperCase(Locale.ROOT))), true);
    }

    /** @param otherwise where the command line leaves it open */
    public ActivationFormat activations(ActivationFormat otherwise) {
        return activations == null ? otherwise : ActivationFormat.valueOf(activations.toUpperCase(Locale.ROOT));
    }

    /**
     * @param command whose options these are
     * @throws ParameterException if a value is out of its range
     */
    public void check(CommandSpec command) {
        require(command, executor.equals("auto") || executor.equals("cpu") || executor.equals("tornado"),
                "--executor " + executor + ": expected auto, cpu or tornado");
        require(command, device == null || device.matches("[a-z]+:[0-9]{1,4}"),
                "--device " + device + ": expected a backend and an index such as cpu:0 or opencl:0; see 'chunkwise devices'");
        require(command, adapterType.toLowerCase(Locale.ROOT).matches(ADAPTER_TYPES),
                "--adapter-type " + adapterType + ": expected auto, f32, f16, q8_0 or q4_0");
        require(command, activations == null || activations.toLowerCase(Locale.ROOT).matches(ACTIVATIONS),
                "--activations " + activations + ": expected auto, float or integer");
        require(command, tensorCores.toLowerCase(Locale.ROOT).matches(TENSOR_CORES),
                "--tensor-cores " + tensorCores + ": expected auto or off");
    }

    private static void require(CommandSpec command, boolean condition, String problem) {
        if (!condition) {
            throw new ParameterException(command.commandLine(), problem);
        }
    }
}
