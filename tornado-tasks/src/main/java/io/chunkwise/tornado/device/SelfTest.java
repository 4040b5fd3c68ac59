package io.chunkwise.tornado.device;

import io.chunkwise.model.forward.ExecutorException;
import io.chunkwise.tornado.kernels.SelfTestKernels;
import java.util.Random;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.WorkerGrid1D;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Runs two small kernels on fresh random numbers, so that a device that only pretends to compute is found out at once. */
public final class SelfTest {
    private static final int VALUES = 256;

    private SelfTest() {
    }

    /** @throws ExecutorException if the device fails or its answer is wrong */
    public static void run(TornadoDevice device) {
        Random random = new Random();
        IntArray values = new IntArray(VALUES);
        IntArray sums = new IntArray(VALUES / SelfTestKernels.LANES);
        IntArray counts = new IntArray(VALUES);
        for (int i = 0; i < VALUES; i++) {
            values.set(i, 1 + random.nextInt(1 << 20));
        }
        TaskGraph graph = new TaskGraph("self_test")
                .transferToDevice(DataTransferMode.FIRST_EXECUTION, values, counts)
                .task("sum", SelfTestKernels::sumGroups, new KernelContext(), values, sums)
                .task("count", SelfTestKernels::countOnce, values, counts)
                .transferToHost(DataTransferMode.EVERY_EXECUTION, sums, counts);
        GridScheduler scheduler = new GridScheduler("self_test.sum", grid());
        scheduler.addWorkerGrid("self_test.count", grid());
        try {
            TornadoExecutionPlan plan = new TornadoExecutionPlan(graph.snapshot());
            plan.withDevice(device);
            plan.withGridScheduler(scheduler);
            plan.execute();
            plan.freeDeviceMemory();
        } catch (RuntimeException | Error e) {
            throw new ExecutorException("the device fails at a small test kernel: " + Reason.of(e)
                    + ". Try another --device, or --executor cpu.", e);
        }
        verify(values, sums, counts);
    }

    static void verify(IntArray values, IntArray sums, IntArray counts) {
        for (int i = 0; i < VALUES; i++) {
            expect("count " + i, values.get(i), counts.get(i));
        }
        for (int group = 0; group < sums.getSize(); group++) {
            int sum = 0;
            for (int lane = 0; lane < SelfTestKernels.LANES; lane++) {
                sum += values.get(group * SelfTestKernels.LANES + lane);
            }
            expect("sum " + group, sum, sums.get(group));
        }
    }

    private static void expect(String what, int expected, int actual) {
        if (expected != actual) {
            throw new ExecutorException("the device's answer to a small test kernel is wrong (" + what + " is " + actual + ", expected "
                    + expected + "): TornadoVM did not run it there. Check its flags and driver, or use --executor cpu.");
        }
    }

    private static WorkerGrid1D grid() {
        WorkerGrid1D grid = new WorkerGrid1D(VALUES);
        grid.setLocalWork(SelfTestKernels.LANES, 1, 1);
        return grid;
    }
}
