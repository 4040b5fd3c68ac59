package io.chunkwise.benchmark;

import io.chunkwise.benchmark.BenchExecutors.Seat;
import io.chunkwise.model.Progress;
import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.forward.DeviceInfo;
import io.chunkwise.model.forward.ExecutorCounters;
import io.chunkwise.model.forward.ExecutorCounters.KernelTime;
import io.chunkwise.model.forward.ExecutorOptions;
import io.chunkwise.model.forward.ForwardExecutorProvider;
import io.chunkwise.model.forward.ReadProbe;
import io.chunkwise.model.forward.WeightRole;
import io.chunkwise.model.llama.LlamaModel;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntToDoubleFunction;
import java.util.function.LongSupplier;
import java.util.stream.IntStream;

/**
 * Measures prefill and decode of one model on one device. Adapters, modes, KV policies and types, numbers of threads and the reading
 * of memory take turns within every repetition: on a machine that others use too, ratios within a repetition mean more than figures.
 * Depths come one after the other, because filling the cache takes longer than a test.
 */
public final class Bench {
    private static final int WARM_UPS = 3;
    /** Decoded to warm up for a prefill, too: its last row takes the same code, but too seldom for that to be compiled. */
    private static final int WARM_UP_TOKENS = 16;
    private static final double LONG_ROUND_SECONDS = 5; // long enough for all code to be compiled in one

    private final BenchPlan plan;
    private final ForwardExecutorProvider provider;
    private final DeviceInfo device;
    private final ExecutorOptions template;
    private final LongSupplier clock;

    /**
     * @param device   of the provider
     * @param template adapter type, CUDA graphs and progress are taken from it; context, rows, threads and the KV cache follow the plan
     */
    public Bench(BenchPlan plan, ForwardExecutorProvider provider, DeviceInfo device, ExecutorOptions template) {
        this(plan, provider, device, template, System::nanoTime);
    }

    /** @param clock in nanoseconds */
    Bench(BenchPlan plan, ForwardExecutorProvider provider, DeviceInfo device, ExecutorOptions template, LongSupplier clock) {
        this.plan = plan;
        this.provider = provider;
        this.device = device;
        this.template = template;
        this.clock = clock;
    }

    /**
     * @param name  of the model, for the report
     * @param model neither changed nor closed
     * @return a row for every combination: by depth, threads, KV policy, KV type, test and variant
     */
    public List<BenchRow> run(String name, LlamaModel model) {
        List<BenchRow> rows = new ArrayList<>();
        try (BenchExecutors executors = open(model, false)) {
            for (int depth : plan.depths()) {
                List<Series> all = prepare(executors, model, depth, name);
                rows.addAll(measure(all, executors, model, depth, name));
            }
        }
        return plan.profiled() ? profiled(rows, name, model) : rows;
    }

    /** The measurements of one row as they come. */
    private record Series(Seat seat, Variant variant, SpeedTest test, Optional<Adapter> adapter, double[] seconds, double[] kvBytes,
            long[] launches) {

        double speed(int repetition) {
            return test.tokens() / seconds[repetition];
        }
    }

    private BenchExecutors open(LlamaModel model, boolean profiled) {
        return new BenchExecutors(plan, model, provider, device, template.profiled(profiled), clock);
    }

    /** Fills the caches to a depth, from where they are. */
    private List<Series> prepare(BenchExecutors executors, LlamaModel model, int depth, String name) {
        List<Series> all = new ArrayList<>();
        int filled = plan.depths().stream().mapToInt(Integer::intValue).filter(before -> before < depth).max().orElse(0);
        int done = 0;
        for (Seat seat : executors.seats()) {
            if (depth > filled) {
                seat.executor().attach(Optional.empty());
                seat.cache().rewind(filled);
                int pieces = Math.ceilDiv(depth - filled, seat.executor().rowCapacity());
                for (int piece = 0; piece < pieces; piece++) {
                    int from = filled + piece * seat.executor().rowCapacity();
                    seat.cache().prefill(from, Math.min(seat.executor().rowCapacity(), depth - from), new float[0]);
                    template.progress().report("filling the cache of " + name + " to " + depth, (long) done * pieces + piece + 1,
                            (long) executors.seats().size() * pieces);
                }
            }
            done++;
            for (Variant variant : plan.variants().stream().filter(seat::takes).toList()) {
                for (SpeedTest test : plan.tests()) {
                    all.add(new Series(seat, variant, test, executors.adapter(variant), new double[plan.repetitions()],
                            new double[plan.repetitions()], new long[1]));
                }
            }
        }
        // Base and adapters of one test directly one after the other.
        all.sort(Comparator.<Series>comparingInt(series -> plan.threads().indexOf(series.seat().threads()))
                .thenComparing(series -> plan.kvPolicies().indexOf(series.seat().kvPolicy()))
                .thenComparing(series -> plan.kvTypes().indexOf(series.seat().kvType()))
                .thenComparing(series -> plan.tests().indexOf(series.test()))
                .thenComparing(series -> plan.variants().indexOf(series.variant())));
        return all;
    }

