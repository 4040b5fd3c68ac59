package io.chunkwise.tornado;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.model.Progress;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.forward.ExecutorException;
import io.chunkwise.model.forward.ExecutorOptions;
import io.chunkwise.model.forward.OutputRequest;
import io.chunkwise.model.forward.TokenBatch;
import io.chunkwise.model.kv.KvReservation;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.model.llama.SyntheticLlama;
import io.chunkwise.tornado.device.TestDevice;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What lies on the device by TornadoVM's own ledger, whose size is a property of the JVM: each claim has one of its own. */
@Tag("tornado")
class DeviceMemoryTest {

    /** Opens executors of about 10 MiB each: where closing one frees everything, there is room for one after the other. */
    static final class OpenFiveTimes {
        public static void main(String[] arguments) {
            ExecutorOptions options = new ExecutorOptions(4096, 1, KvReservation.full(4096), Optional.empty(), 1, Progress.NONE);
            for (int i = 0; i < 5; i++) {
                try (LlamaModel model = SyntheticLlama.model(SyntheticLlama.config(64, 2, 2, 2, 64, 64, 4096), TensorType.F32, i);
                        TornadoForwardExecutor executor = TornadoForwardExecutor.open(model, options, TestDevice.best())) {
                    executor.run(TokenBatch.uniform(new int[] {i}, 0, new float[0]), new OutputRequest.LastTop(1));
                    System.out.println("opened " + i);
                }
            }
        }
    }

    /** Opens executors of the same context, the last of which has a cache of 17 MB. */
    static final class OpenWithReservations {
        public static void main(String[] arguments) {
            int context = 16_384;
            for (KvReservation kv : List.of(new KvReservation(256, 0, 0), new KvReservation(64, context, 0), KvReservation.full(context))) {
                ExecutorOptions options = new ExecutorOptions(context, 1, kv, Optional.empty(), 1, Progress.NONE);
                try (LlamaModel model = SyntheticLlama.model(SyntheticLlama.config(64, 2, 2, 2, 64, 64, context), TensorType.F32, 1);
                        TornadoForwardExecutor executor = TornadoForwardExecutor.open(model, options, TestDevice.best())) {
                    executor.run(TokenBatch.uniform(new int[] {1}, 0, new float[0]), new OutputRequest.LastTop(1));
                    System.out.println("opened " + kv + " with " + executor.kv().usage().allocatedBytes());
                } catch (ExecutorException e) {
                    System.out.println("refused " + kv + ": " + e.getMessage());
                }
            }
        }
    }

    /** Prints what an executor with an adapter counts as its peak. */
    static final class CountBytes {
        public static void main(String[] arguments) {
            ExecutorOptions options = new ExecutorOptions(64, 4, KvReservation.full(64), Optional.empty(), 1, Progress.NONE);
            LlamaConfig config = SyntheticLlama.config(256, 2, 2, 2, 512, 300, 64);
            try (LlamaModel model = SyntheticLlama.model(config, TensorType.Q8_0, 1);
                    TornadoForwardExecutor executor = TornadoForwardExecutor.open(model, options, TestDevice.best())) {
                executor.attach(Optional.of(SyntheticLlama.adapter(config, 3, 1)));
                executor.run(TokenBatch.uniform(new int[] {1}, 0, new float[] {1}), new OutputRequest.LastTop(1));
                System.out.println("peak " + executor.counters().peakDeviceBytes());
            } catch (ExecutorException e) {
                System.out.println("refused: " + e.getMessage());
            }
        }
    }

    /**
     * TornadoVM hands out no more than its ledger has, so that the least ledger is what is really on the device. It has small buffers of
     * its own for the arguments of kernels, which are no arrays.
     */
    @Test
    void thePeakIsWhatTornadosOwnLedgerNeeds() throws IOException, InterruptedException {
        String enough = ChildJvm.run(CountBytes.class, withLedger("1GB"), Map.of()).output();
        long peak = Long.parseLong(enough.lines().filter(line -> line.startsWith("peak ")).findFirst().orElse(enough).substring(5));
        long arguments = 64 << 10;
        assertTrue(peak > 30 * arguments, peak + " bytes are not much more than arguments of kernels");
        String exact = ChildJvm.run(CountBytes.class, withLedger(Long.toString(peak + arguments)), Map.of()).output();
        assertTrue(exact.lines().anyMatch(("peak " + peak)::equals), exact);
        String less = ChildJvm.run(CountBytes.class, withLedger(Long.toString(peak - arguments)), Map.of()).output();
        assertTrue(less.lines().anyMatch(line -> line.startsWith("refused")), less);
    }

    @Test
    void aSmallerReservationFitsWhereTheFullCacheDoesNot() throws IOException, InterruptedException {
        ChildJvm.Outcome outcome = ChildJvm.run(OpenWithReservations.class, withLedger("14MB"), Map.of());
        assertEquals(0, outcome.exitCode(), outcome.output());
        List<String> lines = outcome.output().lines().filter(line -> line.startsWith("opened") || line.startsWith("refused")).toList();
        assertEquals(3, lines.size(), outcome.output());
        // Per position and layer 512 bytes in full, 2 * (64 + 2 * 4) in Q8; an unused pool has one element.
        long codesAndScale = 1 + 4;
        long halves = 2;
        assertTrue(lines.get(0).endsWith("with " + (2 * 272 * 512 + 2 * codesAndScale + halves)), lines.get(0));
        assertTrue(lines.get(1).endsWith("with " + (2 * 80 * 512 + 2 * 16_384 * 144 + codesAndScale + halves)), lines.get(1));
        assertTrue(lines.get(2).startsWith("refused") && lines.get(2).contains("tornado.device.memory"), lines.get(2));
    }

    @Test
    void openingAndClosingDoesNotRunOutOfMemory() throws IOException, InterruptedException {
        ChildJvm.Outcome outcome = ChildJvm.run(OpenFiveTimes.class, withLedger("14MB"), Map.of());
        assertEquals(0, outcome.exitCode(), outcome.output());
        assertEquals(5, outcome.output().lines().filter(line -> line.startsWith("opened")).count(), outcome.output());
    }

    private static List<String> withLedger(String size) {
        List<String> flags = new ArrayList<>(ChildJvm.ownFlags().stream()
                .filter(flag -> !flag.startsWith("-Dtornado.device.memory")).toList());
        flags.add("-Dtornado.device.memory=" + size);
        return flags;
    }
}
