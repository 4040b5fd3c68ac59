package io.chunkwise.tornado;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.chunkwise.model.Progress;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.forward.ExecutorOptions;
import io.chunkwise.model.forward.OutputRequest;
import io.chunkwise.model.forward.TokenBatch;
import io.chunkwise.model.kv.KvReservation;
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

/** Closing an executor frees everything: with room for one and a half, five can be opened one after the other. */
@Tag("tornado")
class DeviceMemoryTest {

    /** Opens executors of about 10 MiB each. */
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

    @Test
    void openingAndClosingDoesNotRunOutOfMemory() throws IOException, InterruptedException {
        List<String> flags = new ArrayList<>(ChildJvm.ownFlags().stream()
                .filter(flag -> !flag.startsWith("-Dtornado.device.memory")).toList());
        flags.add("-Dtornado.device.memory=14MB");
        ChildJvm.Outcome outcome = ChildJvm.run(OpenFiveTimes.class, flags, Map.of());
        assertEquals(0, outcome.exitCode(), outcome.output());
        assertEquals(5, outcome.output().lines().filter(line -> line.startsWith("opened")).count(), outcome.output());
    }
}
