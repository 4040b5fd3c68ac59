package io.chunkwise.tornado.graph;

import io.chunkwise.tornado.graph.Launch.Work;
import java.util.LinkedHashMap;
import java.util.Map;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.WorkerGrid1D;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task10;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task11;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task12;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task13;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task14;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task15;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task16;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task17;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task18;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task19;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task20;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task4;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task5;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task6;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task7;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task8;
import uk.ac.manchester.tornado.api.common.TornadoFunctions.Task9;

/**
 * Records tasks into a task graph. Task and grid are registered together, under one name, and the grid is checked: TornadoVM
 * runs a task that has none with a single thread, without a word.
 */
final class RecordingSink implements TaskSink {
    private final TaskGraph graph;
    private final Work most;
    private final int maxLocal;
    private final Map<String, Launch> launches = new LinkedHashMap<>();
    private final Map<String, WorkerGrid1D> grids = new LinkedHashMap<>();
    private Work sized = Work.LEAST;

    /**
     * @param most     what tasks of this graph have to do at most
     * @param maxLocal the most threads of a work-group
     */
    RecordingSink(TaskGraph graph, Work most, int maxLocal) {
        this.graph = graph;
        this.most = most;
        this.maxLocal = maxLocal;
    }

    int tasks() {
        return launches.size();
    }

    /** Hands the grids to the scheduler of the plan. */
    void register(GridScheduler scheduler) {
        grids.forEach((id, grid) -> scheduler.addWorkerGrid(graph.getTaskGraphName() + "." + id, grid));
    }

    /** Sizes all grids for the next execution. Compiles nothing: kernels read grid sizes when they run. */
    void size(Work work) {
        if (!work.equals(sized)) {
            launches.forEach((id, launch) -> size(grids.get(id), launch, work));
            sized = work;
        }
    }

    private void addGrid(String id, Launch launch) {
        launch.check(id, most, maxLocal);
        WorkerGrid1D grid = new WorkerGrid1D(Math.toIntExact(launch.global(sized)));
        size(grid, launch, sized);
        launches.put(id, launch);
        grids.put(id, grid);
    }

    private static void size(WorkerGrid1D grid, Launch launch, Work work) {
        grid.setGlobalWork(launch.global(work), 1, 1);
        grid.setLocalWork(launch.local(), 1, 1);
    }

    @Override
    public <T1, T2, T3, T4> void task(String id, Launch launch, Task4<T1, T2, T3, T4> kernel,
            T1 a1, T2 a2, T3 a3, T4 a4) {
        graph.task(id, kernel, a1, a2, a3, a4);
        addGrid(id, launch);
    }

    @Override
    public <T1, T2, T3, T4, T5> void task(String id, Launch launch, Task5<T1, T2, T3, T4, T5> kernel,
            T1 a1, T2 a2, T3 a3, T4 a4, T5 a5) {
        graph.task(id, kernel, a1, a2, a3, a4, a5);
        addGrid(id, launch);
    }

    @Override
    public <T1, T2, T3, T4, T5, T6> void task(String id, Launch launch, Task6<T1, T2, T3, T4, T5, T6> kernel,
            T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6) {
        graph.task(id, kernel, a1, a2, a3, a4, a5, a6);
        addGrid(id, launch);
    }

    @Override
    public <T1, T2, T3, T4, T5, T6, T7> void task(String id, Launch launch, Task7<T1, T2, T3, T4, T5, T6, T7> kernel,
            T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6, T7 a7) {
        graph.task(id, kernel, a1, a2, a3, a4, a5, a6, a7);
        addGrid(id, launch);
    }

    @Override
    public <T1, T2, T3, T4, T5, T6, T7, T8> void task(String id, Launch launch, Task8<T1, T2, T3, T4, T5, T6, T7, T8> kernel,
            T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6, T7 a7, T8 a8) {
        graph.task(id, kernel, a1, a2, a3, a4, a5, a6, a7, a8);
        addGrid(id, launch);
    }

    @Override
    public <T1, T2, T3, T4, T5, T6, T7, T8, T9> void task(String id, Launch launch, Task9<T1, T2, T3, T4, T5, T6, T7, T8, T9> kernel,
            T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6, T7 a7, T8 a8, T9 a9) {
        graph.task(id, kernel, a1, a2, a3, a4, a5, a6, a7, a8, a9);
        addGrid(id, launch);
    }

