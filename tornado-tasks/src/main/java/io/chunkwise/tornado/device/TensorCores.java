package io.chunkwise.tornado.device;

import io.chunkwise.tornado.device.DeviceDirectory.Device;
import io.chunkwise.tornado.kernels.TensorKernels;
import java.util.Random;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.WorkerGrid1D;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Whether a device has tensor cores that kernels can use. TornadoVM does not tell its compute capability, so that it is tried. */
public final class TensorCores {
    private static final Logger LOG = LoggerFactory.getLogger(TensorCores.class);
    /** The backend of TornadoVM that has the intrinsics of {@link TensorKernels}. */
    private static final String BACKEND = "ptx";
    private static final int LARGEST = 100;

    private TensorCores() {
    }

    /** True if a product of random whole numbers is exact there. Throws nothing but a {@link VirtualMachineError}. */
    public static boolean of(Device device) {
        if (!device.info().backend().equals(BACKEND)) {
            return false;
        }
        try {
            boolean exact = isExact(device);
            if (!exact) {
                LOG.warn("the tensor cores of {} multiply wrongly, or TornadoVM uses them wrongly: they are left alone",
                        device.info().selector());
            }
            return exact;
        } catch (RuntimeException | Error e) {
            LOG.info("{} has no tensor cores that could be used: {}", device.info().selector(), Reason.of(e));
            return false;
        }
    }

    private static boolean isExact(Device device) {
        Random random = new Random();
        int[] left = numbers(random, TensorKernels.PRODUCT_ROWS * TensorKernels.PRODUCT_INPUTS);
        int[] right = numbers(random, TensorKernels.PRODUCT_INPUTS * TensorKernels.PRODUCT_OUTPUTS);
        IntArray pairs = new IntArray(left.length / 2);
        for (int i = 0; i < pairs.getSize(); i++) {
            pairs.set(i, Float.floatToFloat16(left[2 * i]) & 0xffff | Float.floatToFloat16(left[2 * i + 1]) << 16);
        }
        FloatArray weights = new FloatArray(right.length);
        for (int i = 0; i < right.length; i++) {
            weights.set(i, right[i]);
        }
        FloatArray sums = new FloatArray(TensorKernels.PRODUCT_ROWS * TensorKernels.PRODUCT_OUTPUTS);
        TaskGraph graph = TaskGraphs.on(device.handle(), "tensor_test")
                .transferToDevice(DataTransferMode.FIRST_EXECUTION, pairs, weights)
                .task("multiply", TensorKernels::multiplyHalves, new KernelContext(), pairs, weights, sums)
                .transferToHost(DataTransferMode.EVERY_EXECUTION, sums);
        WorkerGrid1D warp = new WorkerGrid1D(TensorKernels.PRODUCT_THREADS);
        warp.setLocalWork(TensorKernels.PRODUCT_THREADS, 1, 1);
        TornadoExecutionPlan plan = new TornadoExecutionPlan(graph.snapshot());
        plan.withDevice(device.handle());
        plan.withGridScheduler(new GridScheduler("tensor_test.multiply", warp));
        plan.execute();
        plan.freeDeviceMemory();
        return isProduct(left, right, sums);
    }

    private static boolean isProduct(int[] left, int[] right, FloatArray sums) {
        for (int at = 0; at < sums.getSize(); at++) {
            int row = at / TensorKernels.PRODUCT_OUTPUTS;
            int output = at % TensorKernels.PRODUCT_OUTPUTS;
            int sum = 0;
            for (int i = 0; i < TensorKernels.PRODUCT_INPUTS; i++) {
                sum += left[row * TensorKernels.PRODUCT_INPUTS + i] * right[i * TensorKernels.PRODUCT_OUTPUTS + output];
            }
            if (sum != sums.get(at)) {
                return false;
            }
        }
        return true;
    }

    private static int[] numbers(Random random, int count) {
        return random.ints(count, -LARGEST, LARGEST + 1).toArray();
    }
}
