package io.chunkwise.tornado;

import static io.chunkwise.model.fixtures.LogitAgreement.assertAgrees;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.model.Progress;
import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.adapter.AdapterSite;
import io.chunkwise.model.adapter.LowRankPair;
import io.chunkwise.model.fixtures.DecidingOracle;
import io.chunkwise.model.fixtures.ModelCase;
import io.chunkwise.model.fixtures.ScalarForward;
import io.chunkwise.model.forward.AdapterExecution;
import io.chunkwise.model.forward.ExecutorOptions;
import io.chunkwise.model.forward.OutputRequest;
import io.chunkwise.model.forward.PassOutput;
import io.chunkwise.model.forward.PassResult;
import io.chunkwise.model.forward.Statistics;
import io.chunkwise.model.forward.TokenBatch;
import io.chunkwise.model.kv.KvFormat;
import io.chunkwise.model.kv.KvMeasurement;
import io.chunkwise.model.kv.KvPage;
import io.chunkwise.model.kv.KvReservation;
import io.chunkwise.model.kv.KvType;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.model.llama.SyntheticLlama;
import io.chunkwise.tornado.device.DeviceAdapter.Reservation;
import io.chunkwise.tornado.device.DeviceDirectory.Device;
import io.chunkwise.tornado.device.TestDevice;
import io.chunkwise.tornado.graph.KernelForm;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the contract can't see: compilation, reservations, and the kernels that this device would not get by itself. */
@Tag("tornado")
class DeviceBehaviourTest {
    private static final int CONTEXT = 96;
    private static final ExecutorOptions FULL = options(KvReservation.full(CONTEXT));
    private static final ExecutorOptions QUANTIZABLE = options(new KvReservation(CONTEXT, CONTEXT, CONTEXT));
    private static final double TOLERANCE = 2e-5;

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void nothingIsCompiledAfterTheFirstPass(boolean quantizable) {
        try (LlamaModel model = ModelCase.small().open();
                TornadoForwardExecutor executor = open(model, quantizable ? QUANTIZABLE : FULL, TestDevice.room(model.config()))) {
            executor.run(batch(1, 0, 0), new OutputRequest.Nothing());
            long opened = executor.compilerNanos();
            assertTrue(opened > 0, "compile time is measured");
            executor.run(batch(1, 1, 0), new OutputRequest.LastLogits());
            executor.run(batch(3, 1, 0), new OutputRequest.AllLogits());
            for (int rank : new int[] {4, 24, 9}) {
                executor.attach(Optional.of(SyntheticLlama.adapter(model.config(), rank, rank)));
                for (float gain : new float[] {0, 1, 0.25f}) {
                    executor.run(uniform(1, 4, gain), new OutputRequest.LastTop(1));
                    executor.run(uniform(4, 5, gain), new OutputRequest.LastTop(20));
                }
            }
            // Groups of other ranks, rows of other pages, statistics of other rows, pages of other formats.
            executor.attach(Optional.of(groupedAdapter(model.config())));
            for (int position = 0; position < 80; position += 20) {
                for (Statistics statistics : Statistics.values()) {
                    float[] gains = {1, 0, position == 40 ? 0.5f : 0};
                    executor.run(TokenBatch.uniform(new int[20], position, gains), new OutputRequest.LastTop(3), statistics);
                }
                executor.kv().measure(List.of(new KvPage(0, position / 20), new KvPage(1, 0)));
            }
            if (quantizable) {
                executor.kv().store(List.of(new KvPage(0, 1), new KvPage(1, 2)), KvFormat.Q8);
                executor.kv().store(List.of(new KvPage(0, 2), new KvPage(1, 1)), KvFormat.Q4);
            }
            executor.kv().store(List.of(new KvPage(0, 1), new KvPage(1, 1)), KvFormat.EVICTED);
            if (!quantizable) {
                executor.kv().shift(1, 1);
            }
            executor.run(uniform(1, executor.kv().filled(), 1, 1, 1), new OutputRequest.LastLogits(), Statistics.LAST_ROW);
            executor.attach(Optional.empty());
            executor.run(batch(20, 0, 0), new OutputRequest.Nothing());
            assertEquals(opened, executor.compilerNanos(), "nanoseconds of compiling");
        }
    }

