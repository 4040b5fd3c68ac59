package io.chunkwise.tornado;

import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.forward.ExecutorCounters;
import io.chunkwise.model.forward.ExecutorCounters.KernelTime;
import io.chunkwise.model.forward.ExecutorOptions;
import io.chunkwise.model.forward.WeightRole;
import io.chunkwise.model.kv.KvFormat;
import io.chunkwise.model.kv.KvPage;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.tornado.device.ControlBlock;
import io.chunkwise.tornado.device.DeviceAdapter;
import io.chunkwise.tornado.device.DeviceAdapter.Reservation;
import io.chunkwise.tornado.device.DeviceBuffers;
import io.chunkwise.tornado.device.DeviceWeights;
import io.chunkwise.tornado.device.KvPools;
import io.chunkwise.tornado.device.KvPools.Slots;
import io.chunkwise.tornado.device.TensorBuffers;
import io.chunkwise.tornado.device.WeightLayout;
import io.chunkwise.tornado.graph.DeviceState;
import io.chunkwise.tornado.graph.KernelTimes;
import io.chunkwise.tornado.graph.Passes;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The arrays of an executor and the task graphs over them. Sizes are compiled into task graphs, so that what outgrows its room makes
 * new ones, into which everything is uploaded again; the KV cache survives that.
 */
final class DeviceSession implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(DeviceSession.class);

    private final LlamaConfig config;
    private final ExecutorOptions options;
    private final TensorType base; // number format of the projections
    private final boolean tensorCores;
    private final Function<DeviceState, Passes> plans;
    private DeviceState state;
    private Optional<Passes> made = Optional.empty();
    private Optional<Adapter> attached = Optional.empty();
    private long earlierLaunches; // of task graphs that were made anew since
    private long earlierCompileNanos;
    private long earlierUploadNanos;
    private List<KernelTime> earlierKernels = List.of();
    private long peakBytes;

    DeviceSession(LlamaModel model, ExecutorOptions options, WeightLayout layout, boolean tensorCores,
            Reservation reservation, Function<DeviceState, Passes> plans) {
        config = model.config();
        this.options = options;
        this.plans = plans;
        this.tensorCores = tensorCores;
        base = model.weights().get(WeightRole.QUERY, 0).type();
        Slots slots = Slots.of(options.kv(), config.layers(), options.contextLength(), options.rowCapacity());
        state = new DeviceState(config, options.kv().quantizable(),
                new DeviceWeights(config, model.weights(), layout, options.progress()),
                new DeviceBuffers(config, options.rowCapacity(), options.contextLength()),
                KvPools.of(config, options.contextLength(), slots, options.kv().type()), adapter(reservation), tensors(reservation),
                control(reservation), options.rowCapacity());
    }

    DeviceState state() {
        return state;
    }

    /** Made late, so that an executor that gets an adapter at once compiles once. */
    Passes passes() {
        if (made.isEmpty()) {
            made = Optional.of(plans.apply(state));
            peakBytes = Math.max(peakBytes, made.get().deviceBytes());
        }
        return made.get();
    }

    Optional<Passes> made() {
        return made;
    }

    Optional<Adapter> attached() {
        return attached;
    }

    void attach(Optional<Adapter> adapter) {
        reserve(adapter.map(Reservation::of).orElse(Reservation.NONE));
        state.adapter().load(adapter);
        // New task graphs upload it by themselves.
        boolean fresh = made.isEmpty();
        Passes passes = passes();
        if (!fresh) {
            passes.uploadAdapter();
        }
        attached = adapter;
    }

    /** Makes room for an adapter of this size. */
    void reserve(Reservation wanted) {
        Reservation before = state.adapter().reservation();
        if (before.holds(wanted)) {
            return;
        }
        Reservation larger = before.with(wanted);
        if (made.isPresent()) {
            LOG.info("an adapter needs rank {} in {} groups, more than any before: making new task graphs", larger.rank(),
                    larger.groups());
        }
        DeviceAdapter adapter = adapter(larger);
        adapter.load(attached);
        replace(state.with(adapter, tensors(larger), control(larger)));
    }

    /** Makes room for so many slots of a format. */
    void reserve(KvFormat format, int slots) {
        Slots before = state.pools().slots();
        if (slots <= before.of(format)) {
            return;
        }
        int most = config.layers() * KvPage.count(options.contextLength());
        long half = Math.max(before.of(format) / 2, config.layers());
        int larger = (int) Math.min(most, Math.max(slots, before.of(format) + half));
        if (made.isPresent()) {
            LOG.info("the KV cache needs {} {} pages, there is room for {}: making new task graphs with room for {}", slots, format,
                    before.of(format), larger);
            // The larger pool is filled from what the device has now.
            made.get().fetchCache();
        }
        replace(state.with(state.pools().grown(config, before.with(format, larger))));
    }

    boolean tensorCores() {
        return tensorCores;
    }

    ExecutorCounters counters() {
        return new ExecutorCounters(earlierLaunches + made.map(Passes::launches).orElse(0L), peakBytes,
                earlierCompileNanos + made.map(Passes::compileNanos).orElse(0L),
                earlierUploadNanos + made.map(Passes::uploadNanos).orElse(0L), kernels());
    }

    @Override
    public void close() {
        made.ifPresent(passes -> {
            earlierLaunches += passes.launches();
            earlierCompileNanos += passes.compileNanos();
            earlierUploadNanos += passes.uploadNanos();
            earlierKernels = kernels();
            passes.close();
        });
        made = Optional.empty();
    }

    private List<KernelTime> kernels() {
        return KernelTimes.sum(earlierKernels, made.map(Passes::kernels).orElse(List.of()));
    }

    private void replace(DeviceState larger) {
        if (made.isPresent() && larger.pools() == state.pools()) {
            made.get().fetchCache();
        }
        close();
        state = larger;
    }

    private DeviceAdapter adapter(Reservation reservation) {
        return DeviceAdapter.of(config, options.rowCapacity(), reservation, options.adapters(), base);
    }

    private TensorBuffers tensors(Reservation reservation) {
        return tensorCores ? TensorBuffers.of(config, options.rowCapacity(), reservation.rank()) : TensorBuffers.none();
    }

    private ControlBlock control(Reservation reservation) {
        return new ControlBlock(options.rowCapacity(), reservation.groups(), KvPage.count(options.contextLength()), config.slidingWindow());
    }
}
