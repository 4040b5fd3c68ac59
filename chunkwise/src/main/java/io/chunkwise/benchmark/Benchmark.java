package io.chunkwise.benchmark;

import io.chunkwise.model.Progress;
import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.format.TensorView;
import io.chunkwise.model.forward.ForwardExecutor;
import io.chunkwise.model.forward.OutputRequest;
import io.chunkwise.model.forward.PassOutput;
import io.chunkwise.model.forward.TokenBatch;
import io.chunkwise.model.forward.WeightRole;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.model.llama.SyntheticLlama;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;

/**
 * Measures prefill and decode of one model on one executor. Base and adapters take turns within every repetition, and so
 * does the reading of memory: on a machine that others use too, ratios within a repetition mean more than figures.
 */
public final class Benchmark {
    private static final int WARM_UPS = 3;

    private final BenchmarkPlan plan;
    private final Progress progress;

    public Benchmark(BenchmarkPlan plan, Progress progress) {
        this.plan = plan;
        this.progress = progress;
    }

    /**
     * @param name     of the model, for the report
     * @param executor over {@code model}, with a context of at least the prompt's and the decode's length; comes back
     *                 without an adapter
     */
    public BenchmarkResult run(String name, LlamaModel model, ForwardExecutor executor) {
        List<Variant> variants = new ArrayList<>();
        variants.add(new Variant(0, Optional.empty(), plan.repetitions()));
        for (int rank : plan.ranks()) {
            variants.add(new Variant(rank, Optional.of(SyntheticLlama.adapter(model.config(), rank, rank)), plan.repetitions()));
        }
        List<MemorySegment> read = readPerToken(model);
        double[] bandwidth = new double[plan.repetitions()];
        try (ReadBandwidth memory = new ReadBandwidth(read, plan.threads())) {
            for (int repetition = -WARM_UPS; repetition < plan.repetitions(); repetition++) {
                for (Variant variant : variants) {
                    measure(executor, model.config().vocabSize(), variant, repetition);
                }
                double bytesPerSecond = Math.max(memory.measure(), memory.measure());
                if (repetition >= 0) {
                    bandwidth[repetition] = bytesPerSecond;
                }
                progress.report("measuring " + name, repetition + WARM_UPS + 1, plan.repetitions() + WARM_UPS);
            }
        }
        executor.attach(Optional.empty());
        long bytes = read.stream().mapToLong(MemorySegment::byteSize).sum();
        return new BenchmarkResult(name, executor.name() + " on " + executor.device().name(), bytes, Spread.of(bandwidth),
                variants.stream().map(variant -> summary(variant, variants.getFirst(), bytes, bandwidth)).toList());
    }

    private record Variant(int rank, Optional<Adapter> adapter, double[] prefillSeconds, double[] decodeSeconds) {

        Variant(int rank, Optional<Adapter> adapter, int repetitions) {
            this(rank, adapter, new double[repetitions], new double[repetitions]);
        }

        long bytes() {
            return adapter.stream().flatMap(present -> present.sites().values().stream())
                    .mapToLong(pair -> 4L * (pair.down().length + pair.up().length)).sum();
        }
    }

    /** Everything but an embedding table of its own, of which a token reads one row. */
    private static List<MemorySegment> readPerToken(LlamaModel model) {
        TensorView embedding = model.weights().get(WeightRole.EMBEDDING, 0);
        return model.weights().all().stream().filter(tensor -> model.config().tiedOutput() || tensor != embedding)
                .map(TensorView::data).toList();
    }

    private void measure(ForwardExecutor executor, int vocabSize, Variant variant, int repetition) {
        executor.attach(variant.adapter());
        float[] gain = variant.adapter().isPresent() ? new float[] {1} : new float[0];
        int[] prompt = new Random(1).ints(plan.promptTokens(), 0, vocabSize).toArray();

        long started = System.nanoTime();
        for (int from = 0; from < prompt.length; from += executor.rowCapacity()) {
            int to = Math.min(prompt.length, from + executor.rowCapacity());
            executor.run(TokenBatch.uniform(Arrays.copyOfRange(prompt, from, to), from, gain),
                    to == prompt.length ? new OutputRequest.LastTop(1) : new OutputRequest.Nothing());
        }
        long prefilled = System.nanoTime();
        int token = prompt[0];
        for (int position = 0; position < plan.decodeTokens(); position++) {
            PassOutput output = executor.run(TokenBatch.uniform(new int[] {token}, position, gain), new OutputRequest.LastTop(1));
            token = ((PassOutput.Top) output).ids()[0];
        }
        if (repetition >= 0) {
            variant.prefillSeconds()[repetition] = (prefilled - started) / 1e9;
            variant.decodeSeconds()[repetition] = (System.nanoTime() - prefilled) / 1e9;
        }
    }

    private BenchmarkResult.Case summary(Variant variant, Variant base, long weightBytes, double[] bandwidth) {
        double[] prefill = variant.prefillSeconds();
        double[] decode = variant.decodeSeconds();
        double bytes = weightBytes + variant.bytes();
        return new BenchmarkResult.Case(variant.rank(),
                spread(i -> plan.promptTokens() / prefill[i]),
                spread(i -> plan.decodeTokens() / decode[i]),
                spread(i -> base.prefillSeconds()[i] / prefill[i]).median(),
                spread(i -> base.decodeSeconds()[i] / decode[i]).median(),
                spread(i -> bandwidth[i] / bytes).median(),
                spread(i -> decode[i] / plan.decodeTokens() * bandwidth[i] / bytes).median());
    }

    private Spread spread(IntToDoubleFunction ofRepetition) {
        return Spread.of(IntStream.range(0, plan.repetitions()).mapToDouble(ofRepetition).toArray());
    }
}
