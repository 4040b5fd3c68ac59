package io.chunkwise.tornado.graph;

import io.chunkwise.tornado.device.DeviceDirectory.Device;
import io.chunkwise.tornado.device.TaskGraphs;
import io.chunkwise.tornado.graph.Launch.Work;
import java.util.Collection;
import java.util.function.Consumer;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;

/** Some tasks on a device, as one graph. */
final class DeviceRun implements AutoCloseable {
    private final TornadoExecutionPlan plan;
    private final RecordingSink sink;

    /**
     * @param in  arrays that tasks read, or write in part
     * @param out arrays to bring back
     */
    DeviceRun(Device device, Collection<?> in, Collection<?> out, Work most, Consumer<TaskSink> tasks) {
        TaskGraph graph = TaskGraphs.on(device.handle(), "under_test");
        graph.transferToDevice(DataTransferMode.EVERY_EXECUTION, in.toArray());
        sink = new RecordingSink(graph, most, (int) device.handle().getPhysicalDevice().getDeviceMaxWorkGroupSize()[0]);
        tasks.accept(sink);
        graph.transferToHost(DataTransferMode.EVERY_EXECUTION, out.toArray());
        plan = new TornadoExecutionPlan(graph.snapshot());
        GridScheduler scheduler = new GridScheduler();
        sink.register(scheduler);
        plan.withDevice(device.handle());
        plan.withGridScheduler(scheduler);
    }

    void execute(Work work) {
        sink.size(work);
        plan.execute();
    }

    /** Once. */
    static void run(Device device, Collection<?> in, Collection<?> out, int rows, Consumer<TaskSink> tasks) {
        Work work = new Work(rows, 1);
        try (DeviceRun run = new DeviceRun(device, in, out, work, tasks)) {
            run.execute(work);
        }
    }

    @Override
    public void close() {
        plan.freeDeviceMemory();
    }
}
