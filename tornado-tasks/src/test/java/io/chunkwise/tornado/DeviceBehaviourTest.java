package io.chunkwise.tornado;

import static io.chunkwise.model.fixtures.LogitAgreement.assertAgrees;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.model.Progress;
import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.adapter.AdapterSite;
import io.chunkwise.model.adapter.LowRankPair;
import io.chunkwise.model.fixtures.ModelCase;
import io.chunkwise.model.fixtures.ScalarForward;
import io.chunkwise.model.forward.ExecutorOptions;
import io.chunkwise.model.forward.OutputRequest;
import io.chunkwise.model.forward.PassOutput;
import io.chunkwise.model.forward.TokenBatch;
import io.chunkwise.model.kv.KvReservation;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.model.llama.SyntheticLlama;
import io.chunkwise.tornado.device.DeviceAdapter.Reservation;
import io.chunkwise.tornado.device.DeviceDirectory.Device;
import io.chunkwise.tornado.device.TestDevice;
import io.chunkwise.tornado.graph.KernelForm;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the contract can't see: compilation, reservations, and the kernels that this device would not get by itself. */
@Tag("tornado")
class DeviceBehaviourTest {
    private static final ExecutorOptions OPTIONS = new ExecutorOptions(48, 20, KvReservation.full(48), Optional.empty(), 1, Progress.NONE);
    private static final double TOLERANCE = 2e-5;

    @Test
    void nothingIsCompiledAfterTheFirstPass() {
        Device device = TestDevice.best();
        try (LlamaModel model = ModelCase.small().open(); TornadoForwardExecutor executor = TornadoForwardExecutor.open(model, OPTIONS,
                device,
                KernelForm.of(device.handle().getDeviceType()), TestDevice.room(model.config()), true)) {
            executor.run(TokenBatch.uniform(new int[] {1}, 0, new float[0]), new OutputRequest.Nothing());
            long opened = executor.compileNanos();
            assertTrue(opened > 0, "compile time is measured");
            executor.run(TokenBatch.uniform(new int[] {3}, 1, new float[0]), new OutputRequest.LastLogits());
            executor.run(TokenBatch.uniform(new int[] {4, 9, 2}, 1, new float[0]), new OutputRequest.AllLogits());
            for (int rank : new int[] {4, 24, 9}) {
                executor.attach(Optional.of(SyntheticLlama.adapter(model.config(), rank, rank)));
                for (float gain : new float[] {0, 1, 0.25f}) {
                    executor.run(TokenBatch.uniform(new int[] {5}, 4, new float[] {gain}), new OutputRequest.LastTop(1));
                    executor.run(TokenBatch.uniform(new int[] {3, 7, 1, 6}, 5, new float[] {gain}), new OutputRequest.LastTop(20));
                }
            }
            executor.attach(Optional.empty());
            executor.run(TokenBatch.uniform(new int[20], 0, new float[0]), new OutputRequest.Nothing());
            assertEquals(opened, executor.compileNanos(), "nanoseconds of compiling");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"small F32", "heads of 24", "heads wider than hidden, Q4_0", "Llama 3 rope and biases, Q8_0"})
    void theFormThatTheDeviceDoesNotGetAgreesWithTheOracle(String name) {
        ModelCase modelCase = ModelCase.all().filter(m -> m.name().equals(name)).findFirst().orElseThrow();
        Device device = TestDevice.best();
        KernelForm form = KernelForm.of(device.handle().getDeviceType()) == KernelForm.THREADED ? KernelForm.GROUPED : KernelForm.THREADED;
        try (LlamaModel model = modelCase.open(); TornadoForwardExecutor executor = TornadoForwardExecutor.open(model, OPTIONS, device,
                form,
                TestDevice.room(model.config()), false)) {
            ScalarForward oracle = new ScalarForward(model, OPTIONS.contextLength());
            Adapter adapter = groupedAdapter(model.config());
            executor.attach(Optional.of(adapter));
            oracle.attach(Optional.of(adapter));
            Random random = new Random();
            int[] tokens = random.ints(20, 0, model.config().vocabSize()).toArray();
            TokenBatch prefill = new TokenBatch(tokens, 0, 3, gains(random, 60));
            assertAgrees(oracle.run(prefill), executor.run(prefill, new OutputRequest.AllLogits()), TOLERANCE, form + " prefill");
            for (int position = 20; position < 23; position++) {
                TokenBatch decode = new TokenBatch(new int[] {tokens[position - 20]}, position, 3, gains(random, 3));
                double[][] expected = oracle.run(decode);
                assertAgrees(expected, executor.run(decode, new OutputRequest.LastLogits()), TOLERANCE, form + " decode " + position);
                int best = 0;
                for (int id = 0; id < expected[0].length; id++) {
                    best = expected[0][id] > expected[0][best] ? id : best;
                }
                PassOutput.Top top = (PassOutput.Top) executor.run(decode, new OutputRequest.LastTop(7));
                assertEquals(best, top.ids()[0], form + " largest logit");
                for (int k = 0; k < 7; k++) {
                    assertEquals(expected[0][top.ids()[k]], top.logits()[k], 1e-4, form + " logit " + k);
                    assertTrue(k == 0 || top.logits()[k - 1] >= top.logits()[k], form + " order at " + k);
                }
            }
        }
    }