    @Override
    public <T1, T2, T3, T4, T5, T6, T7, T8, T9, T10> void task(String id, Launch launch, Task10<T1, T2, T3, T4, T5, T6, T7, T8, T9,
            T10> kernel,
            T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6, T7 a7, T8 a8, T9 a9, T10 a10) {
        graph.task(id, kernel, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10);
        addGrid(id, launch);
    }

    @Override
    public <T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11> void task(String id, Launch launch, Task11<T1, T2, T3, T4, T5, T6, T7, T8, T9,
            T10, T11> kernel,
            T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6, T7 a7, T8 a8, T9 a9, T10 a10, T11 a11) {
        graph.task(id, kernel, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11);
        addGrid(id, launch);
    }

    @Override
    public <T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12> void task(String id, Launch launch, Task12<T1, T2, T3, T4, T5, T6, T7, T8,
            T9, T10, T11, T12> kernel,
            T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6, T7 a7, T8 a8, T9 a9, T10 a10, T11 a11, T12 a12) {
        graph.task(id, kernel, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12);
        addGrid(id, launch);
    }

    @Override
    public <T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13> void task(String id, Launch launch, Task13<T1, T2, T3, T4, T5, T6, T7,
            T8, T9, T10, T11, T12, T13> kernel,
            T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6, T7 a7, T8 a8, T9 a9, T10 a10, T11 a11, T12 a12, T13 a13) {
        graph.task(id, kernel, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13);
        addGrid(id, launch);
    }

    @Override
    public <T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14> void task(String id, Launch launch, Task14<T1, T2, T3, T4, T5,
            T6, T7, T8, T9, T10, T11, T12, T13, T14> kernel,
            T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6, T7 a7, T8 a8, T9 a9, T10 a10, T11 a11, T12 a12, T13 a13, T14 a14) {
        graph.task(id, kernel, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14);
        addGrid(id, launch);
    }

    @Override
    public <T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15> void task(String id, Launch launch, Task15<T1, T2, T3, T4,
            T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15> kernel,
            T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6, T7 a7, T8 a8, T9 a9, T10 a10, T11 a11, T12 a12, T13 a13, T14 a14, T15 a15) {
        graph.task(id, kernel, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15);
        addGrid(id, launch);
    }

    @Override
    public <T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15, T16> void task(String id, Launch launch, Task16<T1, T2, T3,
            T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15, T16> kernel, T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6, T7 a7, T8 a8,
            T9 a9, T10 a10, T11 a11, T12 a12, T13 a13, T14 a14, T15 a15, T16 a16) {
        graph.task(id, kernel, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16);
        addGrid(id, launch);
    }

    @Override
    public <T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15, T16, T17> void task(String id, Launch launch, Task17<T1,
            T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15, T16, T17> kernel, T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6,
            T7 a7, T8 a8, T9 a9, T10 a10, T11 a11, T12 a12, T13 a13, T14 a14, T15 a15, T16 a16, T17 a17) {
        graph.task(id, kernel, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17);
        addGrid(id, launch);
    }

    @Override
    public <T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15, T16, T17, T18> void task(String id, Launch launch,
            Task18<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15, T16, T17, T18> kernel, T1 a1, T2 a2, T3 a3, T4 a4,
            T5 a5, T6 a6, T7 a7, T8 a8, T9 a9, T10 a10, T11 a11, T12 a12, T13 a13, T14 a14, T15 a15, T16 a16, T17 a17, T18 a18) {
        graph.task(id, kernel, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18);
        addGrid(id, launch);
    }

    @Override
    public <T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15, T16, T17, T18, T19> void task(String id, Launch launch,
            Task19<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15, T16, T17, T18, T19> kernel, T1 a1, T2 a2, T3 a3,
            T4 a4, T5 a5, T6 a6, T7 a7, T8 a8, T9 a9, T10 a10, T11 a11, T12 a12, T13 a13, T14 a14, T15 a15, T16 a16, T17 a17, T18 a18,
            T19 a19) {
        graph.task(id, kernel, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19);
        addGrid(id, launch);
    }

    @Override
    public <T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15, T16, T17, T18, T19, T20> void task(String id,
            Launch launch, Task20<T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15, T16, T17, T18, T19, T20> kernel,
            T1 a1, T2 a2, T3 a3, T4 a4, T5 a5, T6 a6, T7 a7, T8 a8, T9 a9, T10 a10, T11 a11, T12 a12, T13 a13, T14 a14, T15 a15, T16 a16,
            T17 a17, T18 a18, T19 a19, T20 a20) {
        graph.task(id, kernel, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19, a20);
        addGrid(id, launch);
    }
}
