package io.chunkwise.tornado.graph;

import io.chunkwise.model.Progress;
import io.chunkwise.model.forward.ExecutorCounters.KernelTime;
import io.chunkwise.model.forward.ExecutorException;
import io.chunkwise.model.forward.ExecutorOptions;
import io.chunkwise.model.forward.LlamaForward;
import io.chunkwise.tornado.device.ControlBlock;
import io.chunkwise.tornado.device.DeviceBuffers;
import io.chunkwise.tornado.device.RandomFill;
import io.chunkwise.tornado.device.Reason;
import io.chunkwise.tornado.device.TaskGraphs;
import io.chunkwise.tornado.graph.Launch.Work;
import io.chunkwise.tornado.kernels.Jobs;
import io.chunkwise.tornado.kernels.ProjectionKernels;
import io.chunkwise.tornado.kernels.TouchKernels;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.ImmutableTaskGraph;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.TornadoExecutionResult;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.enums.ProfilerMode;
import uk.ac.manchester.tornado.api.exceptions.TornadoInternalError;
import uk.ac.manchester.tornado.api.exceptions.TornadoOutOfMemoryException;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * The task graphs of an executor in one execution plan, all compiled when it is made. One layer graph serves all layers and all
 * numbers of rows: layer, rows, pages and adapter are read from arrays, only grid sizes are set anew. Where kernels are in grouped form,
 * passes of many rows have a layer graph of their own, whose projections are matrix products in tiles.
 *
 * <p>Buffers pass only from one executed graph to the next, so every graph takes over all shared arrays from the one before and
 * leaves all of them to the next. The init graph uploads them first; the adapter graph uploads the adapter, again and again. The page
 * table is changed by a task that reads a list of changes, so that it belongs to no graph either.
 *
 * <p>With CUDA graphs, what a pass of one row executes is captured when it runs first, which freezes grids, addresses and kernels: such
 * passes have graphs of their own, with grids for one row and all components that an adapter may have, and threads that are too many
 * return early. Passes of more rows are not captured, so that their grids fit. Written from TornadoVM's source; it needs its PTX or
 * CUDA backend.
 */
public final class PassPlans implements Passes {
    private enum Step {
        INIT, ADAPTER, TABLE, EMBED, LAYER, LAYER_TILES, HEAD, STATISTICS, TOP, LAST_LOGITS, MEASURE, QUANTIZE, TURN, EMBED_ROW, LAYER_ROW,
        HEAD_ROW
    }

    /** Those whose grids never change: only they may be captured. */
    private static final Set<Step> CAPTURABLE = EnumSet.of(Step.EMBED_ROW, Step.LAYER_ROW, Step.HEAD_ROW, Step.TOP, Step.LAST_LOGITS);

    private final DeviceState state;
    private final TornadoDevice device;
    private final int maxLocal;
    private final List<TornadoNativeArray> relayed;
    /** In the order of the plan's graphs. */
    private final List<Step> steps = new ArrayList<>();
    private final List<ImmutableTaskGraph> graphs = new ArrayList<>();
    private final Map<Step, RecordingSink> sinks = new EnumMap<>(Step.class);
    private final TornadoExecutionPlan plan;
    private final boolean profiled;
    private final boolean captured;
    private long ownBytes; // of arrays that single graphs have for themselves
    private Step executed;
    private long compilerNanos;
    private long compileNanos;
    private long uploadNanos;
    private long launches;
    private TornadoExecutionResult last;

