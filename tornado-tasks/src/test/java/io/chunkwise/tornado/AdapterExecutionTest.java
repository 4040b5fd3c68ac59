package io.chunkwise.tornado;

import static io.chunkwise.model.fixtures.LogitAgreement.assertAgrees;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import io.chunkwise.model.Progress;
import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.adapter.AdapterSite;
import io.chunkwise.model.adapter.LowRankPair;
import io.chunkwise.model.fixtures.ScalarForward;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.forward.AdapterExecution;
import io.chunkwise.model.forward.ExecutorException;
import io.chunkwise.model.forward.ExecutorOptions;
import io.chunkwise.model.forward.ForwardExecutor;
import io.chunkwise.model.forward.OutputRequest;
import io.chunkwise.model.forward.PassOutput;
import io.chunkwise.model.forward.TokenBatch;
import io.chunkwise.model.forward.WeightRole;
import io.chunkwise.model.kv.KvReservation;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.model.llama.SyntheticLlama;
import io.chunkwise.tornado.device.DeviceAdapter.Reservation;
import io.chunkwise.tornado.device.DeviceDirectory.Device;
import io.chunkwise.tornado.device.TestDevice;
import io.chunkwise.tornado.graph.KernelForm;
import io.chunkwise.tornado.kernels.ProjectionKernels;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Number formats of components, and updates in tasks of their own: the sums are the same. */
class AdapterExecutionTest {
    private static final int CONTEXT = 32;
    private static final double TOLERANCE = 2e-5;
    // Heads of 32, and widths that are no multiples of what a thread or group does at a time.
    private static final LlamaConfig CONFIG = SyntheticLlama.config(96, 2, 3, 1, 160, 45, CONTEXT);

    @ParameterizedTest
    @CsvSource({"F32, true", "F32, false", "Q8_0, true", "Q8_0, false"})
    void sumsAreTheSameAsPlainJava(TensorType type, boolean fused) {
        try (LlamaModel model = model(); ForwardExecutor executor = TornadoForwardExecutor.direct(model, options(type, fused))) {
            check(model, executor, type + ", fused " + fused);
        }
    }

    @Tag("tornado")
    @ParameterizedTest
    @CsvSource({"F32, false, THREADED", "Q8_0, true, THREADED", "F32, false, GROUPED", "Q8_0, true, GROUPED"})
    void sumsAreTheSameOnTheDevice(TensorType type, boolean fused, KernelForm form) {
        Device device = TestDevice.best();
        assumeFalse(form == KernelForm.THREADED && KernelForm.of(device.handle().getDeviceType()) == KernelForm.GROUPED,
                "GPUs do not get this form, and TornadoVM makes no PTX of its vectors");
        try (LlamaModel model = model(); TornadoForwardExecutor executor = TornadoForwardExecutor.open(model, options(type, fused), device,
                form, Reservation.NONE, false)) {
            check(model, executor, form + ", " + type + ", fused " + fused);
            long before = executor.counters().launches();
            executor.run(TokenBatch.uniform(new int[] {1}, 0, new float[0]), new OutputRequest.Nothing());
            int apart = 14 + 2 * 7 + (form == KernelForm.GROUPED ? 1 : 0); // one puts splits of attention together
            assertEquals(1 + CONFIG.layers() * (fused ? 8L : apart), executor.counters().launches() - before, "launches of a token");
        }
    }

    /** A prefill of as many rows as have tiles, then a decode that has none, then a prefill again. */
    @Tag("tornado")
    @ParameterizedTest
    @EnumSource(value = TensorType.class, names = {"F16", "Q8_0"})
    void manyRowsAreComputedInTilesOnTheDevice(TensorType type) {
        int rows = ProjectionKernels.LEAST_TILE_ROWS + 5;
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        try (LlamaModel model = SyntheticLlama.model(CONFIG, type, 5);
                TornadoForwardExecutor executor = TornadoForwardExecutor.open(model, options(rows, TensorType.Q8_0, true),
                        TestDevice.best(), KernelForm.GROUPED, Reservation.NONE, false)) {
            Adapter adapter = exactAdapter(random);
            ScalarForward oracle = new ScalarForward(model, CONTEXT);
            executor.attach(Optional.of(adapter));
            oracle.attach(Optional.of(adapter));
            for (int[] pass : new int[][] {{0, rows}, {rows, 1}, {rows + 1, 3}, {0, rows - 2}}) {
                float[] gains = new float[3 * pass[1]];
                for (int i = 0; i < gains.length; i++) {
                    gains[i] = random.nextInt(3) / 2f;
                }
                TokenBatch batch = new TokenBatch(random.ints(pass[1], 0, CONFIG.vocabSize()).toArray(), pass[0], 3, gains);
                assertAgrees(oracle.run(batch), executor.run(batch, new OutputRequest.AllLogits()), TOLERANCE,
                        type + ", " + pass[1] + " rows, seed " + seed);
            }
        }
    }

