package io.chunkwise.model.cpu;

import io.chunkwise.model.fixtures.ForwardExecutorContract;
import io.chunkwise.model.forward.ForwardExecutorProvider;

class CpuForwardExecutorTest implements ForwardExecutorContract {

    @Override
    public ForwardExecutorProvider provider() {
        return new CpuExecutorProvider();
    }
}
