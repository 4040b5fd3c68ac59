package io.chunkwise.model.cpu;

import io.chunkwise.model.fixtures.KvPagesContract;
import io.chunkwise.model.forward.ForwardExecutorProvider;
import org.junit.jupiter.api.Nested;

class CpuKvPagesTest implements KvPagesContract {

    @Override
    public ForwardExecutorProvider provider() {
        return new CpuExecutorProvider(CpuExecutorProvider.Plain.NEVER);
    }

    @Nested
    class WithoutVectors implements KvPagesContract {
        @Override
        public ForwardExecutorProvider provider() {
            return new CpuExecutorProvider(CpuExecutorProvider.Plain.ALWAYS);
        }
    }
}