    @Test
    void typesThatItDoesNotHaveAreRefused() {
        LlamaConfig uneven = SyntheticLlama.config(80, 2, 4, 2, 160, 45, CONTEXT); // heads of 20
        ExecutorException q4 = assertThrows(ExecutorException.class,
                () -> TornadoForwardExecutor.requireSupported(new AdapterExecution(Optional.of(TensorType.Q4_0), true), CONFIG));
        assertTrue(q4.getMessage().contains("not in q4_0"), q4.getMessage());
        ExecutorException q8 = assertThrows(ExecutorException.class,
                () -> TornadoForwardExecutor.requireSupported(new AdapterExecution(Optional.of(TensorType.Q8_0), true), uneven));
        assertTrue(q8.getMessage().contains("heads (20)"), q8.getMessage());
        TornadoForwardExecutor.requireSupported(AdapterExecution.DEFAULT, uneven);
    }

    private static void check(LlamaModel model, ForwardExecutor executor, String what) {
        long seed = new Random().nextLong();
        Random random = new Random(seed);
        Adapter adapter = exactAdapter(random);
        ScalarForward oracle = new ScalarForward(model, CONTEXT);
        executor.attach(Optional.of(adapter));
        oracle.attach(Optional.of(adapter));
        int[] tokens = random.ints(5, 0, CONFIG.vocabSize()).toArray();
        TokenBatch prefill = new TokenBatch(tokens, 0, 3, new float[] {1, .5f, 1, 0, 0, 0, 0, -1, 0, 1, 1, 0, .25f, 0, 2});
        assertAgrees(oracle.run(prefill), executor.run(prefill, new OutputRequest.AllLogits()), TOLERANCE, what + ", seed " + seed);
        TokenBatch decode = TokenBatch.uniform(new int[] {7}, 5, new float[] {1, 1, 1});
        assertAgrees(oracle.run(decode), executor.run(decode, new OutputRequest.LastLogits()), TOLERANCE, what + ", seed " + seed);
        TokenBatch base = TokenBatch.uniform(new int[] {7}, 0, new float[3]);
        float[] off = logits(executor.run(base, new OutputRequest.LastLogits()));
        executor.attach(Optional.empty());
        float[] none = logits(executor.run(TokenBatch.uniform(new int[] {7}, 0, new float[0]), new OutputRequest.LastLogits()));
        assertArrayEquals(none, off, what + ": gain 0 is the base");
    }

    private static LlamaModel model() {
        return SyntheticLlama.model(CONFIG, TensorType.Q8_0, 5);
    }

    // Fused with heads transformed by Hadamard, too.
    private static ExecutorOptions options(TensorType type, boolean fused) {
        return options(8, type, fused);
    }

    private static ExecutorOptions options(int rowCapacity, TensorType type, boolean fused) {
        KvReservation kv = fused ? new KvReservation(CONTEXT, CONTEXT, CONTEXT) : KvReservation.full(CONTEXT);
        return new ExecutorOptions(CONTEXT, rowCapacity, kv, Optional.empty(), 1, Progress.NONE)
                .with(new AdapterExecution(Optional.of(type), fused));
    }

    /** Three groups, of 2, 0 and 5 components, which Q8_0 keeps as they are: multiples of 1/1024 up to 127, which every block has. */
    private static Adapter exactAdapter(Random random) {
        Map<AdapterSite, LowRankPair> sites = new HashMap<>();
        for (int layer = 0; layer < CONFIG.layers(); layer++) {
            for (WeightRole role : WeightRole.ADAPTABLE) {
                int outputs = Math.toIntExact(role.shape(CONFIG).get(0));
                int inputs = Math.toIntExact(role.shape(CONFIG).get(1));
                if (layer == 0 || role != WeightRole.KEY) {
                    sites.put(new AdapterSite(layer, role), new LowRankPair(7, inputs, outputs, exact(random, 7, inputs, false),
                            exact(random, 7, outputs, true), new int[] {2, 2, 7}));
                }
            }
        }
        return new Adapter("exact", 3, sites);
    }

    private static float[] exact(Random random, int rank, int width, boolean turned) {
        float[] values = new float[rank * width];
        for (int k = 0; k < rank; k++) {
            for (int i = 0; i < width; i++) {
                int code = i % 32 == 0 ? 127 : random.nextInt(-127, 128);
                values[turned ? i * rank + k : k * width + i] = code / 1024f;
            }
        }
        return values;
    }

    private static float[] logits(PassOutput output) {
        return ((PassOutput.Logits) output).values();
    }
}
