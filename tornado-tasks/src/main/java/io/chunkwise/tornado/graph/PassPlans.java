package io.chunkwise.tornado.graph;

import io.chunkwise.model.Progress;
import io.chunkwise.model.forward.ExecutorException;
import io.chunkwise.model.forward.LlamaForward;
import io.chunkwise.tornado.kernels.TouchKernels;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumMap;
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
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * The task graphs of an executor in one execution plan, all compiled when it is made. One layer graph serves all layers and all
 * numbers of rows: layer, rows and adapter are read from arrays, only grid sizes are set anew.
 *
 * <p>Buffers pass only from one executed graph to the next, so every graph takes over all shared arrays from the one before and
 * leaves all of them to the next. The init graph uploads them first; the adapter graph uploads the adapter, again and again.
 */
public final class PassPlans implements Passes {
    private enum Step { INIT, ADAPTER, EMBED, LAYER, LAST_HEAD, ROW_HEAD, TOP }

    private final DeviceState state;
    private final Set<TornadoNativeArray> shared = new LinkedHashSet<>();
    private final List<TornadoNativeArray> relayed;
    private final Map<Step, RecordingSink> sinks = new EnumMap<>(Step.class);
    private final TornadoExecutionPlan plan;
    private final boolean profiled;
    private long compileNanos;
    private TornadoExecutionResult last;