    private List<BenchRow> measure(List<Series> all, BenchExecutors executors, LlamaModel model, int depth, String name) {
        Map<Integer, double[]> bandwidth = new HashMap<>();
        plan.threads().forEach(threads -> bandwidth.put(threads, new double[plan.repetitions()]));
        Progress progress = template.progress();
        String stage = "measuring " + name + (depth == 0 ? "" : " at depth " + depth);
        int rounds = WARM_UPS + plan.repetitions();
        for (int warmUp = 0; warmUp < WARM_UPS; warmUp++) {
            progress.report(stage, warmUp, rounds);
            long started = clock.getAsLong();
            all.forEach(series -> warmUp(series, model, depth));
            plan.threads().forEach(threads -> executors.probe(threads).bytesPerSecond());
            if (clock.getAsLong() - started > LONG_ROUND_SECONDS * 1e9) {
                break;
            }
        }
        for (int repetition = 0; repetition < plan.repetitions(); repetition++) {
            progress.report(stage, WARM_UPS + repetition, rounds);
            // Backwards every other time: who comes second finds the clock that the first has left.
            for (Series series : repetition % 2 == 0 ? all : all.reversed()) {
                measure(series, model, depth, repetition);
            }
            for (int threads : plan.threads()) {
                ReadProbe probe = executors.probe(threads);
                bandwidth.get(threads)[repetition] = Math.max(probe.bytesPerSecond(), probe.bytesPerSecond());
            }
        }
        progress.report(stage, rounds, rounds);
        return all.stream().map(series -> row(series, all, bandwidth.get(series.seat().threads()), model, depth, name)).toList();
    }

    private void warmUp(Series series, LlamaModel model, int depth) {
        measure(series, model, depth, -1);
        if (series.test().kind() == SpeedTest.Kind.PREFILL) {
            series.seat().cache().rewind(depth);
            series.seat().cache().decode(depth, Math.min(WARM_UP_TOKENS, series.test().tokens()), gain(series));
        }
    }

    /** @param repetition −1 to warm up: nothing is kept */
    private void measure(Series series, LlamaModel model, int depth, int repetition) {
        Seat seat = series.seat();
        seat.executor().attach(series.adapter());
        float[] gain = gain(series);
        seat.cache().rewind(depth);
        long launchesBefore = seat.executor().counters().launches();
        long started = clock.getAsLong();
        switch (series.test().kind()) {
            case PREFILL -> seat.cache().prefill(depth, series.test().tokens(), gain);
            case DECODE -> seat.cache().decode(depth, series.test().tokens(), gain);
        }
        long ended = clock.getAsLong();
        if (repetition >= 0) {
            series.seconds()[repetition] = (ended - started) / 1e9;
            series.kvBytes()[repetition] = DecodeFloor.kvBytes(model.config(), seat.executor().kv().usage(), depth, series.test().tokens());
            series.launches()[0] += seat.executor().counters().launches() - launchesBefore;
        }
    }

    private static float[] gain(Series series) {
        return series.adapter().isPresent() ? new float[] {1} : new float[0];
    }

