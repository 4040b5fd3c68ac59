package io.chunkwise.tornado;

import io.chunkwise.model.fixtures.ForwardExecutorContract;
import io.chunkwise.model.forward.DeviceInfo;
import io.chunkwise.model.forward.ForwardExecutorProvider;

/** Wiring and threaded kernels as plain Java: no TornadoVM runtime, no device. */
class DirectExecutorTest implements ForwardExecutorContract {

    @Override
    public ForwardExecutorProvider provider() {
        return new PooledProvider(new DeviceInfo("java", 0, "plain Java", DeviceInfo.Type.CPU, 1, ""), TornadoForwardExecutor::direct);
    }
}