    /**
     * Builds and compiles all graphs, and uploads everything but the adapter.
     *
     * @param profiled whether compile times are summed up; every execution is slower then
     * @throws ExecutorException if the device or its compiler fails
     */
    public PassPlans(DeviceState state, TornadoDevice device, KernelForm form, boolean profiled, Progress progress) {
        this.state = state;
        this.profiled = profiled;
        shared.addAll(state.weights().arrays());
        shared.addAll(state.buffers().arrays());
        relayed = state.arrays();
        int maxLocal = (int) Math.min(Integer.MAX_VALUE, device.getPhysicalDevice().getDeviceMaxWorkGroupSize()[0]);
        LlamaForward forward = new LlamaForward(state.config(), false);
        LayerGraphBuilder builder = new LayerGraphBuilder(state, form);

        List<ImmutableTaskGraph> graphs = new ArrayList<>();
        graphs.add(uploadGraph(Step.INIT, DataTransferMode.FIRST_EXECUTION, shared, List.of()));
        graphs.add(uploadGraph(Step.ADAPTER, DataTransferMode.EVERY_EXECUTION, state.adapter().arrays(), shared));
        graphs.add(graph(Step.EMBED, maxLocal, sink -> builder.wire(forward.embedding(), sink, null)));
        graphs.add(graph(Step.LAYER, maxLocal, sink -> builder.wire(forward.layer(), sink, null)));
        graphs.add(graph(Step.LAST_HEAD, maxLocal, sink -> builder.wire(forward.head(), sink, state.buffers().lastLogits())));
        graphs.add(graph(Step.ROW_HEAD, maxLocal, sink -> builder.wire(forward.head(), sink, state.buffers().rowLogits())));
        graphs.add(graph(Step.TOP, maxLocal, builder::wireTop));

        plan = new TornadoExecutionPlan(graphs.toArray(ImmutableTaskGraph[]::new));
        GridScheduler scheduler = new GridScheduler();
        sinks.values().forEach(sink -> sink.register(scheduler));
        plan.withDevice(device);
        plan.withGridScheduler(scheduler);
        if (profiled) {
            plan.withProfiler(ProfilerMode.SILENT);
        }
        try {
            compile(progress);
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    /** Nanoseconds spent compiling so far; 0 unless profiled. */
    public long compileNanos() {
        return compileNanos;
    }

    /** Tasks of the layer graph. */
    public int tasksPerLayer() {
        return sinks.get(Step.LAYER).tasks();
    }

    @Override
    public void uploadAdapter() {
        execute(Step.ADAPTER, 1);
    }

    @Override
    public void embed(int rows) {
        execute(Step.EMBED, rows);
    }

    @Override
    public void layer(int rows) {
        execute(Step.LAYER, rows);
    }

    @Override
    public void lastHead() {
        execute(Step.LAST_HEAD, 1);
    }

    @Override
    public void rowHead(int rows) {
        execute(Step.ROW_HEAD, rows);
    }

    @Override
    public void top() {
        execute(Step.TOP, 1);
    }

    @Override
    public void fetchLastLogits() {
        transfer(Step.LAST_HEAD, state.buffers().lastLogits());
    }

    @Override
    public void fetchRowLogits() {
        transfer(Step.ROW_HEAD, state.buffers().rowLogits());
    }

    @Override
    public void fetchCache() {
        // A step that changes nothing, so that there is an execution to fetch from.
        state.control().rows(0, 0);
        execute(Step.EMBED, 1);
        transfer(Step.EMBED, state.buffers().keys(), state.buffers().values());
    }

    /** Frees the device memory graph by graph; a buffer that an earlier graph has freed already is reported by an error. */
    @Override
    public void close() {
        for (Step step : Step.values()) {
            try {
                plan.withGraph(step.ordinal()).freeDeviceMemory();
            } catch (TornadoInternalError e) {
                // Relayed buffers belong to every graph; the first one has freed them.
            }
        }
    }

    // A pass of no rows compiles every kernel and computes nothing.
    private void compile(Progress progress) {
        state.control().rows(0, 0);
        state.control().layer(0);
        state.control().top(1);
        for (Step step : Step.values()) {
            progress.report("compiling kernels", step.ordinal(), Step.values().length);
            execute(step, 1);
        }
        progress.report("compiling kernels", Step.values().length, Step.values().length);
    }

    private void execute(Step step, int rows) {
        RecordingSink sink = sinks.get(step);
        if (sink != null) {
            sink.rows(rows);
        }
        try {
            // Always from the root: plans that are chained remember every link.
            last = plan.withGraph(step.ordinal()).execute();
        } catch (RuntimeException | TornadoInternalError e) {
            throw failure(step, e);
        }
        if (profiled) {
            compileNanos += last.getProfilerResult().getCompileTime();
        }
    }

    // Only what the last executed graph has left on the device can be brought back.
    private void transfer(Step step, FloatArray... arrays) {
        try {
            for (FloatArray array : arrays) {
                last.transferToHost(array);
            }
        } catch (RuntimeException | TornadoInternalError e) {
            throw failure(step, e);
        }
    }

    private static ExecutorException failure(Step step, Throwable e) {
        Throwable root = e;
        while (root.getCause() != null && root.getCause() != root) {
            root = root.getCause();
        }
        // Without the colour codes of TornadoVM's own messages.
        String message = root.getMessage() == null ? ""
                : ": " + root.getMessage().replaceAll("\u001B\\[[;\\d]*m", "").strip().lines().findFirst().orElse("").replaceAll("\\.+$",
                        "");
        String advice = root instanceof TornadoOutOfMemoryException
                ? " Close other executors, start with a larger -Dtornado.device.memory, or use --executor cpu."
                : " Try another --device, or --executor cpu.";
        return new ExecutorException("the device failed in task graph '" + name(step) + "': " + root.getClass().getSimpleName() + message
                + "." + advice, e);
    }

    private ImmutableTaskGraph graph(Step step, int maxLocal, Consumer<TaskSink> wiring) {
        TaskGraph graph = new TaskGraph(name(step));
        graph.transferToDevice(DataTransferMode.EVERY_EXECUTION, state.control().ints());
        if (step == Step.LAYER && state.adapter().isReserved()) {
            graph.transferToDevice(DataTransferMode.EVERY_EXECUTION, state.control().gains());
        }
        graph.consumeFromDevice(relayed.toArray());
        int rowCapacity = step == Step.LAST_HEAD || step == Step.TOP ? 1 : state.rowCapacity();
        RecordingSink sink = new RecordingSink(graph, rowCapacity, maxLocal);
        wiring.accept(sink);
        sinks.put(step, sink);
        if (step == Step.TOP) {
            graph.transferToHost(DataTransferMode.EVERY_EXECUTION, state.buffers().topLogits(), state.buffers().topIds());
        }
        graph.persistOnDevice(relayed.toArray());
        return graph.snapshot();
    }

    private static ImmutableTaskGraph uploadGraph(Step step, int mode, Collection<TornadoNativeArray> uploaded,
            Collection<TornadoNativeArray> consumed) {
        TaskGraph graph = new TaskGraph(name(step));
        graph.transferToDevice(mode, uploaded.toArray());
        if (!consumed.isEmpty()) {
            graph.consumeFromDevice(consumed.toArray());
        }
        FloatArray witness = new FloatArray(1);
        touch(graph, uploaded, FloatArray.class, (id, a) -> graph.task(id, TouchKernels::touchFloats,
                a.apply(0), a.apply(1), a.apply(2), a.apply(3), a.apply(4), a.apply(5), a.apply(6), a.apply(7), witness));
        touch(graph, uploaded, IntArray.class, (id, a) -> graph.task(id, TouchKernels::touchInts,
                a.apply(0), a.apply(1), a.apply(2), a.apply(3), a.apply(4), a.apply(5), a.apply(6), a.apply(7), witness));
        touch(graph, uploaded, ShortArray.class, (id, a) -> graph.task(id, TouchKernels::touchShorts,
                a.apply(0), a.apply(1), a.apply(2), a.apply(3), a.apply(4), a.apply(5), a.apply(6), a.apply(7), witness));
        touch(graph, uploaded, ByteArray.class, (id, a) -> graph.task(id, TouchKernels::touchBytes,
                a.apply(0), a.apply(1), a.apply(2), a.apply(3), a.apply(4), a.apply(5), a.apply(6), a.apply(7), witness));
        graph.transferToHost(DataTransferMode.EVERY_EXECUTION, witness);
        List<TornadoNativeArray> left = new ArrayList<>(uploaded);
        left.addAll(consumed);
        graph.persistOnDevice(left.toArray());
        return graph.snapshot();
    }

    private interface Touch<A> {
        void record(String id, IntFunction<A> arrays);
    }

    // Calls of eight; the last one repeats its first array.
    private static <A> void touch(TaskGraph graph, Collection<TornadoNativeArray> arrays, Class<A> type, Touch<A> task) {
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
