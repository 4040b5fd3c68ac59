package io.chunkwise.tornado;

import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.forward.ActivationFormat;
import io.chunkwise.model.forward.AdapterExecution;
import io.chunkwise.model.forward.DeviceInfo;
import io.chunkwise.model.forward.ExecutorCounters;
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
import io.chunkwise.model.forward.TokenBatch;
import io.chunkwise.model.kv.KvPages;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.tornado.device.ControlBlock;
import io.chunkwise.tornado.device.DeviceAdapter;
import io.chunkwise.tornado.device.DeviceAdapter.Reservation;
import io.chunkwise.tornado.device.DeviceBuffers;
import io.chunkwise.tornado.device.DeviceDirectory.Device;
import io.chunkwise.tornado.device.MemoryBudget;
import io.chunkwise.tornado.device.SelfTest;
import io.chunkwise.tornado.device.TensorCores;
import io.chunkwise.tornado.device.WeightLayout;
import io.chunkwise.tornado.graph.DeviceState;
import io.chunkwise.tornado.graph.DirectPasses;
import io.chunkwise.tornado.graph.KernelForm;
import io.chunkwise.tornado.graph.PassPlans;
import io.chunkwise.tornado.graph.Passes;
import io.chunkwise.tornado.kernels.HeadKernels;
import io.chunkwise.tornado.kernels.StatisticsKernels;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Collection;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/**
 * Runs passes as TornadoVM task graphs. Weights, buffers and KV cache stay on the device; per pass a control block goes there, and
 * what the {@link OutputRequest} asks for comes back. Everything is compiled by the first {@link #attach} or {@link #run}, whichever
 * comes first, and nothing after it, unless an adapter or the KV cache outgrows what was reserved.
 */
public final class TornadoForwardExecutor implements ForwardExecutor {
    private static final Logger LOG = LoggerFactory.getLogger(TornadoForwardExecutor.class);

    /** Those that can capture task graphs. */
    private static final Set<String> CUDA_BACKENDS = Set.of("ptx", "cuda");

    private final LlamaConfig config;
    private final ExecutorOptions options;
    private final DeviceInfo device;
    private final PassLimits limits;
    private final DeviceSession session;
    private final DeviceKvPages pages;

    private TornadoForwardExecutor(LlamaModel model, ExecutorOptions options, DeviceInfo device, WeightLayout layout,
            boolean tensorCores, Reservation reservation, Function<DeviceState, Passes> plans) {
        config = model.config();
        this.options = options;
        this.device = device;
        limits = new PassLimits(config.vocabSize(), options.contextLength(), options.rowCapacity());
        session = new DeviceSession(model, options, layout, tensorCores, reservation, plans);
        pages = new DeviceKvPages(config, options.contextLength(), options.kv(), session);
    }

    static TornadoForwardExecutor open(LlamaModel model, ExecutorOptions options, Device device) {
        if (options.cudaGraphs()) {
            requireCudaGraphs(device.info(), options);
        }
        requireSupported(options.adapters(), model.config());
        if (options.activations() == ActivationFormat.INTEGER) {
            throw new ExecutorException("executor 'tornado' computes with float activations only; leave --activations out, "
                    + "or use --executor cpu");
        }
        SelfTest.run(device.handle());
        return open(model, options, device, KernelForm.of(device.handle().getDeviceType()), Reservation.NONE, options.profiled());
    }

    /**
     * Without self-test.
     *
     * @param form        of the kernels; need not be the best for the device
     * @param reservation room for adapters that need no new task graphs
     * @param profiled    whether {@link #compilerNanos()} counts; passes are slower then
     */
    static TornadoForwardExecutor open(LlamaModel model, ExecutorOptions options, Device device, KernelForm form, Reservation reservation,
            boolean profiled) {
        WeightLayout layout = switch (form) {
            case THREADED -> WeightLayout.THREADED;
            case GROUPED -> WeightLayout.grouped(device.info());
        };
        boolean tensorCores = form == KernelForm.GROUPED && options.tensorCores()
                && PassPlans.hasTiles(device.handle(), options.rowCapacity()) && TensorCores.of(device);
        TornadoForwardExecutor executor = new TornadoForwardExecutor(model, options, device.info(), layout, tensorCores,
                reservation, state -> {
            MemoryBudget.of(device.handle()).check(state.arrays());
            PassPlans plans = new PassPlans(state, device.handle(), form, options.profiled(profiled));
            LOG.debug("{} tasks per layer, {} kernels", plans.tasksPerLayer(), form);
            return plans;
        });
        MemoryBudget.of(device.handle()).check(executor.session.state().arrays());
        return executor;
    }

