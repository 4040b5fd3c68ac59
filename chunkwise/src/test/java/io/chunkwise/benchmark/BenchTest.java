package io.chunkwise.benchmark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.benchmark.SpeedTest.Kind;
import io.chunkwise.model.HostMemory;
import io.chunkwise.model.Progress;
import io.chunkwise.model.cpu.CpuExecutorProvider;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.forward.ExecutorCounters.KernelTime;
import io.chunkwise.model.forward.ExecutorException;
import io.chunkwise.model.forward.ExecutorOptions;
import io.chunkwise.model.forward.ForwardExecutor;
import io.chunkwise.model.forward.ForwardExecutorProvider;
import io.chunkwise.model.forward.ReadProbe;
import io.chunkwise.model.kv.KvFormat;
import io.chunkwise.model.kv.KvReservation;
import io.chunkwise.model.kv.KvType;
import io.chunkwise.model.kv.KvUsage;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.model.llama.SyntheticLlama;
import io.chunkwise.policy.KvBounds;
import io.chunkwise.policy.KvPolicy;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class BenchTest {
    private static final int VOCAB = 100;
    private static final KvPolicy FULL = new KvPolicy.Full();
    private static final List<KvType> F32 = List.of(KvType.F32);
    private static final ExecutorOptions TEMPLATE =
            new ExecutorOptions(64, 8, KvReservation.full(64), Optional.empty(), 1, Progress.NONE);

    // ---- what is run, and in which order -------------------------------------------------------------------------

    @Test
    void baseAdaptersAndReadingTakeTurnsWithinARepetition() {
        ScriptedProvider provider = new ScriptedProvider(VOCAB);
        run(provider, plan(List.of(new SpeedTest(Kind.DECODE, 2)), List.of(Variant.BASE, new Variant(2, LoraMode.FUSED)), List.of(0), 2));
        List<String> turn = List.of("0: 1@0", "0: 1@1", "0:synthetic-r2 1@0", "0:synthetic-r2 1@1", "read with 1", "read with 1");
        List<String> expected = new ArrayList<>(List.of("0: 1@0")); // the first token
        for (int warmUp = 0; warmUp < 3; warmUp++) {
            expected.addAll(turn.subList(0, 5));
        }
        expected.addAll(turn);
        expected.addAll(Stream.of(turn.subList(2, 4), turn.subList(0, 2), turn.subList(4, 6)).flatMap(List::stream).toList()); // backwards
        assertEquals(expected, provider.events);
    }

    @Test
    void promptsAreReadInPassesOfTheBatchBehindTheDepthThatIsFilledOnce() {
        ScriptedProvider provider = new ScriptedProvider(VOCAB);
        run(provider, plan(List.of(new SpeedTest(Kind.PREFILL, 10)), List.of(Variant.BASE), List.of(20, 0), 1));
        List<String> passes = provider.events.stream().filter(event -> !event.startsWith("read")).toList();
        assertEquals(List.of("0: 8@0", "0: 2@8"), passes.subList(1, 3));
        assertEquals(IntStream.range(0, 10).mapToObj(token -> "0: 1@" + token).toList(), passes.subList(3, 13)); // warms up, too
        List<String> filling = List.of("0: 8@0", "0: 8@8", "0: 4@16");
        List<String> test = List.of("0: 8@20", "0: 2@28");
        int first = 1 + 3 * (2 + 10) + 2;
        assertEquals(filling, passes.subList(first, first + 3));
        assertEquals(test, passes.subList(first + 3, first + 5));
        assertEquals(test, passes.subList(passes.size() - 2, passes.size()));
        assertEquals(first + 3 + 3 * (2 + 10) + 2, passes.size());
    }

    @Test
    void modesThatAnExecutorIsOpenedForGetExecutorsOfTheirOwn() {
        ScriptedProvider provider = new ScriptedProvider(VOCAB);
        List<BenchRow> rows = run(provider, plan(List.of(new SpeedTest(Kind.DECODE, 1)),
                Variant.matrix(List.of(0, 2), List.of(LoraMode.MERGED, LoraMode.FUSED, LoraMode.UNFUSED)), List.of(0), 1));
        assertEquals(List.of(true, true, false), provider.opened.stream().map(options -> options.adapters().fused()).toList());
        assertEquals(List.of("none", "merged", "fused", "unfused"), rows.stream().map(row -> row.variant().mode().word()).toList());
        assertTrue(provider.events.stream().noneMatch(event -> event.startsWith("1:synthetic")), "a merged adapter is not attached: "
                + provider.events);
        assertEquals(0, provider.open(), "executors and probes left open");
    }

    @Test
    void executorsAreClosedWhenOneDoesNotOpen() {
        ScriptedProvider provider = new ScriptedProvider(VOCAB);
        BenchPlan plan = new BenchPlan(List.of(new SpeedTest(Kind.DECODE, 1)), List.of(Variant.BASE), List.of(0),
                List.of(FULL), F32, List.of(1, 2), 1, 8, false);
        ForwardExecutorProvider failing = new ForwardExecutorProvider() {
            @Override
            public String name() {
                return provider.name();
            }

            @Override
            public Availability availability() {
                return provider.availability();
            }

            @Override
            public ForwardExecutor open(LlamaModel model, ExecutorOptions options) {
                if (options.threads() == 2) {
                    throw new ExecutorException("no room");
                }
                return provider.open(model, options);
            }

            @Override
            public ReadProbe readProbe(LlamaModel model, ExecutorOptions options) {
                return provider.readProbe(model, options);
            }
        };
        try (LlamaModel model = model(TensorType.F32)) {
            assertThrows(ExecutorException.class,
                    () -> new Bench(plan, failing, ScriptedProvider.DEVICE, TEMPLATE, provider::nanos).run("small", model));
        }
        assertEquals(0, provider.open(), "executors and probes left open");
    }

    // ---- what is made of it --------------------------------------------------------------------------------------

    @Test
    void speedsRatiosAndFloorsFollowFromTimesAndBytes() {
        ScriptedProvider provider = new ScriptedProvider(VOCAB);
        List<BenchRow> rows = run(provider, plan(List.of(new SpeedTest(Kind.PREFILL, 10), new SpeedTest(Kind.DECODE, 16)),
                List.of(Variant.BASE, new Variant(3, LoraMode.FUSED)), List.of(16), 3));
        assertEquals(List.of("pp10", "pp10", "tg16", "tg16"), rows.stream().map(row -> row.test().word()).toList());
        for (BenchRow row : rows) {
            boolean adapted = row.variant().rank() > 0;
            assertEquals(adapted ? 0.5e6 : 1e6, row.speed().mean(), 1e-3);
            assertEquals(0, row.speed().deviation(), 1e-6);
            assertEquals(adapted ? 0.5 : 1, row.toBase().median(), 1e-12);
            assertFalse(row.toBase().isKnown(), "an interval of three repetitions");
            assertEquals(ScriptedProvider.BYTES_PER_SECOND, row.bytesPerSecond());
            assertEquals(3, row.samples().size());
            assertEquals(5.000001, row.startUp().firstToken(), 1e-9, "five seconds to open, a microsecond for a token");
        }
        assertTrue(Double.isNaN(rows.getFirst().floorMultiple()) && Double.isNaN(rows.getFirst().bytesPerToken()), "prefill has no floor");
        try (LlamaModel model = model(TensorType.Q8_0)) {
            // The scripted cache: two layers of one head of 8, F32, 32 positions at the end, 24 on average while they were written.
            long kv = 24L * 2 * 2 * 8 * 4;
            long weights = model.weights().bytes();
            assertEquals(weights + kv, rows.get(2).bytesPerToken());
            assertEquals(1e-6 / ((weights + kv) / 2e9), rows.get(2).floorMultiple(), 1e-9);
            // Query, key, value, output, gate, up, down of the model below, 34 bytes per 32 elements, in two layers.
            long elements = 2L * 3 * ((64 + 64) * 2 + (64 + 32) * 2 + (64 + 96) * 3);
            assertEquals(weights + kv + elements * 34 / 32, rows.get(3).bytesPerToken());
        }
    }

    @Test
    void launchesAndTimesOfTheStartAreThoseThatTheExecutorCounts() {
        List<BenchRow> rows = run(new ScriptedProvider(VOCAB),
                plan(List.of(new SpeedTest(Kind.PREFILL, 10), new SpeedTest(Kind.DECODE, 4)), List.of(Variant.BASE), List.of(0), 2));
        assertEquals(3 * 2 / 10.0, rows.get(0).launchesPerToken(), "two passes for ten tokens");
        assertEquals(3, rows.get(1).launchesPerToken());
        assertEquals(2, rows.get(1).startUp().compile());
        assertEquals(1, rows.get(1).startUp().upload());
        assertEquals(1000, rows.get(1).peakDeviceBytes());
    }

    @Test
    void aProfileIsTakenInExecutorsOfItsOwnAndHasTheKernelsOfItsTestAlone() {
        ScriptedProvider provider = new ScriptedProvider(VOCAB);
        BenchPlan plan = new BenchPlan(List.of(new SpeedTest(Kind.PREFILL, 10), new SpeedTest(Kind.DECODE, 4)), List.of(Variant.BASE),
                List.of(0), List.of(FULL), F32, List.of(1), 2, 8, true);
        List<BenchRow> rows = run(provider, plan);
        assertEquals(List.of(false, true), provider.opened.stream().map(ExecutorOptions::profiled).toList());
        BenchRow.Profile prefill = rows.get(0).profile().orElseThrow();
        assertEquals(List.of(new KernelTime("long", 2, 200), new KernelTime("short", 4, 40)), prefill.kernels());
        BenchRow.Profile decode = rows.get(1).profile().orElseThrow();
        assertEquals(List.of(new KernelTime("long", 4, 400), new KernelTime("short", 8, 80)), decode.kernels());
        assertEquals(120e-9, decode.kernelSeconds(), 1e-15);
        assertEquals(1e-6 - 120e-9, decode.hostSeconds(), 1e-15, "a token takes a microsecond");
        assertEquals(0, provider.open(), "executors and probes left open");
    }

    @Test
    void withoutRankZeroThereIsNothingToCompareWith() {
        List<BenchRow> rows = run(new ScriptedProvider(VOCAB),
                plan(List.of(new SpeedTest(Kind.DECODE, 1)), List.of(new Variant(2, LoraMode.FUSED)), List.of(0), 1));
        assertEquals(MedianInterval.UNKNOWN, rows.getFirst().toBase());
    }

    @Test
    void theCpuExecutorRunsEveryCombination() {
        BenchPlan plan = new BenchPlan(List.of(new SpeedTest(Kind.PREFILL, 12), new SpeedTest(Kind.DECODE, 3)),
                Variant.matrix(List.of(0, 4), LoraMode.ADAPTED), List.of(0, 176),
                List.of(FULL, new KvPolicy.Q8(128), new KvPolicy.Adaptive(KvBounds.DEFAULT)), F32, List.of(1, 2), 2, 8, false);
        try (LlamaModel model = model(TensorType.Q8_0)) {
            CpuExecutorProvider provider = new CpuExecutorProvider();
            List<BenchRow> rows = new Bench(plan, provider, ScriptedProvider.DEVICE, TEMPLATE).run("small", model);
            assertEquals(2 * 4 * 2 * 3 * 2, rows.size());
            assertEquals(rows.size(), rows.stream().map(row -> row.setting() + " " + row.test() + " " + row.variant()).distinct().count());
            for (BenchRow row : rows) {
                String name = row.setting() + " " + row.test().word() + " " + row.variant();
                assertTrue(row.speed().min() > 0 && Double.isFinite(row.speed().max()), name + ": " + row.speed());
                assertTrue(row.toBase().median() > 0 && row.bytesPerSecond() > 0 && row.peakDeviceBytes() >= model.weights().bytes(), name);
                assertEquals(row.test().kind() == Kind.DECODE, row.floorMultiple() > 0, name);
                assertEquals(0, row.launchesPerToken(), name);
            }
            double full = bytes(rows, "full");
            double q8 = bytes(rows, "q8");
            assertTrue(q8 < full, "a token reads " + q8 + " bytes with Q8 pages, " + full + " with full ones");
        }
    }

    private static double bytes(List<BenchRow> rows, String kvPolicy) {
        return rows.stream().filter(row -> row.setting().kvPolicy().equals(kvPolicy) && row.setting().depth() == 176
                && row.test().kind() == Kind.DECODE && row.variant().rank() == 0).findFirst().orElseThrow().bytesPerToken();
    }

    @Test
    void aSlidingWindowBoundsWhatATokenReads() {
        var config = SyntheticLlama.config(64, 2, 4, 2, 96, VOCAB, 64);
        var usage = new KvUsage(48L * 2 * KvFormat.FULL.bytesPerToken(config, KvType.F32), 0, 0, 0);
        assertEquals(40.0 * 2 * KvFormat.FULL.bytesPerToken(config, KvType.F32), DecodeFloor.kvBytes(config, usage, 32, 16));
        var windowed = new LlamaConfig(config.architecture(), 64, 2, 4, 2, 16, 96, VOCAB, 64, 1e-5f, 1e4f,
                config.ropeScaling(), config.rotaryPairing(), 10, false, true, 1, config.eosIds());
        assertEquals(10.0 * 2 * KvFormat.FULL.bytesPerToken(config, KvType.F32), DecodeFloor.kvBytes(windowed, usage, 32, 16));
    }

    // ---- plans, shapes, words ------------------------------------------------------------------------------------

    @Test
    void aMatrixHasRankZeroOnceAndOtherRanksInEveryMode() {
        assertEquals(List.of(Variant.BASE, new Variant(8, LoraMode.MERGED), new Variant(8, LoraMode.FUSED)),
                Variant.matrix(List.of(0, 8, 0, 8), List.of(LoraMode.MERGED, LoraMode.FUSED)));
        assertThrows(IllegalArgumentException.class, () -> new Variant(0, LoraMode.FUSED));
        assertThrows(IllegalArgumentException.class, () -> new Variant(8, LoraMode.NONE));
        assertThrows(IllegalArgumentException.class, () -> Variant.matrix(List.of(-8), LoraMode.ADAPTED));
    }

    @Test
    void zeroTokensMeanNoSuchTest() {
        List<SpeedTest> tests = SpeedTest.matrix(List.of(128, 0, 512), List.of(32, 32));
        assertEquals(List.of("pp128", "pp512", "tg32"), tests.stream().map(SpeedTest::word).toList());
        assertEquals(List.of(), SpeedTest.matrix(List.of(0), List.of(0)));
    }

    @Test
    void aPlanThatMeasuresNothingOrCannotBeRunIsRefused() {
        List<SpeedTest> tests = List.of(new SpeedTest(Kind.DECODE, 32));
        List<Variant> base = List.of(Variant.BASE);
        for (Runnable bad : List.<Runnable>of(
                () -> plan(List.of(), base, List.of(0), 1),
                () -> plan(tests, List.of(), List.of(0), 1),
                () -> plan(tests, base, List.of(-1), 1),
                () -> plan(tests, base, List.of(0), 0),
                () -> plan(tests, base, List.of(Integer.MAX_VALUE), 1),
                () -> new BenchPlan(tests, base, List.of(0), List.of(new KvPolicy.Window(64)), F32, List.of(0), 1, 8, false),
                () -> new BenchPlan(tests, base, List.of(100), List.of(new KvPolicy.Q8(64)), F32, List.of(0), 1, 8, false),
                () -> new BenchPlan(tests, base, List.of(0), List.of(FULL), F32, List.of(-1), 1, 8, false),
                () -> new BenchPlan(tests, base, List.of(0), List.of(FULL), F32, List.of(0), 1, 0, false))) {
            String message = assertThrows(IllegalArgumentException.class, bad::run).getMessage();
            assertFalse(message.contains("\n"), message);
        }
    }

    @Test
    void shapesHaveTheSizesOfTheirModels() {
        // Parameters as published: Llama 7B 6.74 billion, TinyLlama 1.10 billion, Llama 3.1 8B 8.03 billion.
        assertEquals(6_738_415_616L, ModelShape.LLAMA_7B.weightBytes(TensorType.F32) / 4);
        assertEquals(1_100_048_384L, ModelShape.TINYLLAMA_1B.weightBytes(TensorType.F32) / 4);
        assertEquals(8_030_261_248L, ModelShape.LLAMA_8B.weightBytes(TensorType.F32) / 4);
        try (LlamaModel model = SyntheticLlama.model(ModelShape.TINY.config(), TensorType.Q4_0, 1)) {
            assertEquals(model.weights().bytes(), ModelShape.TINY.weightBytes(TensorType.Q4_0));
        }
        String message = assertThrows(IllegalArgumentException.class, () -> ModelShape.parse("gpt-2")).getMessage();
        for (ModelShape shape : ModelShape.values()) {
            assertTrue(message.contains(shape.word()), message);
        }
    }

    @Test
    void whatDoesNotFitIntoMemoryIsRefusedWithBothSizes() {
        HostMemory.require("weights", 10, 10);
        String message = assertThrows(IllegalArgumentException.class, () -> HostMemory.require("weights", 3L << 30, 1L << 30)).getMessage();
        assertTrue(message.contains("3.0 GiB") && message.contains("1.0 GiB"), message);
        assertTrue(HostMemory.freeBytes() > 0);
    }

    @Test
    void aSpreadHasMeanDeviationAndMedian() {
        assertEquals(new Spread(3.75, Math.sqrt((27.5625 + 0.5625 + 7.5625 + 3.0625) / 3), 1, 2.5, 9), Spread.of(9, 3, 1, 2));
        assertEquals(3, Spread.of(9, 3, 1).median());
        assertEquals(new Spread(4, 0, 4, 4, 4), Spread.of(4));
    }

    private static BenchPlan plan(List<SpeedTest> tests, List<Variant> variants, List<Integer> depths, int repetitions) {
        return new BenchPlan(tests, variants, depths, List.of(FULL), F32, List.of(1), repetitions, 8, false);
    }

    private static List<BenchRow> run(ScriptedProvider provider, BenchPlan plan) {
        try (LlamaModel model = model(TensorType.Q8_0)) {
            return new Bench(plan, provider, ScriptedProvider.DEVICE, TEMPLATE, provider::nanos).run("small", model);
        }
    }

    private static LlamaModel model(TensorType type) {
        return SyntheticLlama.model(SyntheticLlama.config(64, 2, 4, 2, 96, VOCAB, 64), type, 1);
    }
}