    @ParameterizedTest
    @CsvSource({"heads of 24, F16, THREADED", "heads of 24, F16, GROUPED", "'heads wider than hidden, Q4_0', F32, GROUPED",
        "'Llama 3 rope and biases, Q8_0', F32, GROUPED"})
    void eitherFormAgreesWithTheOracle(String name, KvType type, KernelForm form) {
        ModelCase modelCase = ModelCase.all().filter(m -> m.name().equals(name)).findFirst().orElseThrow();
        Device device = TestDevice.best();
        double tolerance = type == KvType.F32 ? TOLERANCE : DecidingOracle.TOLERANCE;
        ExecutorOptions options = options(QUANTIZABLE.kv().with(type));
        try (LlamaModel model = modelCase.open(); TornadoForwardExecutor executor = TornadoForwardExecutor.open(model, options, device,
                form, TestDevice.room(model.config()), false)) {
            DecidingOracle oracle = new DecidingOracle(model, CONTEXT, true, type);
            Adapter adapter = groupedAdapter(model.config());
            executor.attach(Optional.of(adapter));
            oracle.act(exact -> exact.attach(Optional.of(adapter)));
            long seed = new Random().nextLong();
            Random random = new Random(seed);
            String what = form + ", seed " + seed + ", ";
            int[] tokens = random.ints(60, 0, model.config().vocabSize()).toArray();
            for (int position = 0; position < 60; position += 20) {
                TokenBatch prefill = new TokenBatch(Arrays.copyOfRange(tokens, position, position + 20), position, 3, gains(random, 60));
                PassResult result = executor.run(prefill, new OutputRequest.AllLogits(), Statistics.ALL_ROWS);
                double[][] expected = oracle.run(prefill, result.output(), tolerance);
                assertAgrees(expected, result.output(), tolerance, what + "prefill at " + position);
                for (int row = 0; row < 20; row++) {
                    assertEquals(oracle.now().attentionEntropy()[row], result.statistics().attentionEntropy()[row], tolerance,
                            what + "attention entropy at " + (position + row));
                }
            }
            KvMeasurement expectedMeasurement = oracle.now().measure(new KvPage(0, 1));
            KvMeasurement measured = executor.kv().measure(List.of(new KvPage(0, 1))).getFirst();
            for (KvFormat format : KvFormat.values()) {
                assertEquals(expectedMeasurement.error(format), measured.error(format),
                        (type == KvType.F32 ? 1e-2 : 0.15) * expectedMeasurement.error(format),
                        what + "error of " + format);
            }
            executor.kv().store(List.of(new KvPage(0, 1)), KvFormat.EVICTED);
            oracle.act(exact -> exact.store(new KvPage(0, 1), KvFormat.EVICTED));
            for (int position = 60; position < 63; position++) {
                TokenBatch decode = new TokenBatch(new int[] {tokens[position - 20]}, position, 3, gains(random, 3));
                PassOutput logits = executor.run(decode, new OutputRequest.LastLogits());
                double[][] expected = oracle.run(decode, logits, tolerance);
                assertAgrees(expected, logits, tolerance, what + "decode " + position);
                int best = 0;
                for (int id = 0; id < expected[0].length; id++) {
                    best = expected[0][id] > expected[0][best] ? id : best;
                }
                PassOutput.Top top = (PassOutput.Top) executor.run(decode, new OutputRequest.LastTop(7));
                assertEquals(best, top.ids()[0], what + "largest logit");
                for (int k = 0; k < 7; k++) {
                    assertEquals(expected[0][top.ids()[k]], top.logits()[k], 5 * tolerance, what + "logit " + k);
                    assertTrue(k == 0 || top.logits()[k - 1] >= top.logits()[k], what + "order at " + k);
                }
            }
        }
    }

    @Test
    void anAdapterBeyondTheReservationKeepsTheCache() {
        try (LlamaModel model = ModelCase.small().open(); TornadoForwardExecutor executor = open(model, QUANTIZABLE, Reservation.NONE)) {
            ScalarForward oracle = new ScalarForward(model, CONTEXT, true);
            TokenBatch prompt = batch(20, 0, 0);
            oracle.run(prompt);
            float[] before = logits(executor.run(prompt, new OutputRequest.AllLogits()));
            executor.kv().store(List.of(new KvPage(0, 0)), KvFormat.EVICTED);
            oracle.store(new KvPage(0, 0), KvFormat.EVICTED);
            Adapter adapter = SyntheticLlama.adapter(model.config(), 6, 3);
            oracle.attach(Optional.of(adapter));
            executor.attach(Optional.of(adapter));
            TokenBatch next = uniform(2, 20, 1);
            assertAgrees(oracle.run(next), executor.run(next, new OutputRequest.AllLogits()), TOLERANCE, "after new task graphs");
            assertArrayEquals(before, logits(executor.run(uniform(20, 0, 0), new OutputRequest.AllLogits())),
                    "gain 0 in the new task graphs is the base of the old ones");
            long compiled = executor.compilerNanos();
            executor.attach(Optional.of(SyntheticLlama.adapter(model.config(), 5, 4)));
            assertEquals(compiled, executor.compilerNanos(), "a smaller adapter compiles nothing");
        }
    }

