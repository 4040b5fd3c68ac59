package io.chunkwise.tornado;

import io.chunkwise.model.fixtures.ForwardExecutorContract;
import io.chunkwise.model.fixtures.KvPagesContract;
import io.chunkwise.model.fixtures.RowStatisticsContract;
import io.chunkwise.model.forward.DeviceInfo;
import io.chunkwise.model.forward.ForwardExecutorProvider;
import io.chunkwise.model.kv.KvType;
import org.junit.jupiter.api.Nested;

/** Wiring and threaded kernels as plain Java: no TornadoVM runtime, no device. */
class DirectExecutorTest implements ForwardExecutorContract {

    @Override
    public ForwardExecutorProvider provider() {
        return new PooledProvider(new DeviceInfo("java", 0, "plain Java", DeviceInfo.Type.CPU, 1, ""), TornadoForwardExecutor::direct);
    }

    @Nested
    class Pages implements KvPagesContract {
        @Override
        public ForwardExecutorProvider provider() {
            return DirectExecutorTest.this.provider();
        }
    }

    @Nested
    class PagesInF16 implements KvPagesContract {
        @Override
        public ForwardExecutorProvider provider() {
            return DirectExecutorTest.this.provider();
        }

        @Override
        public KvType type() {
            return KvType.F16;
        }
    }

    @Nested
    class Statistics implements RowStatisticsContract {
        @Override
        public ForwardExecutorProvider provider() {
            return DirectExecutorTest.this.provider();
        }
    }
}