    /**
     * Builds and compiles all graphs, and uploads everything.
     *
     * @param options row capacity; whether kernels are timed and graphs captured; progress
     * @throws ExecutorException if the device or its compiler fails
     */
    public PassPlans(DeviceState state, TornadoDevice device, KernelForm form, ExecutorOptions options) {
        this.state = state;
        profiled = options.profiled();
        captured = options.cudaGraphs();
        relayed = state.arrays();
        this.device = device;
        maxLocal = maxLocal(device);
        Set<TornadoNativeArray> shared = new LinkedHashSet<>(relayed);
        state.adapter().arrays().forEach(shared::remove);
        initGraph(shared);
        adapterGraph(state.adapter().arrays(), shared);
        wire(new LayerGraphBuilder(state, form), form);

        plan = new TornadoExecutionPlan(graphs.toArray(ImmutableTaskGraph[]::new));
        GridScheduler scheduler = new GridScheduler();
        sinks.values().forEach(sink -> sink.register(scheduler));
        plan.withDevice(device);
        plan.withGridScheduler(scheduler);
        if (profiled) {
            plan.withProfiler(ProfilerMode.SILENT);
        }
        try {
            compile(options.progress());
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    /** Whether, with kernels in grouped form, passes of many rows are products in tiles. */
    public static boolean hasTiles(TornadoDevice device, int rowCapacity) {
        return maxLocal(device) >= ProjectionKernels.TILE_THREADS && rowCapacity >= ProjectionKernels.LEAST_TILE_ROWS;
    }

    private static int maxLocal(TornadoDevice device) {
        return (int) Math.min(Integer.MAX_VALUE, device.getPhysicalDevice().getDeviceMaxWorkGroupSize()[0]);
    }

    private void wire(LayerGraphBuilder builder, KernelForm form) {
        LlamaForward forward = state.forward();
        DeviceBuffers buffers = state.buffers();
        ControlBlock control = state.control();
        int rank = state.adapter().reservation().rank();
        List<TornadoNativeArray> gains = List.of(control.gains());
        List<TornadoNativeArray> jobs = List.of(control.jobs());
        Work most = new Work(state.rowCapacity(), rank);
        Work logitRows = new Work(Math.min(state.rowCapacity(), DeviceBuffers.LOGIT_ROWS), 1);
        Work mostJobs = new Work(Jobs.CAPACITY, 1);
        graph(Step.TABLE, jobs, List.of(), mostJobs, builder.pages()::updateTable);
        graph(Step.EMBED, List.of(), List.of(), most, sink -> builder.wire(forward.embedding(), sink, null));
        graph(Step.LAYER, gains, List.of(), most, sink -> builder.wire(forward.layer(), sink, null));
        if (form == KernelForm.GROUPED && hasTiles(device, state.rowCapacity())) {
            graph(Step.LAYER_TILES, gains, List.of(), most, sink -> builder.wireTiles(forward.layer(), sink));
        }
        graph(Step.HEAD, List.of(), List.of(), logitRows, sink -> builder.wire(forward.head(), sink, buffers.rowLogits()));
        graph(Step.STATISTICS, List.of(), List.of(buffers.statistics()), logitRows, builder::wireStatistics);
        graph(Step.TOP, List.of(), List.of(buffers.topLogits(), buffers.topIds()), Work.LEAST, builder::wireTop);
        graph(Step.LAST_LOGITS, List.of(), List.of(buffers.lastLogits()), Work.LEAST, builder::wireLastLogits);
        graph(Step.MEASURE, jobs, List.of(buffers.measurement().result()), mostJobs, builder.pages()::measure);
        if (state.quantizable()) {
            graph(Step.QUANTIZE, jobs, List.of(), mostJobs, builder.pages()::quantize);
        } else {
            graph(Step.TURN, jobs, List.of(), mostJobs, builder.pages()::turnKeysBack);
        }
        if (captured) {
            Work row = new Work(1, rank);
            graph(Step.EMBED_ROW, List.of(), List.of(), row, sink -> builder.wire(forward.embedding(), sink, null));
            graph(Step.LAYER_ROW, gains, List.of(), row, sink -> builder.wire(forward.layer(), sink, null));
            graph(Step.HEAD_ROW, List.of(), List.of(), row, sink -> builder.wire(forward.head(), sink, buffers.rowLogits()));
            List.of(Step.EMBED_ROW, Step.LAYER_ROW, Step.HEAD_ROW).forEach(step -> sinks.get(step).size(row));
        }
    }

    /** Nanoseconds that TornadoVM says its compiler and the driver's took so far; 0 unless profiled. */
    public long compilerNanos() {
        return compilerNanos;
    }

    @Override
    public long launches() {
        return launches;
    }

    @Override
    public long compileNanos() {
        return compileNanos;
    }

    @Override
    public long uploadNanos() {
        return uploadNanos;
    }

    @Override
    public List<KernelTime> kernels() {
        if (!profiled) {
            return List.of();
        }
        KernelTimes times = new KernelTimes();
        for (Step step : steps) {
            // A result speaks of the graph that is selected.
            plan.withGraph(steps.indexOf(step));
            times.add(last.getProfilerResult().getProfileLog());
        }
        plan.withGraph(steps.indexOf(executed));
        return times.all();
    }

    @Override
    public long deviceBytes() {
        return ownBytes + bytes(relayed);
    }

    /** Tasks of the layer graph. */
    public int tasksPerLayer() {
        return sinks.get(Step.LAYER).tasks();
    }

    @Override
    public void uploadAdapter() {
        long started = System.nanoTime();
        execute(Step.ADAPTER, Work.LEAST);
        uploadNanos += System.nanoTime() - started;
    }

    @Override
    public void updateTable() {
        execute(Step.TABLE, jobs());
    }

    @Override
    public void embed(int rows) {
        execute(captured && rows == 1 ? Step.EMBED_ROW : Step.EMBED, new Work(rows, 1));
    }

    @Override
    public void layer(int rows, int activeRank) {
        Step many = rows >= ProjectionKernels.LEAST_TILE_ROWS && sinks.containsKey(Step.LAYER_TILES) ? Step.LAYER_TILES : Step.LAYER;
        execute(captured && rows == 1 ? Step.LAYER_ROW : many, new Work(rows, activeRank));
    }

    @Override
    public void head(int rows) {
        execute(captured && rows == 1 ? Step.HEAD_ROW : Step.HEAD, new Work(rows, 1));
    }

    @Override
    public void statistics(int rows) {
        execute(Step.STATISTICS, new Work(rows, 1));
    }

    @Override
    public void top() {
        execute(Step.TOP, Work.LEAST);
    }

    @Override
    public void lastLogits() {
        execute(Step.LAST_LOGITS, Work.LEAST);
    }

    @Override
    public void fetchRowLogits() {
        transfer(List.of(state.buffers().rowLogits()));
    }

    @Override
    public void measure() {
        execute(Step.MEASURE, jobs());
    }

    @Override
    public void quantize() {
        execute(Step.QUANTIZE, jobs());
    }

    @Override
    public void turnKeysBack() {
        execute(Step.TURN, jobs());
    }

    @Override
    public void fetchCache() {
        // A step that changes nothing, so that there is an execution to fetch from.
        state.control().rows(0, 0);
        execute(Step.EMBED, Work.LEAST);
        transfer(state.pools().contents());
    }

    /** Frees the device memory graph by graph; a buffer that an earlier graph has freed already is reported by an error. */
    @Override
    public void close() {
        for (int graph = 0; graph < steps.size(); graph++) {
            try {
                plan.withGraph(graph).freeDeviceMemory();
            } catch (TornadoInternalError e) {
                // Relayed buffers belong to every graph; the first one has freed them.
            }
        }
    }

    // A pass of no rows, and a list of no jobs, compiles every kernel and computes nothing.
    private void compile(Progress progress) {
        state.control().rows(0, 0);
        state.control().layer(0);
        state.control().top(1);
        state.control().noJobs();
        for (int done = 0; done < steps.size(); done++) {
            progress.report("compiling kernels", done, steps.size());
            Step step = steps.get(done);
            long started = System.nanoTime();
            if (step == Step.INIT) {
                state.weights().bringToHost();
            }
            if (captured && CAPTURABLE.contains(step)) {
                plan.withGraph(done).withCUDAGraph();
            }
            execute(step, Work.LEAST);
            if (step == Step.INIT) {
                state.weights().leaveHost();
            }
            long took = System.nanoTime() - started;
            switch (step) {
                case INIT, ADAPTER -> uploadNanos += took; // with a small kernel for each type of array
                case TABLE, EMBED, LAYER, LAYER_TILES, HEAD, STATISTICS, TOP, LAST_LOGITS, MEASURE, QUANTIZE, TURN, EMBED_ROW, LAYER_ROW,
                        HEAD_ROW -> compileNanos += took;
            }
        }
        launches = 0;
        progress.report("compiling kernels", steps.size(), steps.size());
    }

    private Work jobs() {
        return new Work(state.control().jobCount(), 1);
    }

    private void execute(Step step, Work work) {
        RecordingSink sink = sinks.get(step);
        if (sink != null) {
            if (!captured || !CAPTURABLE.contains(step)) {
                sink.size(work);
            }
            launches += sink.tasks();
        }
        try {
            // Always from the root: plans that are chained remember every link.
            last = plan.withGraph(steps.indexOf(step)).execute();
            executed = step;
        } catch (RuntimeException | Error e) {
            throw failure(name(step), e);
        }
        if (profiled) {
            compilerNanos += last.getProfilerResult().getCompileTime();
        }
    }

    // Only what the last executed graph has left on the device can be brought back.
    private void transfer(List<? extends TornadoNativeArray> arrays) {
        try {
            for (TornadoNativeArray array : arrays) {
                last.transferToHost(array);
            }
        } catch (RuntimeException | Error e) {
            throw failure("transfer", e);
        }
    }

    private static ExecutorException failure(String graph, Throwable e) {
        Reason reason = Reason.of(e);
        String advice = reason.root() instanceof TornadoOutOfMemoryException
                ? " Close other executors, start with a larger -Dtornado.device.memory, or use --executor cpu."
                : " Try another --device, or --executor cpu.";
        return new ExecutorException("the device failed in task graph '" + graph + "': " + reason + "." + advice, e);
    }

    /**
     * @param in  what is copied to the device in every execution, besides the control array
     * @param out what is copied back in every execution
     */
    private void graph(Step step, List<TornadoNativeArray> in, List<TornadoNativeArray> out, Work most, Consumer<TaskSink> wiring) {
        TaskGraph graph = TaskGraphs.on(device, name(step));
        graph.transferToDevice(DataTransferMode.EVERY_EXECUTION, state.control().ints());
        if (!in.isEmpty()) {
            graph.transferToDevice(DataTransferMode.EVERY_EXECUTION, in.toArray());
        }
        graph.consumeFromDevice(relayed.toArray());
        RecordingSink sink = new RecordingSink(graph, most, maxLocal);
        wiring.accept(sink);
        sinks.put(step, sink);
        if (!out.isEmpty()) {
            graph.transferToHost(DataTransferMode.EVERY_EXECUTION, out.toArray());
        }
        graph.persistOnDevice(relayed.toArray());
        // An array that is copied in every execution has a place in every graph.
        ownBytes += bytes(List.of(state.control().ints())) + bytes(in) + bytes(out);
        add(step, graph);
    }

    private void add(Step step, TaskGraph graph) {
        steps.add(step);
        graphs.add(graph.snapshot());
    }

    // Weights and everything else that lies on the device, but the adapter.
    private void initGraph(Collection<TornadoNativeArray> shared) {
        TaskGraph graph = TaskGraphs.on(device, name(Step.INIT));
        List<RandomFill> fills = state.weights().fills();
        List<TornadoNativeArray> uploaded = new ArrayList<>(shared);
        RecordingSink sink = new RecordingSink(graph, Work.LEAST, maxLocal);
        for (RandomFill fill : fills) {
            uploaded.removeAll(fill.target().filled());
            List<TornadoNativeArray> recipe = new ArrayList<>(fill.target().tables());
            recipe.add(fill.spec());
            ownBytes += bytes(recipe);
            graph.transferToDevice(DataTransferMode.FIRST_EXECUTION, recipe.toArray());
        }
        graph.transferToDevice(DataTransferMode.FIRST_EXECUTION, uploaded.toArray());
        fills.forEach(fill -> FillTasks.fill(sink, fill));
        sinks.put(Step.INIT, sink);
        touch(graph, uploaded);
        graph.persistOnDevice(shared.toArray());
        add(Step.INIT, graph);
    }

    private void adapterGraph(Collection<TornadoNativeArray> adapter, Collection<TornadoNativeArray> shared) {
        TaskGraph graph = TaskGraphs.on(device, name(Step.ADAPTER));
        graph.transferToDevice(DataTransferMode.EVERY_EXECUTION, adapter.toArray());
        graph.consumeFromDevice(shared.toArray());
        touch(graph, adapter);
        List<TornadoNativeArray> left = new ArrayList<>(adapter);
        left.addAll(shared);
        graph.persistOnDevice(left.toArray());
        add(Step.ADAPTER, graph);
    }

    private void touch(TaskGraph graph, Collection<TornadoNativeArray> uploaded) {
        FloatArray witness = new FloatArray(1);
        touch(uploaded, FloatArray.class, (id, a) -> graph.task(id, TouchKernels::touchFloats,
                a.apply(0), a.apply(1), a.apply(2), a.apply(3), a.apply(4), a.apply(5), a.apply(6), a.apply(7), witness));
        touch(uploaded, IntArray.class, (id, a) -> graph.task(id, TouchKernels::touchInts,
                a.apply(0), a.apply(1), a.apply(2), a.apply(3), a.apply(4), a.apply(5), a.apply(6), a.apply(7), witness));
        touch(uploaded, ShortArray.class, (id, a) -> graph.task(id, TouchKernels::touchShorts,
                a.apply(0), a.apply(1), a.apply(2), a.apply(3), a.apply(4), a.apply(5), a.apply(6), a.apply(7), witness));
        touch(uploaded, HalfFloatArray.class, (id, a) -> graph.task(id, TouchKernels::touchHalves,
                a.apply(0), a.apply(1), a.apply(2), a.apply(3), a.apply(4), a.apply(5), a.apply(6), a.apply(7), witness));
        touch(uploaded, ByteArray.class, (id, a) -> graph.task(id, TouchKernels::touchBytes,
                a.apply(0), a.apply(1), a.apply(2), a.apply(3), a.apply(4), a.apply(5), a.apply(6), a.apply(7), witness));
        graph.transferToHost(DataTransferMode.EVERY_EXECUTION, witness);
        ownBytes += bytes(List.of(witness));
    }

    private static long bytes(Collection<? extends TornadoNativeArray> arrays) {
        return arrays.stream().mapToLong(TornadoNativeArray::getNumBytesOfSegmentWithHeader).sum();
    }

    private interface Touch<A> {
        void record(String id, IntFunction<A> arrays);
    }

    // Calls of eight; the last one repeats its first array.
    private static <A> void touch(Collection<TornadoNativeArray> arrays, Class<A> type, Touch<A> task) {
        List<A> ofType = arrays.stream().filter(type::isInstance).map(type::cast).toList();
        for (int from = 0; from < ofType.size(); from += TouchKernels.ARRAYS) {
            int start = from;
            task.record("touch_" + type.getSimpleName() + "_" + from,
                    i -> ofType.get(start + i < ofType.size() ? start + i : start));
        }
    }

    private static String name(Step step) {
        return step.name().toLowerCase(Locale.ROOT);
    }
}