    @Test
    void reservedAdaptersAreAttachedWithoutCompiling() {
        try (LlamaModel model = ModelCase.small().open(); TornadoForwardExecutor executor = open(model, FULL, Reservation.NONE)) {
            ScalarForward oracle = new ScalarForward(model, CONTEXT);
            // One has the larger rank, the other more groups.
            List<Adapter> adapters = List.of(SyntheticLlama.adapter(model.config(), 17, 2), groupedAdapter(model.config()));
            executor.reserve(adapters);
            assertEquals(0, executor.compilerNanos(), "reserving before the first pass compiles nothing");
            executor.attach(Optional.empty());
            executor.run(batch(1, 0, 0), new OutputRequest.Nothing());
            long compiled = executor.compilerNanos();
            for (Adapter adapter : adapters) {
                executor.attach(Optional.of(adapter));
                oracle.attach(Optional.of(adapter));
                float[] gains = new float[adapter.groups()];
                Arrays.fill(gains, 0.5f);
                TokenBatch batch = uniform(3, 0, gains);
                assertAgrees(oracle.run(batch), executor.run(batch, new OutputRequest.AllLogits()), TOLERANCE, adapter.name());
            }
            executor.reserve(adapters.reversed());
            assertEquals(compiled, executor.compilerNanos(), "nanoseconds of compiling");
            // More than before, while one is attached and the cache is in use.
            executor.reserve(List.of(SyntheticLlama.adapter(model.config(), 20, 1)));
            TokenBatch next = uniform(1, 3, 1, 1, 1);
            assertAgrees(oracle.run(next), executor.run(next, new OutputRequest.AllLogits()), TOLERANCE, "after reserving more");
        }
    }

    @Test
    void poolsThatAreTooSmallGrowAndKeepWhatTheyHold() {
        ExecutorOptions little = options(new KvReservation(32, 16, 0));
        try (LlamaModel model = ModelCase.small().open(); TornadoForwardExecutor executor = open(model, little, Reservation.NONE)) {
            ScalarForward oracle = new ScalarForward(model, CONTEXT, true);
            for (int position = 0; position < 80; position += 20) {
                TokenBatch batch = batch(20, position, 0);
                double[][] expected = oracle.run(batch);
                assertAgrees(expected, executor.run(batch, new OutputRequest.AllLogits()), TOLERANCE + 0.05 * oracle.undecidedSteps(),
                        "prefill at " + position);
                if (position == 20) {
                    store(executor, oracle, KvFormat.Q8, new KvPage(0, 0), new KvPage(1, 1));
                }
            }
            long small = executor.kv().usage().allocatedBytes();
            // Q8 grows and Q4 comes into being; what is in Q8 already moves along.
            store(executor, oracle, KvFormat.Q8, new KvPage(0, 1), new KvPage(1, 0));
            store(executor, oracle, KvFormat.Q4, new KvPage(0, 2), new KvPage(1, 2));
            assertTrue(executor.kv().usage().allocatedBytes() > small, "more is allocated");
            TokenBatch next = batch(2, 80, 0);
            double tolerance = TOLERANCE + 0.05 * oracle.undecidedSteps();
            assertAgrees(oracle.run(next), executor.run(next, new OutputRequest.AllLogits()), tolerance, "after the pools grew");
            assertEquals(2, executor.kv().measure(List.of(new KvPage(0, 4), new KvPage(1, 4))).size(), "probes survive, too");
        }
    }

    private static void store(TornadoForwardExecutor executor, ScalarForward oracle, KvFormat format, KvPage... pages) {
        executor.kv().store(List.of(pages), format);
        for (KvPage page : pages) {
            oracle.store(page, format);
        }
    }

    private static ExecutorOptions options(KvReservation kv) {
        return new ExecutorOptions(CONTEXT, 20, kv, Optional.empty(), 1, Progress.NONE).with(AdapterExecution.EXACT);
    }

    private static TornadoForwardExecutor open(LlamaModel model, ExecutorOptions options, Reservation reservation) {
        Device device = TestDevice.best();
        return TornadoForwardExecutor.open(model, options, device, KernelForm.of(device.handle().getDeviceType()), reservation, true);
    }

    private static TokenBatch batch(int rows, int position, int groups) {
        return uniform(rows, position, new float[groups]);
    }

    private static TokenBatch uniform(int rows, int position, float... gains) {
        int[] tokens = new int[rows];
        Arrays.setAll(tokens, row -> (7 * (position + row) + 1) % 33);
        return TokenBatch.uniform(tokens, position, gains);
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