    private BenchRow row(Series series, List<Series> all, double[] bandwidth, LlamaModel model, int depth, String name) {
        Seat seat = series.seat();
        ExecutorCounters counters = seat.executor().counters();
        Optional<Series> base = all.stream().filter(other -> other.variant().equals(Variant.BASE) && other.test().equals(series.test())
                && other.seat().threads() == seat.threads() && other.seat().kvPolicy().equals(seat.kvPolicy())
                && other.seat().kvType() == seat.kvType()).findFirst();
        boolean decode = series.test().kind() == SpeedTest.Kind.DECODE;
        long fixed = DecodeFloor.weightBytes(model)
                + series.adapter().map(adapter -> DecodeFloor.adapterBytes(adapter, model.weights(), seat.executor())).orElse(0L);
        IntToDoubleFunction bytes = repetition -> decode ? fixed + series.kvBytes()[repetition] : Double.NaN;
        return new BenchRow(setting(seat, model, depth, name), series.test(), series.variant(),
                spread(series::speed), IntStream.range(0, plan.repetitions()).mapToObj(series::speed).toList(),
                base.map(of -> MedianInterval.of(ofRepetitions(i -> series.speed(i) / of.speed(i)))).orElse(MedianInterval.UNKNOWN),
                Spread.of(bandwidth).median(), spread(bytes).median(),
                spread(i -> bandwidth[i] / bytes.applyAsDouble(i) / series.speed(i)).median(),
                (double) series.launches()[0] / plan.repetitions() / series.test().tokens(), counters.peakDeviceBytes(),
                new BenchRow.StartUp(seat.started().compileNanos() / 1e9, seat.started().uploadNanos() / 1e9, seat.firstToken()),
                Optional.empty());
    }

    private BenchRow.Setting setting(Seat seat, LlamaModel model, int depth, String name) {
        boolean cpu = seat.executor().device().backend().equals("cpu");
        int threads = !cpu ? 0 : seat.threads() == 0 ? Runtime.getRuntime().availableProcessors() : seat.threads();
        return new BenchRow.Setting(name, model.weights().get(WeightRole.QUERY, 0).type(), model.weights().bytes(), seat.executor().name(),
                seat.executor().device(), threads, depth, seat.kvPolicy().word(), seat.kvType(), template.adapters().type(),
                seat.executor().activations(), seat.executor().tensorCores());
    }

    private Spread spread(IntToDoubleFunction ofRepetition) {
        return Spread.of(ofRepetitions(ofRepetition));
    }

    private double[] ofRepetitions(IntToDoubleFunction ofRepetition) {
        return IntStream.range(0, plan.repetitions()).mapToDouble(ofRepetition).toArray();
    }

    /** The same tests once more, in executors that take the time of every kernel; their own speed means nothing. */
    private List<BenchRow> profiled(List<BenchRow> rows, String name, LlamaModel model) {
        List<BenchRow> complete = new ArrayList<>();
        try (BenchExecutors executors = open(model, true)) {
            int next = 0;
            for (int depth : plan.depths()) {
                List<Series> all = prepare(executors, model, depth, name);
                for (int i = 0; i < all.size(); i++) {
                    template.progress().report("profiling " + name, next, rows.size());
                    measure(all.get(i), model, depth, -1);
                    List<KernelTime> before = all.get(i).seat().executor().counters().kernels();
                    measure(all.get(i), model, depth, -1);
                    BenchRow row = rows.get(next++);
                    complete.add(row.with(profile(row, before, all.get(i).seat().executor().counters().kernels())));
                }
            }
            template.progress().report("profiling " + name, next, rows.size());
        }
        return complete;
    }

    private static BenchRow.Profile profile(BenchRow row, List<KernelTime> before, List<KernelTime> after) {
        Map<String, KernelTime> earlier = new HashMap<>();
        before.forEach(kernel -> earlier.put(kernel.name(), kernel));
        List<KernelTime> kernels = after.stream().map(kernel -> {
            KernelTime until = earlier.getOrDefault(kernel.name(), new KernelTime(kernel.name(), 0, 0));
            return new KernelTime(kernel.name(), kernel.launches() - until.launches(), kernel.nanos() - until.nanos());
        }).filter(kernel -> kernel.launches() > 0).sorted(Comparator.comparingLong(KernelTime::nanos).reversed()).toList();
        double perToken = kernels.stream().mapToLong(KernelTime::nanos).sum() / 1e9 / row.test().tokens();
        return new BenchRow.Profile(kernels, perToken, 1 / row.speed().median() - perToken);
    }
}
