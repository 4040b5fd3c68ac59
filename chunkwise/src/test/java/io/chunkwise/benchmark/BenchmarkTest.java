package io.chunkwise.benchmark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.model.Progress;
import io.chunkwise.model.cpu.CpuExecutorProvider;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.forward.ExecutorOptions;
import io.chunkwise.model.forward.ForwardExecutor;
import io.chunkwise.model.kv.KvReservation;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.model.llama.SyntheticLlama;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class BenchmarkTest {

    @Test
    void everyRankIsMeasuredBesideTheBase() {
        try (LlamaModel model = SyntheticLlama.model(SyntheticLlama.config(64, 2, 4, 2, 96, 100, 64), TensorType.Q8_0, 1);
                ForwardExecutor executor = new CpuExecutorProvider()
                        .open(model, new ExecutorOptions(32, 5, KvReservation.full(32), Optional.empty(), 1, Progress.NONE))) {
            BenchmarkPlan plan = new BenchmarkPlan(List.of(0, 4, 4, 9), 12, 3, 2, 1);
            BenchmarkResult result = new Benchmark(plan, Progress.NONE).run("small", model, executor);
            assertEquals(List.of(0, 4, 9), result.cases().stream().map(BenchmarkResult.Case::rank).toList());
            assertEquals(model.weights().bytes(), result.weightBytes());
            assertTrue(result.bytesPerSecond().median() > 0, "bandwidth " + result.bytesPerSecond());
            assertEquals(1, result.cases().getFirst().decodeToBase());
            for (BenchmarkResult.Case one : result.cases()) {
                for (double figure : new double[] {one.prefill().min(), one.decode().min(), one.prefillToBase(), one.decodeToBase(),
                        one.decodeBound(), one.decodeTimeToBound()}) {
                    assertTrue(figure > 0 && Double.isFinite(figure), "rank " + one.rank() + ": " + figure);
                }
            }
            assertTrue(result.cases().get(2).decodeBound() < result.cases().get(0).decodeBound(), "an adapter is read, too");
        }
    }

    @Test
    void theMedianOfAnEvenNumberIsBetweenTheMiddleTwo() {
        assertEquals(new Spread(1, 2.5, 9), Spread.of(9, 3, 1, 2));
        assertEquals(new Spread(1, 3, 9), Spread.of(9, 3, 1));
    }

    @Test
    void aPlanThatMeasuresNothingIsRefused() {
        assertThrows(IllegalArgumentException.class, () -> new BenchmarkPlan(List.of(8), 128, 32, 0, 0));
        assertThrows(IllegalArgumentException.class, () -> new BenchmarkPlan(List.of(8), 0, 32, 1, 0));
        assertThrows(IllegalArgumentException.class, () -> new BenchmarkPlan(List.of(-8), 128, 32, 1, 0));
    }
}
