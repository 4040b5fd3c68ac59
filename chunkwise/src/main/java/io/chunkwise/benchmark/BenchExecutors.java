package io.chunkwise.benchmark;

import io.chunkwise.ladder.MergedRung;
import io.chunkwise.model.HostMemory;
import io.chunkwise.model.Progress;
import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.forward.AdapterExecution;
import io.chunkwise.model.forward.DeviceInfo;
import io.chunkwise.model.forward.ExecutorCounters;
import io.chunkwise.model.forward.ExecutorOptions;
import io.chunkwise.model.forward.ForwardExecutor;
import io.chunkwise.model.forward.ForwardExecutorProvider;
import io.chunkwise.model.forward.OutputRequest;
import io.chunkwise.model.forward.ReadProbe;
import io.chunkwise.model.forward.TokenBatch;
import io.chunkwise.model.kv.KvType;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.model.llama.SyntheticLlama;
import io.chunkwise.policy.ChunkPolicy;
import io.chunkwise.policy.KvPolicy;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongSupplier;

/**
 * All executors of a benchmark over one model, open at once, so that they can take turns: one per number of threads, KV policy, KV
 * type and way of running adapters. What cannot be told apart shares one: the base runs where fused adapters run.
 */
final class BenchExecutors implements AutoCloseable {
    private final List<Seat> seats = new ArrayList<>();
    private final Map<Integer, ReadProbe> probes = new HashMap<>(); // by threads
    private final Map<Integer, Adapter> adapters = new HashMap<>(); // by rank
    private Optional<LlamaModel> merged = Optional.empty();

    /**
     * An executor and what it is there for.
     *
     * @param mode       of all its variants: fused (the base included), unfused or merged
     * @param cache      of its sequence
     * @param firstToken seconds from opening it to the first token
     * @param started    counters after the first token
     */
    record Seat(int threads, KvPolicy kvPolicy, KvType kvType, LoraMode mode, ForwardExecutor executor, BenchCache cache,
            double firstToken, ExecutorCounters started) {

        boolean takes(Variant variant) {
            return modeOf(variant) == mode;
        }
    }

    private static LoraMode modeOf(Variant variant) {
        return variant.mode() == LoraMode.NONE ? LoraMode.FUSED : variant.mode();
    }

    /**
     * @param adapter  number format of components, and nothing else: the plan says whether they are fused
     * @param template everything else that executors are opened with
     */
    BenchExecutors(BenchPlan plan, LlamaModel model, ForwardExecutorProvider provider, DeviceInfo device, ExecutorOptions template,
            LongSupplier clock) {
        try {
            for (Variant variant : plan.variants()) {
                if (variant.rank() > 0) {
                    adapters.computeIfAbsent(variant.rank(), rank -> SyntheticLlama.adapter(model.config(), rank, rank));
                }
            }
            if (plan.variants().stream().anyMatch(variant -> variant.mode() == LoraMode.MERGED)) {
                merged = Optional.of(merged(model, template.progress()));
            }
            for (int threads : plan.threads()) {
                for (KvPolicy kvPolicy : plan.kvPolicies()) {
                    for (KvType kvType : plan.kvTypes()) {
                        for (LoraMode mode : plan.variants().stream().map(BenchExecutors::modeOf).distinct().toList()) {
                            ExecutorOptions options = options(plan, template, device, threads, kvPolicy, kvType, mode);
                            LlamaModel run = mode == LoraMode.MERGED ? merged.orElseThrow() : model;
                            seats.add(seat(threads, kvPolicy, mode, provider, run, options, clock));
                        }
                    }
                }
                ExecutorOptions where = options(plan, template, device, threads, new KvPolicy.Full(), KvType.F32, LoraMode.FUSED);
                probes.put(threads, provider.readProbe(model, where));
            }
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    // One copy serves all ranks: what was merged changes the values of the weights, not how many are read.
    private LlamaModel merged(LlamaModel model, Progress progress) {
        Adapter largest = adapters.values().stream().max((a, b) -> a.maxRank() - b.maxRank()).orElseThrow();
        HostMemory.require("merged copies of the projections", largest.sites().keySet().stream()
                .map(site -> model.weights().get(site.role(), site.layer()))
                .mapToLong(tensor -> tensor.type().bytesFor(tensor.elements())).sum());
        return MergedRung.mergeWhole(model, largest, progress);
    }

    private static ExecutorOptions options(BenchPlan plan, ExecutorOptions template, DeviceInfo device, int threads, KvPolicy kvPolicy,
            KvType kvType, LoraMode mode) {
        int context = plan.contextLength();
        int rows = Math.min(context, plan.batch());
        return new ExecutorOptions(context, rows, kvPolicy.reservation(ChunkPolicy.uniformMax(), context, rows).with(kvType),
                Optional.of(device.selector()), threads, new AdapterExecution(template.adapters().type(), mode != LoraMode.UNFUSED),
                template.activations(), template.cudaGraphs(), template.tensorCores(), template.profiled(), template.progress());
    }

    private Seat seat(int threads, KvPolicy kvPolicy, LoraMode mode, ForwardExecutorProvider provider, LlamaModel model,
            ExecutorOptions options, LongSupplier clock) {
        long opening = clock.getAsLong();
        ForwardExecutor executor = provider.open(model, options);
        try {
            if (mode != LoraMode.MERGED) {
                executor.reserve(adapters.values());
            }
            executor.run(TokenBatch.uniform(new int[] {0}, 0, new float[0]), new OutputRequest.LastTop(1));
            double firstToken = (clock.getAsLong() - opening) / 1e9;
            BenchCache cache = new BenchCache(executor, kvPolicy, model.config().layers(), model.config().vocabSize());
            return new Seat(threads, kvPolicy, options.kv().type(), mode, executor, cache, firstToken, executor.counters());
        } catch (RuntimeException | Error e) {
            executor.close();
            throw e;
        }
    }

    List<Seat> seats() {
        return seats;
    }

    ReadProbe probe(int threads) {
        return probes.get(threads);
    }

    /** What is attached for a variant: nothing for the base and where it is merged. */
    Optional<Adapter> adapter(Variant variant) {
        return variant.mode() == LoraMode.MERGED ? Optional.empty() : Optional.ofNullable(adapters.get(variant.rank()));
    }

    @Override
    public void close() {
        probes.values().forEach(ReadProbe::close);
        seats.forEach(seat -> seat.executor().close());
        merged.ifPresent(LlamaModel::close);
    }
}
