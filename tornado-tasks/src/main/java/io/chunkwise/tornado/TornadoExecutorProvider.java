package io.chunkwise.tornado;

import io.chunkwise.model.forward.ExecutorException;
import io.chunkwise.model.forward.ExecutorOptions;
import io.chunkwise.model.forward.ForwardExecutor;
import io.chunkwise.model.forward.ForwardExecutorProvider;
import io.chunkwise.model.forward.ReadProbe;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.tornado.device.DeviceDirectory;
import io.chunkwise.tornado.device.DeviceReadProbe;

/** Opens TornadoVM executors; says why it can't where TornadoVM is missing. */
public final class TornadoExecutorProvider implements ForwardExecutorProvider {
    private DeviceDirectory directory;

    @Override
    public String name() {
        return "tornado";
    }

    @Override
    public Availability availability() {
        try {
            return switch (directory()) {
                case DeviceDirectory.Devices(var devices) ->
                    new Availability.Available(devices.stream().map(DeviceDirectory.Device::info).toList());
                case DeviceDirectory.Nothing(var reason) -> new Availability.Unavailable(reason);
            };
        } catch (LinkageError e) {
            return new Availability.Unavailable("tornado-api is not on the class path (" + e.getMessage() + "): start with bin/chunkwise");
        }
    }

    @Override
    public ForwardExecutor open(LlamaModel model, ExecutorOptions options) {
        try {
            return switch (directory()) {
                case DeviceDirectory.Devices devices -> TornadoForwardExecutor.open(model, options, devices.select(options.device()));
                case DeviceDirectory.Nothing(var reason) -> throw new ExecutorException("executor 'tornado' can't run here: " + reason);
            };
        } catch (LinkageError e) {
            throw new ExecutorException("executor 'tornado' can't run here: tornado-api is not on the class path;"
                    + " start with bin/chunkwise", e);
        }
    }

    @Override
    public ReadProbe readProbe(LlamaModel model, ExecutorOptions options) {
        try {
            return switch (directory()) {
                case DeviceDirectory.Devices devices -> new DeviceReadProbe(devices.select(options.device()).handle());
                case DeviceDirectory.Nothing(var reason) -> throw new ExecutorException("executor 'tornado' can't run here: " + reason);
            };
        } catch (LinkageError e) {
            throw new ExecutorException("executor 'tornado' can't run here: tornado-api is not on the class path;"
                    + " start with bin/chunkwise", e);
        }
    }

    private synchronized DeviceDirectory directory() {
        if (directory == null) {
            directory = DeviceDirectory.read();
        }
        return directory;
    }
}
