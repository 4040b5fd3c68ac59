package io.chunkwise.model.cpu;

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

/** Opens the executor that runs on this machine's cores. */
public final class CpuExecutorProvider implements ForwardExecutorProvider {
    private static final String VECTOR_MODULE = "jdk.incubator.vector";
    /** Below this, plain loops take less time for a page of text than compiling the vector kernels does. */
    private static final long SMALL_ELEMENTS = 8_000_000;

    /** Which models run without vectors. */
    enum Plain { SMALL_MODELS, ALWAYS, NEVER }

    private final Plain plain;

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
        return new CpuForwardExecutor(model, options, device, plain == Plain.ALWAYS || plain == Plain.SMALL_MODELS && isSmall(model));
    }

    @Override
    public ReadProbe readProbe(LlamaModel model, ExecutorOptions options) {
        return new CpuReadProbe(model.weights().all().stream().map(TensorView::data).toList(), options.threads());
    }
}
