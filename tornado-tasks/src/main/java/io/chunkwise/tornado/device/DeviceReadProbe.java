package io.chunkwise.tornado.device;

import io.chunkwise.model.forward.ExecutorException;
import io.chunkwise.model.forward.ReadProbe;
import io.chunkwise.tornado.kernels.ProbeKernels;
import java.util.Random;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.WorkerGrid1D;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.enums.TornadoDeviceType;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Reads an array that no cache holds with a kernel that only adds up. The sums are checked every time, so that a device that leaves
 * out any of it is found out. A launch takes microseconds that count in: GPUs read the array several times per launch.
 */
public final class DeviceReadProbe implements ReadProbe {
    private static final String GRAPH = "read_probe";
    private static final long GPU_BYTES = 1L << 29;
    private static final long CPU_BYTES = 1L << 28;
    private static final int GPU_ROUNDS = 8;
    private static final int GPU_THREADS = 1 << 18;
    private static final int CPU_PARTS = 64;
    private static final int LOCAL_THREADS = 128;

    private final IntArray words;
    private final IntArray sums;
    private final int rounds;
    private final int[] expected; // [sums]
    private final TornadoExecutionPlan plan;

    /** Compiles, uploads and reads once. @throws ExecutorException if the device fails, or has no room */
    public DeviceReadProbe(TornadoDevice device) {
        this(device, !isCpu(device), isCpu(device) ? CPU_BYTES : GPU_BYTES);
    }

    /** @param strided which kernel; need not be the best for the device */
    DeviceReadProbe(TornadoDevice device, boolean strided, long bytes) {
        long groups = Math.clamp(bytes / 64 / LOCAL_THREADS, 1, GPU_THREADS / LOCAL_THREADS);
        int threads = strided ? (int) groups * LOCAL_THREADS : CPU_PARTS;
        int piece = 4 * threads;
        MemoryBudget budget = MemoryBudget.of(device);
        long room = Math.min(bytes, Math.min(budget.largestBytes(), Math.min(budget.deviceBytes(), budget.ledgerBytes())) / 4);
        int count = (int) Math.max(1, room / 4 / piece) * piece;
        rounds = strided ? GPU_ROUNDS : 1;
        words = DeviceArrays.ints("the words of the read probe", count);
        sums = DeviceArrays.ints("the sums of the read probe", threads);
        expected = fill(strided, threads);
        TaskGraph graph = new TaskGraph(GRAPH).transferToDevice(DataTransferMode.FIRST_EXECUTION, words);
        if (strided) {
            graph.task("sum", ProbeKernels::sumStrided, new KernelContext(), words, sums, threads, count, rounds);
        } else {
            graph.task("sum", ProbeKernels::sumParts, words, sums, count / threads, rounds);
        }
        graph.transferToHost(DataTransferMode.EVERY_EXECUTION, sums);
        WorkerGrid1D grid = new WorkerGrid1D(threads);
        grid.setLocalWork(strided ? LOCAL_THREADS : 1, 1, 1);
        plan = new TornadoExecutionPlan(graph.snapshot());
        plan.withDevice(device);
        plan.withGridScheduler(new GridScheduler(GRAPH + ".sum", grid));
        try {
            bytesPerSecond();
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    private static boolean isCpu(TornadoDevice device) {
        return device.getDeviceType() == TornadoDeviceType.CPU;
    }

    /** Fresh numbers, and what each thread makes of its own. */
    private int[] fill(boolean strided, int threads) {
        int[] sum = new int[threads];
        int seed = new Random().nextInt();
        int perThread = words.getSize() / threads;
        for (int i = 0; i < words.getSize(); i++) {
            int word = i * 0x9E3779B1 + seed;
            words.set(i, word);
            sum[strided ? i % threads : i / perThread] += word;
        }
        int[] total = new int[threads];
        for (int round = 0; round < rounds; round++) {
            for (int thread = 0; thread < threads; thread++) {
                total[thread] = total[thread] * 3 + sum[thread];
            }
        }
        return total;
    }

    @Override
    public double bytesPerSecond() {
        long started = System.nanoTime();
        try {
            plan.execute();
        } catch (RuntimeException | Error e) {
            throw new ExecutorException("the device fails at reading " + 4L * words.getSize() + " bytes: " + Reason.of(e)
                    + ". Try another --device.", e);
        }
        long nanos = System.nanoTime() - started;
        for (int i = 0; i < expected.length; i++) {
            if (sums.get(i) != expected[i]) {
                throw new ExecutorException("the device's sum " + i + " over memory that it has read is " + sums.get(i) + ", expected "
                        + expected[i] + ": it is not usable. Try another --device, or --executor cpu.");
            }
        }
        return 4.0 * words.getSize() * rounds * 1e9 / nanos;
    }

    @Override
    public void close() {
        plan.freeDeviceMemory();
    }
}
