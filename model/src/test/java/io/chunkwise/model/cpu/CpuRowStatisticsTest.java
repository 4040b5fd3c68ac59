package io.chunkwise.model.cpu;

import io.chunkwise.model.fixtures.RowStatisticsContract;
import io.chunkwise.model.forward.ForwardExecutorProvider;
import org.junit.jupiter.api.Nested;

class CpuRowStatisticsTest implements RowStatisticsContract {

    @Override
    public ForwardExecutorProvider provider() {
        return new CpuExecutorProvider(CpuExecutorProvider.Plain.NEVER);
    }

    @Nested
    class WithoutVectors implements RowStatisticsContract {
        @Override
        public ForwardExecutorProvider provider() {
            return new CpuExecutorProvider(CpuExecutorProvider.Plain.ALWAYS);
        }
    }
}