    @Test
    void anAdapterBeyondTheReservationKeepsTheCache() {
        Device device = TestDevice.best();
        try (LlamaModel model = ModelCase.small().open(); TornadoForwardExecutor executor = TornadoForwardExecutor.open(model, OPTIONS,
                device,
                KernelForm.of(device.handle().getDeviceType()), Reservation.NONE, true)) {
            ScalarForward oracle = new ScalarForward(model, OPTIONS.contextLength());
            TokenBatch prompt = TokenBatch.uniform(new int[] {1, 5, 9, 30, 2}, 0, new float[0]);
            oracle.run(prompt);
            float[] before = logits(executor.run(prompt, new OutputRequest.AllLogits()));
            Adapter adapter = SyntheticLlama.adapter(model.config(), 6, 3);
            oracle.attach(Optional.of(adapter));
            executor.attach(Optional.of(adapter));
            TokenBatch next = TokenBatch.uniform(new int[] {7, 8}, 5, new float[] {1});
            assertAgrees(oracle.run(next), executor.run(next, new OutputRequest.AllLogits()), TOLERANCE, "after new task graphs");
            assertArrayEquals(before, logits(executor.run(TokenBatch.uniform(prompt.tokens(), 0, new float[1]),
                    new OutputRequest.AllLogits())),
                    "gain 0 in the new task graphs is the base of the old ones");
            long compiled = executor.compileNanos();
            executor.attach(Optional.of(SyntheticLlama.adapter(model.config(), 5, 4)));
            assertEquals(compiled, executor.compileNanos(), "a smaller adapter compiles nothing");
        }
    }

    private static float[] logits(PassOutput output) {
        return ((PassOutput.Logits) output).values();
    }

    private static float[] gains(Random random, int count) {
        float[] gains = new float[count];
        for (int i = 0; i < count; i++) {
            gains[i] = random.nextInt(3) == 0 ? 0 : random.nextFloat(-0.5f, 1.5f);
        }
        return gains;
    }

    /** Three groups, of 2, 0 and 9 components; some sites are missing. */
    private static Adapter groupedAdapter(LlamaConfig config) {
        Map<AdapterSite, LowRankPair> sites = new HashMap<>();
        SyntheticLlama.adapter(config, 11, 3).sites().forEach((site, pair) -> {
            if ((site.layer() + site.role().ordinal()) % 4 != 3) {
                sites.put(site, new LowRankPair(pair.rank(), pair.inputs(), pair.outputs(), pair.down(), pair.up(), new int[] {2, 2, 11}));
            }
        });
        return new Adapter("grouped", 3, sites);
    }
}
