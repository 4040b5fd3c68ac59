package io.chunkwise.tornado.graph;

import io.chunkwise.tornado.device.DeviceDirectory.Device;
import io.chunkwise.tornado.graph.Launch.Work;
import java.util.Collection;
import java.util.function.Consumer;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;

/** Runs some tasks on a device once, as one graph. */
final class DeviceRun {

    private DeviceRun() {
    }

    /**
     * @param in  arrays that tasks read, or write in part
     * @param out arrays to bring back
     */
    static void run(Device device, Collection<?> in, Collection<?> out, int rows, Consumer<TaskSink> tasks) {
        TaskGraph graph = new TaskGraph("under_test");
        graph.transferToDevice(DataTransferMode.EVERY_EXECUTION, in.toArray());
        RecordingSink sink = new RecordingSink(graph, new Work(rows, 1), (int) device.handle().getPhysicalDevice().getDeviceMaxWorkGroupSize()[0]);
        tasks.accept(sink);
        graph.transferToHost(DataTransferMode.EVERY_EXECUTION, out.toArray());
        TornadoExecutionPlan plan = new TornadoExecutionPlan(graph.snapshot());
        GridScheduler scheduler = new GridScheduler();
        sink.register(scheduler);
        sink.size(new Work(rows, 1));
        plan.withDevice(device.handle());
        plan.withGridScheduler(scheduler);
        plan.execute();
        plan.freeDeviceMemory();
    }
}
