package io.chunkwise.tornado;

import io.chunkwise.model.fixtures.ForwardExecutorContract;
import io.chunkwise.model.forward.ForwardExecutorProvider;
import io.chunkwise.tornado.device.DeviceDirectory.Device;
import io.chunkwise.tornado.device.TestDevice;
import io.chunkwise.tornado.graph.KernelForm;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;

/** The contract on the best device that is there, with the kernels that it gets by default. */
@Tag("tornado")
class DeviceExecutorTest implements ForwardExecutorContract {
    private static PooledProvider provider;

    @BeforeAll
    static void findDevice() {
        Device device = TestDevice.best();
        provider = new PooledProvider(device.info(), (model, options) -> TornadoForwardExecutor.open(model, options, device,
                KernelForm.of(device.handle().getDeviceType()), TestDevice.room(model.config()), false));
    }

    @AfterAll
    static void close() {
        provider.close();
    }

    @Override
    public ForwardExecutorProvider provider() {
        return provider;
    }
}