    /** @throws ExecutorException if components cannot be kept as these options want them */
    static void requireSupported(AdapterExecution adapters, LlamaConfig config) {
        TensorType type = adapters.type().orElse(TensorType.F32);
        if (type != TensorType.F32 && type != TensorType.Q8_0) {
            throw new ExecutorException("the tornado executor keeps adapters in f32 or q8_0, not in " + type.name().toLowerCase(Locale.ROOT)
                    + ": use --adapter-type auto, f32 or q8_0, or --executor cpu");
        }
        if (type == TensorType.Q8_0 && !DeviceAdapter.isInBlocks(config)) {
            throw new ExecutorException("the tornado executor keeps adapters in q8_0 only where heads (" + config.headDim()
                    + "), hidden size (" + config.hiddenSize() + ") and feed-forward size (" + config.ffnSize()
                    + ") are multiples of 32: use --adapter-type f32");
        }
    }

    // TornadoVM would fail in the middle of the first pass, and only if it may not fall back.
    static void requireCudaGraphs(DeviceInfo device, ExecutorOptions options) {
        if (!CUDA_BACKENDS.contains(device.backend())) {
            throw new ExecutorException("device '" + device.selector() + "' (" + device.name() + ") can't capture CUDA graphs: its backend"
                    + " is " + device.backend() + ". Choose a --device of ptx or cuda, or leave out --cuda-graphs.");
        }
        if (options.profiled()) {
            throw new ExecutorException("kernels of CUDA graphs can't be timed one by one: profile without --cuda-graphs");
        }
    }

