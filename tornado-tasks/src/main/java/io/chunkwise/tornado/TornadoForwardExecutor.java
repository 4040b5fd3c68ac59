package io.chunkwise.tornado;

import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.forward.DeviceInfo;
import io.chunkwise.model.forward.ExecutorException;
import io.chunkwise.model.forward.ExecutorOptions;
import io.chunkwise.model.forward.ForwardExecutor;
import io.chunkwise.model.forward.LargestLogits;
import io.chunkwise.model.forward.OutputRequest;
import io.chunkwise.model.forward.PassLimits;
import io.chunkwise.model.forward.PassOutput;
import io.chunkwise.model.forward.PassResult;
import io.chunkwise.model.forward.RowStatistics;
import io.chunkwise.model.forward.Statistics;
import io.chunkwise.model.kv.KvPages;
import java.util.Collection;
import io.chunkwise.model.forward.TokenBatch;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.tornado.device.ControlBlock;
import io.chunkwise.tornado.device.DeviceAdapter;
import io.chunkwise.tornado.device.DeviceAdapter.Reservation;
import io.chunkwise.tornado.device.DeviceBuffers;
import io.chunkwise.tornado.device.DeviceDirectory.Device;
import io.chunkwise.tornado.device.DeviceWeights;
import io.chunkwise.tornado.device.MemoryBudget;
import io.chunkwise.tornado.device.SelfTest;
import io.chunkwise.tornado.graph.DeviceState;
import io.chunkwise.tornado.graph.DirectPasses;
import io.chunkwise.tornado.graph.KernelForm;
import io.chunkwise.tornado.graph.PassPlans;
import io.chunkwise.tornado.graph.Passes;
import io.chunkwise.tornado.kernels.HeadKernels;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Optional;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * Runs passes as TornadoVM task graphs. Weights, buffers and key/value cache stay on the device; per pass a control block goes
 * there, and what the {@link OutputRequest} asks for comes back. Everything is compiled by the first {@link #attach} or
 * {@link #run}, whichever comes first, and nothing after it.
 */
public final class TornadoForwardExecutor implements ForwardExecutor {
    private static final Logger LOG = LoggerFactory.getLogger(TornadoForwardExecutor.class);

    private final LlamaConfig config;
    private final ExecutorOptions options;
    private final DeviceInfo device;
    private final Function<DeviceState, Passes> plans;
    private final PassLimits limits;
    private DeviceState state;
    private Optional<Passes> made = Optional.empty();
    private Optional<Adapter> attached = Optional.empty();
    private int cachedPositions;

    private TornadoForwardExecutor(LlamaModel model, ExecutorOptions options, DeviceInfo device, Reservation reservation,
            Function<DeviceState, Passes> plans) {
        config = model.config();
        this.options = options;
        this.device = device;
        this.plans = plans;
        limits = new PassLimits(config.vocabSize(), options.contextLength(), options.rowCapacity());
        state = state(new DeviceWeights(config, model.weights(), options.progress()),
                new DeviceBuffers(config, options.rowCapacity(), options.contextLength()), reservation);
    }

    static TornadoForwardExecutor open(LlamaModel model, ExecutorOptions options, Device device) {
        SelfTest.run(device.handle());
        return open(model, options, device, KernelForm.of(device.handle().getDeviceType()), Reservation.NONE, false);
    }

    /**
     * Without self-test.
     *
     * @param form        of the kernels; need not be the best for the device
     * @param reservation room for adapters that need no new task graphs
     * @param profiled    whether {@link #compileNanos()} counts; passes are slower then
     */
    static TornadoForwardExecutor open(LlamaModel model, ExecutorOptions options, Device device, KernelForm form, Reservation reservation,
            boolean profiled) {
        TornadoForwardExecutor executor = new TornadoForwardExecutor(model, options, device.info(), reservation, state -> {
            MemoryBudget.of(device.handle()).check(state.arrays());
            PassPlans plans = new PassPlans(state, device.handle(), form, profiled, options.progress());
            LOG.debug("{} tasks per layer, {} kernels", plans.tasksPerLayer(), form);
            return plans;
        });
        MemoryBudget.of(device.handle()).check(executor.state.arrays());
        return executor;
    }

    /** The same wiring as plain Java calls, without TornadoVM's runtime. */
    static TornadoForwardExecutor direct(LlamaModel model, ExecutorOptions options) {
        return new TornadoForwardExecutor(model, options, new DeviceInfo("java", 0, "plain Java", DeviceInfo.Type.CPU,
                Runtime.getRuntime().maxMemory(), ""), Reservation.NONE, DirectPasses::new);
    }

    @Override
    public String name() {
        return "tornado";
    }

    @Override
    public DeviceInfo device() {
        return device;
    }

    @Override
    public int contextLength() {
        return options.contextLength();
    }

    @Override
    public int rowCapacity() {
        return options.rowCapacity();
    }

    /** Nanoseconds spent compiling since the plan was made; 0 unless opened as profiled. */
    long compileNanos() {
        return made.orElse(null) instanceof PassPlans compiled ? compiled.compileNanos() : 0;
    }

    int tasksPerLayer() {
        return made.orElse(null) instanceof PassPlans compiled ? compiled.tasksPerLayer() : 0;
    }

    /** An adapter that is larger than any before makes new task graphs, into which weights and cache are uploaded again. */
    @Override
    public void attach(Optional<Adapter> adapter) {
        adapter.ifPresent(candidate -> candidate.requireFits(config));
        Reservation wanted = adapter.map(Reservation::of).orElse(Reservation.NONE);
        if (!state.adapter().reservation().holds(wanted)) {
            reserve(state.adapter().reservation().with(wanted));
        }
        state.adapter().load(adapter);
        passes().uploadAdapter();
        attached = adapter;
    }

    @Override
    public void reserve(Collection<Adapter> adapters) {
        throw new UnsupportedOperationException("reserving for adapters");
    }

    @Override
    public KvPages kv() {
        throw new UnsupportedOperationException("pages of the KV cache");
    }

    @Override
    public PassResult run(TokenBatch batch, OutputRequest request, Statistics statistics) {
        if (statistics != Statistics.NONE) {
            throw new UnsupportedOperationException("statistics of rows");
        }
        return new PassResult(run(batch, request), RowStatistics.NONE);
    }

    @Override
    public PassOutput run(TokenBatch batch, OutputRequest request) {
        limits.check(batch, request, cachedPositions, attached);
        Passes passes = passes();
        int rows = batch.rows();
        ControlBlock control = state.control();
        control.describe(batch);
        // Should the device fail half-way, nothing from this position on can be trusted.
        cachedPositions = batch.position();
        passes.embed(rows);
        for (int layer = 0; layer < config.layers(); layer++) {
            control.layer(layer);
            passes.layer(rows);
        }
        cachedPositions = batch.position() + rows;
        return switch (request) {
            case OutputRequest.Nothing() -> new PassOutput.Nothing();
            case OutputRequest.LastLogits() -> new PassOutput.Logits(1, lastLogits(passes, rows));
            case OutputRequest.AllLogits() -> new PassOutput.Logits(rows, allLogits(passes, rows));
            case OutputRequest.LastTop(var count) -> top(passes, rows, Math.min(count, config.vocabSize()));
        };
    }

    @Override
    public void close() {
        made.ifPresent(Passes::close);
        made = Optional.empty();
    }

    private float[] lastLogits(Passes passes, int rows) {
        state.control().rows(rows - 1, 1);
        passes.lastHead();
        passes.fetchLastLogits();
        return copy(state.buffers().lastLogits(), config.vocabSize());
    }

    private float[] allLogits(Passes passes, int rows) {
        int vocab = config.vocabSize();
        float[] logits = new float[rows * vocab];
        int step = Math.min(options.rowCapacity(), DeviceBuffers.LOGIT_ROWS);
        for (int first = 0; first < rows; first += step) {
            int some = Math.min(step, rows - first);
            state.control().rows(first, some);
            passes.rowHead(some);
            passes.fetchRowLogits();
            MemorySegment.copy(state.buffers().rowLogits().getSegment(), 0, MemorySegment.ofArray(logits), 4L * first * vocab,
                    4L * some * vocab);
        }
        return logits;
    }

    // Up to TOP_CAPACITY on the device; more are rarely wanted, and selected here from all logits.
    private PassOutput.Top top(Passes passes, int rows, int count) {
        if (count > HeadKernels.TOP_CAPACITY) {
            return LargestLogits.top(lastLogits(passes, rows), count);
        }
        state.control().rows(rows - 1, 1);
        state.control().top(count);
        passes.lastHead();
        passes.top();
        int[] ids = Arrays.copyOf(state.buffers().topIds().toHeapArray(), count);
        if (ids[count - 1] == HeadKernels.NOBODY) {
            throw new ExecutorException("some logits are not numbers: the weights or the adapter are damaged");
        }
        return new PassOutput.Top(ids, copy(state.buffers().topLogits(), count));
    }

    private void reserve(Reservation reservation) {
        if (made.isPresent()) {
            LOG.info("an adapter needs rank {} in {} groups, more than any before: making new task graphs", reservation.rank(),
                    reservation.groups());
            made.get().fetchCache();
            made.get().close();
            made = Optional.empty();
        }
        state = state(state.weights(), state.buffers(), reservation);
    }

    // Made late, so that an executor that gets an adapter at once compiles once.
    private Passes passes() {
        if (made.isEmpty()) {
            made = Optional.of(plans.apply(state));
        }
        return made.get();
    }

    private DeviceState state(DeviceWeights weights, DeviceBuffers buffers, Reservation reservation) {
        return new DeviceState(config, weights, buffers, new DeviceAdapter(config.layers(), options.rowCapacity(), reservation),
                new ControlBlock(options.rowCapacity(), reservation.groups()), options.contextLength(), options.rowCapacity());
    }

    private static float[] copy(FloatArray array, int count) {
        float[] values = new float[count];
        MemorySegment.copy(array.getSegment(), 0, MemorySegment.ofArray(values), 0, 4L * count);
        return values;
    }
}
