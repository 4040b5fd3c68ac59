package io.chunkwise.tornado;

import io.chunkwise.model.Progress;
import io.chunkwise.model.fixtures.ForwardExecutorContract;
import io.chunkwise.model.fixtures.KvPagesContract;
import io.chunkwise.model.fixtures.ModelCase;
import io.chunkwise.model.fixtures.RowStatisticsContract;
import io.chunkwise.model.forward.AdapterExecution;
import io.chunkwise.model.forward.ExecutorOptions;
import io.chunkwise.model.forward.ForwardExecutorProvider;
import io.chunkwise.model.kv.KvReservation;
import io.chunkwise.tornado.device.DeviceDirectory.Device;
import io.chunkwise.tornado.device.TestDevice;
import io.chunkwise.tornado.graph.KernelForm;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The contracts on the best device that is there, with the kernels that it gets by default. An executor takes seconds to compile, so that
 * all tests share those with a quantizable cache, unless they close gaps: those have all the tasks that the others have.
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
        return shared(true);
    }

    private static ExecutorOptions shared(boolean quantizable) {
        int context = KvPagesContract.CONTEXT;
        KvReservation kv = quantizable ? new KvReservation(context, context, context) : KvReservation.full(context);
        return new ExecutorOptions(context, KvPagesContract.ROWS, kv, Optional.empty(), 1, Progress.NONE).with(AdapterExecution.EXACT);
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

        // The following for fewer models than elsewhere, because they need executors of their own.

        @Override
        @ParameterizedTest
        @ValueSource(booleans = true)
        public void evictedPositionsAreAsIfTheyHadNeverBeen(boolean quantizable) {
            KvPagesContract.super.evictedPositionsAreAsIfTheyHadNeverBeen(quantizable);
        }

        @Override
        @ParameterizedTest
        @MethodSource("io.chunkwise.tornado.DeviceExecutorTest#ofBothPairings")
        public void whatLiesBehindAGapMovesDown(ModelCase model) {
            KvPagesContract.super.whatLiesBehindAGapMovesDown(model);
        }
    }

    static Stream<ModelCase> ofBothPairings() {
        return ModelCase.heads().filter(model -> Set.of("3 key heads of 20", "1 key head of 12").contains(model.name()));
    }

    @Nested
    class Statistics implements RowStatisticsContract {
        @Override
        public ForwardExecutorProvider provider() {
            return provider;
        }

        @Override
        public ExecutorOptions options(KvReservation kv) {
            return shared(true);
        }
    }
}