    /** The same wiring as plain Java calls, without TornadoVM's runtime. */
    static TornadoForwardExecutor direct(LlamaModel model, ExecutorOptions options) {
        return new TornadoForwardExecutor(model, options, new DeviceInfo("java", 0, "plain Java", DeviceInfo.Type.CPU,
                Runtime.getRuntime().maxMemory(), ""), WeightLayout.THREADED, false, Reservation.NONE, DirectPasses::new);
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

    /** Nanoseconds that compilers say they took since the plan was made; 0 unless opened as profiled. */
    long compilerNanos() {
        return session.made().orElse(null) instanceof PassPlans compiled ? compiled.compilerNanos() : 0;
    }

    @Override
    public ActivationFormat activations() {
        return ActivationFormat.FLOAT;
    }

    @Override
    public boolean tensorCores() {
        return session.tensorCores();
    }

    @Override
    public TensorType componentType(TensorType base) {
        return session.state().adapter().componentType();
    }

    @Override
    public ExecutorCounters counters() {
        return session.counters();
    }

    int tasksPerLayer() {
        return session.made().orElse(null) instanceof PassPlans compiled ? compiled.tasksPerLayer() : 0;
    }

    /** Before the first pass this costs nothing; afterwards, adapters larger than any before make new task graphs. */
    @Override
    public void reserve(Collection<Adapter> adapters) {
        adapters.forEach(adapter -> adapter.requireFits(config));
        session.reserve(adapters.stream().map(Reservation::of).reduce(Reservation.NONE, Reservation::with));
    }

    /** An adapter that is larger than any before makes new task graphs, into which weights and cache are uploaded again. */
    @Override
    public void attach(Optional<Adapter> adapter) {
        adapter.ifPresent(candidate -> candidate.requireFits(config));
        session.attach(adapter);
    }

    @Override
    public KvPages kv() {
        return pages;
    }

    /** Forgets the sequence, as a pass that starts a new one does. */
    void forget() {
        pages.clear();
    }

    @Override
    public PassResult run(TokenBatch batch, OutputRequest request, Statistics statistics) {
        limits.check(batch, request, pages.filled(), session.attached());
        pages.begin(batch, limits);
        Passes passes = session.passes();
        int rows = batch.rows();
        int activeRank = session.state().adapter().activeRank(batch.activeGroups());
        control().describe(batch, activeRank, statistics == Statistics.NONE ? -1 : session.state().forward().probeLayer());
        passes.embed(rows);
        for (int layer = 0; layer < config.layers(); layer++) {
            control().layer(layer);
            passes.layer(rows, activeRank);
        }
        pages.fill(batch.position() + rows);
        return head(passes, rows, request, statistics);
    }

    @Override
    public void close() {
        session.close();
    }

    private PassResult head(Passes passes, int rows, OutputRequest request, Statistics statistics) {
        RowStatistics described = RowStatistics.NONE;
        float[] logits = new float[0];
        boolean everyLogit = request instanceof OutputRequest.AllLogits;
        boolean everyRow = everyLogit || statistics == Statistics.ALL_ROWS;
        if (everyRow) {
            logits = new float[everyLogit ? rows * config.vocabSize() : 0];
            described = everyRow(passes, rows, logits, statistics);
        }
        boolean lastOutput = request instanceof OutputRequest.LastLogits || request instanceof OutputRequest.LastTop;
        if (lastOutput || statistics == Statistics.LAST_ROW && !everyRow) {
            control().rows(rows - 1, 1);
            passes.head(1);
            if (statistics == Statistics.LAST_ROW) {
                passes.statistics(1);
                described = described(1);
            }
        }
        return new PassResult(switch (request) {
            case OutputRequest.Nothing() -> new PassOutput.Nothing();
            case OutputRequest.LastLogits() -> new PassOutput.Logits(1, lastLogits(passes));
            case OutputRequest.AllLogits() -> new PassOutput.Logits(rows, logits);
            case OutputRequest.LastTop(var count) -> top(passes, Math.min(count, config.vocabSize()));
        }, described);
    }

    /**
     * The head in pieces of {@code LOGIT_ROWS}.
     *
     * @param logits [rows, vocab] to fill; empty where they are not wanted
     */
    private RowStatistics everyRow(Passes passes, int rows, float[] logits, Statistics statistics) {
        int rowBytes = 4 * config.vocabSize();
        int step = Math.min(options.rowCapacity(), DeviceBuffers.LOGIT_ROWS);
        float[] nextToken = new float[rows];
        float[] attention = new float[rows];
        for (int first = 0; first < rows; first += step) {
            int some = Math.min(step, rows - first);
            control().rows(first, some);
            passes.head(some);
            if (statistics != Statistics.NONE) {
                passes.statistics(some);
                RowStatistics described = described(some);
                System.arraycopy(described.nextTokenEntropy(), 0, nextToken, first, some);
                System.arraycopy(described.attentionEntropy(), 0, attention, first, some);
            }
            if (logits.length > 0) {
                passes.fetchRowLogits();
                MemorySegment.copy(session.state().buffers().rowLogits().getSegment(), 0, MemorySegment.ofArray(logits),
                        (long) first * rowBytes, (long) some * rowBytes);
            }
        }
        return switch (statistics) {
            case NONE -> RowStatistics.NONE;
            case LAST_ROW -> new RowStatistics(new float[] {nextToken[rows - 1]}, new float[] {attention[rows - 1]});
            case ALL_ROWS -> new RowStatistics(nextToken, attention);
        };
    }

    private RowStatistics described(int rows) {
        FloatArray statistics = session.state().buffers().statistics();
        float[] nextToken = new float[rows];
        float[] attention = new float[rows];
        for (int row = 0; row < rows; row++) {
            nextToken[row] = statistics.get(row * StatisticsKernels.RESULT);
            attention[row] = statistics.get(row * StatisticsKernels.RESULT + 1);
        }
        return new RowStatistics(nextToken, attention);
    }

    private float[] lastLogits(Passes passes) {
        passes.lastLogits();
        return copy(session.state().buffers().lastLogits(), config.vocabSize());
    }

    // Up to TOP_CAPACITY on the device; more are rarely wanted, and selected here from all logits.
    private PassOutput.Top top(Passes passes, int count) {
        if (count > HeadKernels.TOP_CAPACITY) {
            return LargestLogits.top(lastLogits(passes), count);
        }
        control().top(count);
        passes.top();
        DeviceBuffers buffers = session.state().buffers();
        int[] ids = Arrays.copyOf(buffers.topIds().toHeapArray(), count);
        if (ids[count - 1] == HeadKernels.NOBODY) {
            throw new ExecutorException("some logits are not numbers: the weights or the adapter are damaged");
        }
        return new PassOutput.Top(ids, copy(buffers.topLogits(), count));
    }

    private ControlBlock control() {
        return session.state().control();
    }

    private static float[] copy(FloatArray array, int count) {
        float[] values = new float[count];
        MemorySegment.copy(array.getSegment(), 0, MemorySegment.ofArray(values), 0, 4L * count);
        return values;
    }
}
