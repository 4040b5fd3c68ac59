package io.chunkwise.model.forward;

import io.chunkwise.model.llama.LlamaModel;
import java.util.List;

/** Opens executors of one kind. Found by {@link java.util.ServiceLoader}; a provider must load without its runtime. */
public interface ForwardExecutorProvider {

    /** Name on the command line: "cpu", "tornado". */
    String name();

    /** Whether executors of this kind can be opened here, and on which devices or why not. Never throws. */
    Availability availability();

    /**
     * Opens an executor; the caller closes it before the model.
     *
     * @throws ExecutorException if there is no such device, or the model does not fit it
     */
    ForwardExecutor open(LlamaModel model, ExecutorOptions options);

    /**
     * A probe of the memory that executors over this model read their weights from; the caller closes it before the model.
     *
     * @param options name the device and the threads, as for {@link #open}
     * @throws ExecutorException if there is no such device
     */
    ReadProbe readProbe(LlamaModel model, ExecutorOptions options);

    sealed interface Availability {

        /** @param devices at least one, the best first */
        record Available(List<DeviceInfo> devices) implements Availability {
            public Available {
                devices = List.copyOf(devices);
            }
        }

        /** @param reason one line: what is missing and what to do */
        record Unavailable(String reason) implements Availability {
        }
    }
}
