package io.chunkwise.tornado;

import io.chunkwise.model.Progress;
import io.chunkwise.model.fixtures.ForwardExecutorContract;
import io.chunkwise.model.fixtures.KvPagesContract;
import io.chunkwise.model.fixtures.ModelCase;
import io.chunkwise.model.fixtures.RowStatisticsContract;
import io.chunkwise.model.forward.ExecutorOptions;
import io.chunkwise.model.forward.ForwardExecutorProvider;
import io.chunkwise.model.kv.KvReservation;
import io.chunkwise.tornado.device.DeviceDirectory.Device;
import io.chunkwise.tornado.device.TestDevice;
import io.chunkwise.tornado.graph.KernelForm;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The contracts on the best device that is there, with the kernels that it gets by default. All of them open executors with the same
 * options where they can, so that they share them.
 */
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

    @Override
    public ExecutorOptions options() {
        return shared(false);
    }

    private static ExecutorOptions shared(boolean quantizable) {
        int context = KvPagesContract.CONTEXT;
        KvReservation kv = quantizable ? new KvReservation(context, context, context) : KvReservation.full(context);
        return new ExecutorOptions(context, KvPagesContract.ROWS, kv, Optional.empty(), 1, Progress.NONE);
    }

    @Nested
    class Pages implements KvPagesContract {
        @Override
        public ForwardExecutorProvider provider() {
            return provider;
        }

        @Override
        public ExecutorOptions options(KvReservation kv) {
            return shared(kv.quantizable());
        }

        /** For fewer models than elsewhere, because each one takes seconds to compile. */
        @Override
        @ParameterizedTest
        @MethodSource("io.chunkwise.model.fixtures.ModelCase#heads")
        public void aCacheKeptRotatedGivesTheLogitsOfOneThatIsNot(ModelCase model) {
            KvPagesContract.super.aCacheKeptRotatedGivesTheLogitsOfOneThatIsNot(model);
        }
    }

    @Nested
    class Statistics implements RowStatisticsContract {
        @Override
        public ForwardExecutorProvider provider() {
            return provider;
        }

        @Override
        public ExecutorOptions options(KvReservation kv) {
            return shared(kv.quantizable());
        }
    }
}
