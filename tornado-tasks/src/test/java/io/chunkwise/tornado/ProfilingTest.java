package io.chunkwise.tornado;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.model.Progress;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.forward.DeviceInfo;
import io.chunkwise.model.forward.ExecutorCounters;
import io.chunkwise.model.forward.ExecutorCounters.KernelTime;
import io.chunkwise.model.forward.ExecutorException;
import io.chunkwise.model.forward.ExecutorOptions;
import io.chunkwise.model.forward.OutputRequest;
import io.chunkwise.model.forward.PassOutput;
import io.chunkwise.model.forward.TokenBatch;
import io.chunkwise.model.kv.KvReservation;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.model.llama.SyntheticLlama;
import io.chunkwise.tornado.device.TestDevice;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What the counters of an executor say. */
class ProfilingTest {
    private static final LlamaConfig CONFIG = SyntheticLlama.config(64, 3, 2, 2, 64, 64, 64);
    private static final ExecutorOptions OPTIONS = new ExecutorOptions(64, 4, KvReservation.full(64), Optional.empty(), 1, Progress.NONE);
    private static final int STEPS = 5;

    @Tag("tornado")
    @Test
    void everyLaunchIsTimedUnderTheNameOfItsTask() {
        try (LlamaModel model = SyntheticLlama.model(CONFIG, TensorType.F32, 1);
                TornadoForwardExecutor executor = TornadoForwardExecutor.open(model, OPTIONS.profiled(true), TestDevice.best())) {
            decode(executor, 1, 0);
            ExecutorCounters first = executor.counters();
            decode(executor, 1, 1);
            ExecutorCounters before = executor.counters();
            long started = System.nanoTime();
            decode(executor, STEPS, 2);
            long took = System.nanoTime() - started;
            ExecutorCounters after = executor.counters();
            assertEquals(after.launches(), launches(after), "launches that were timed");
            // The first pass also enters a page into the page table.
            assertEquals(STEPS * (launches(before) - launches(first)), launches(after) - launches(before), "launches of equal passes");
            long layerTasks = after.kernels().stream().filter(kernel -> kernel.name().startsWith("layer.")).count();
            assertEquals(executor.tasksPerLayer(), layerTasks, "tasks of the layer graph: " + after.kernels());
            for (KernelTime kernel : after.kernels()) {
                assertTrue(kernel.nanos() > 0, kernel.toString());
            }
            long kernels = nanos(after) - nanos(before);
            assertTrue(kernels < took, kernels + " ns in kernels of " + took + " ns on the clock");
            // Asking did not select another graph to bring results from.
            TokenBatch batch = TokenBatch.uniform(new int[] {1, 2, 3}, STEPS + 2, new float[0]);
            PassOutput output = executor.run(batch, new OutputRequest.AllLogits());
            executor.counters();
            PassOutput again = executor.run(batch, new OutputRequest.AllLogits());
            assertArrayEquals(((PassOutput.Logits) output).values(), ((PassOutput.Logits) again).values(), "logits before and after");
        }
    }

    @Tag("tornado")
    @Test
    void withoutProfilingLaunchesAreCountedAndNothingIsTimed() {
        try (LlamaModel model = SyntheticLlama.model(CONFIG, TensorType.Q8_0, 1);
                TornadoForwardExecutor executor = TornadoForwardExecutor.open(model, OPTIONS, TestDevice.best())) {
            decode(executor, 1, 0);
            long first = executor.counters().launches();
            decode(executor, 1, 1);
            long one = executor.counters().launches() - first;
            decode(executor, STEPS, 2);
            ExecutorCounters counters = executor.counters();
            assertEquals(first + (STEPS + 1) * one, counters.launches());
            assertTrue(one >= CONFIG.layers() * executor.tasksPerLayer(), one + " launches per token");
            assertEquals(List.of(), counters.kernels());
            assertTrue(counters.compileNanos() > 0 && counters.uploadNanos() > 0, counters.toString());
            assertFalse(executor.counters().peakDeviceBytes() < model.weights().bytes(), counters.toString());
        }
    }

    @Test
    void cudaGraphsAreRefusedWhereThereAreNone() {
        DeviceInfo opencl = new DeviceInfo("opencl", 0, "a processor", DeviceInfo.Type.CPU, 1, "driver");
        DeviceInfo ptx = new DeviceInfo("ptx", 1, "a GPU", DeviceInfo.Type.GPU, 1, "driver");
        ExecutorOptions options = OPTIONS.cudaGraphs(true);
        assertRefused(opencl, options, "opencl:0", "--cuda-graphs");
        assertRefused(ptx, options.profiled(true), "profile without --cuda-graphs");
        TornadoForwardExecutor.requireCudaGraphs(ptx, options);
    }

    @Tag("tornado")
    @Test
    void openingWithCudaGraphsFailsInOneLineOnTheOpenClBackend() {
        Assumptions.assumeTrue(TestDevice.best().info().backend().equals("opencl"), "skipped: not an OpenCL device");
        try (LlamaModel model = SyntheticLlama.model(CONFIG, TensorType.F32, 1)) {
            String message = assertThrows(ExecutorException.class,
                    () -> TornadoForwardExecutor.open(model, OPTIONS.cudaGraphs(true), TestDevice.best())).getMessage();
            assertTrue(message.contains("--cuda-graphs") && message.lines().count() == 1, message);
        }
    }

    private static void assertRefused(DeviceInfo device, ExecutorOptions options, String... naming) {
        String message = assertThrows(ExecutorException.class,
                () -> TornadoForwardExecutor.requireCudaGraphs(device, options)).getMessage();
        for (String name : naming) {
            assertTrue(message.contains(name) && message.lines().count() == 1, message);
        }
    }

    private static void decode(TornadoForwardExecutor executor, int steps, int from) {
        float[] gains = new float[0];
        for (int position = from; position < from + steps; position++) {
            executor.run(TokenBatch.uniform(new int[] {position}, position, gains), new OutputRequest.LastTop(1));
        }
    }

    private static long launches(ExecutorCounters counters) {
        return counters.kernels().stream().mapToLong(KernelTime::launches).sum();
    }

    private static long nanos(ExecutorCounters counters) {
        return counters.kernels().stream().mapToLong(KernelTime::nanos).sum();
    }
}
