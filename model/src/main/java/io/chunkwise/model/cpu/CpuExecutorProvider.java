package io.chunkwise.model.cpu;

import io.chunkwise.model.HostMemory;
import io.chunkwise.model.format.TensorView;
import io.chunkwise.model.forward.ActivationFormat;
import io.chunkwise.model.forward.DeviceInfo;
import io.chunkwise.model.forward.ExecutorException;
import io.chunkwise.model.forward.ExecutorOptions;
import io.chunkwise.model.forward.ForwardExecutor;
import io.chunkwise.model.forward.ForwardExecutorProvider;
import io.chunkwise.model.forward.ReadProbe;
import io.chunkwise.model.llama.LlamaModel;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Opens the executor that runs on this machine's cores. */
public final class CpuExecutorProvider implements ForwardExecutorProvider {
    private static final Logger LOG = LoggerFactory.getLogger(CpuExecutorProvider.class);
    private static final String VECTOR_MODULE = "jdk.incubator.vector";
    /** Below this, plain loops take less time for a page of text than compiling the vector kernels does. */
    private static final long SMALL_ELEMENTS = 8_000_000;

    /** Which models run without vectors. */
    enum Plain { SMALL_MODELS, ALWAYS, NEVER }

    private final Plain plain;
    private final PackedModels packedModels = new PackedModels();

    public CpuExecutorProvider() {
        this(Plain.SMALL_MODELS);
    }

    CpuExecutorProvider(Plain plain) {
        this.plain = plain;
    }

    private static boolean isSmall(LlamaModel model) {
        return model.weights().all().stream().mapToLong(TensorView::elements).sum() < SMALL_ELEMENTS;
    }

    @Override
    public String name() {
        return "cpu";
    }

    @Override
    public Availability availability() {
        // Checked by name first: CpuDevice cannot even be loaded without the module.
        if (ModuleLayer.boot().findModule(VECTOR_MODULE).isEmpty()) {
            return new Availability.Unavailable(
                    "the Vector API is not switched on; start Java with --add-modules " + VECTOR_MODULE);
        }
        return new Availability.Available(List.of(CpuDevice.describe()));
    }

    @Override
    public ForwardExecutor open(LlamaModel model, ExecutorOptions options) {
        if (options.cudaGraphs()) {
            throw new ExecutorException("executor 'cpu' has no CUDA graphs; leave --cuda-graphs out, or use --executor tornado");
        }
        DeviceInfo device = switch (availability()) {
            case Availability.Available(var devices) -> devices.getFirst();
            case Availability.Unavailable(var reason) -> throw new ExecutorException("executor 'cpu': " + reason);
        };
        options.device().filter(wanted -> !wanted.equals(device.selector()) && !wanted.equals(device.backend())).ifPresent(wanted -> {
            throw new ExecutorException("executor 'cpu' has no device '" + wanted + "'; its only one is '" + device.selector() + "'");
        });
        if (options.activations() == ActivationFormat.INTEGER && !IntegerProjection.isSupported()) {
            throw new ExecutorException("executor 'cpu' computes with integer activations on vectors of 256 bits only, "
                    + "which this machine has not; leave --activations out");
        }
        boolean runsPlainly = plain == Plain.ALWAYS || plain == Plain.SMALL_MODELS && isSmall(model);
        return new CpuForwardExecutor(model, options.with(activations(model, options, runsPlainly)), device, runsPlainly, packedModels);
    }

    /** Integers where they are asked for, or left to us and of use; never plainly. */
    private ActivationFormat activations(LlamaModel model, ExecutorOptions options, boolean runsPlainly) {
        if (runsPlainly || options.activations() == ActivationFormat.FLOAT) {
            return ActivationFormat.FLOAT;
        }
        List<TensorView> quantized = model.weights().all().stream().filter(tensor -> tensor.type().isQuantized()).toList();
        long copied = packedModels.has(model) ? 0 : quantized.stream().mapToLong(TensorView::bytes).sum();
        long free = HostMemory.freeBytes();
        if (options.activations() == ActivationFormat.INTEGER) {
            HostMemory.require("weights for integer activations", copied, free);
            return ActivationFormat.INTEGER;
        }
        if (quantized.isEmpty() || !IntegerProjection.isSupported()) {
            return ActivationFormat.FLOAT;
        }
        if (copied > free) {
            LOG.warn("decode keeps float activations, which are slower: for integers weights take {} MiB of memory, and {} are free",
                    copied >> 20, free >> 20);
            return ActivationFormat.FLOAT;
        }
        return ActivationFormat.INTEGER;
    }

    @Override
    public ReadProbe readProbe(LlamaModel model, ExecutorOptions options) {
        return new CpuReadProbe(model.weights().all().stream().map(TensorView::data).toList(), options.threads());
    }
}
