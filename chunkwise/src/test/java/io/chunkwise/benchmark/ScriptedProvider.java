package io.chunkwise.benchmark;

import io.chunkwise.fixtures.ScriptedExecutor;
import io.chunkwise.model.forward.DeviceInfo;
import io.chunkwise.model.forward.ExecutorCounters;
import io.chunkwise.model.forward.ExecutorCounters.KernelTime;
import io.chunkwise.model.forward.ExecutorOptions;
import io.chunkwise.model.forward.ForwardExecutor;
import io.chunkwise.model.forward.ForwardExecutorProvider;
import io.chunkwise.model.forward.ReadProbe;
import io.chunkwise.model.llama.LlamaModel;
import java.util.ArrayList;
import java.util.List;

/**
 * Executors for which time stands still but for their passes: a pass takes a microsecond per row, and a second one with an adapter,
 * and reading memory takes none. Remembers who ran what, in order.
 */
final class ScriptedProvider implements ForwardExecutorProvider {
    static final DeviceInfo DEVICE = new DeviceInfo("cpu", 0, "script", DeviceInfo.Type.CPU, 0, "none");
    static final double BYTES_PER_SECOND = 2e9;

    final List<String> events = new ArrayList<>();
    final List<ExecutorOptions> opened = new ArrayList<>();
    private final List<ScriptedExecutor> executors = new ArrayList<>();
    private final int vocabSize;
    private long nanos;
    private int open;

    ScriptedProvider(int vocabSize) {
        this.vocabSize = vocabSize;
    }

    long nanos() {
        return nanos;
    }

    /** Executors and probes that nobody has closed. */
    int open() {
        return open;
    }

    @Override
    public String name() {
        return "scripted";
    }

    @Override
    public Availability availability() {
        return new Availability.Available(List.of(DEVICE));
    }

    @Override
    public ForwardExecutor open(LlamaModel model, ExecutorOptions options) {
        int index = opened.size();
        opened.add(options);
        nanos += 5_000_000_000L;
        open++;
        ScriptedExecutor executor = new ScriptedExecutor(vocabSize, options.contextLength(), options.rowCapacity(), (token, position) -> {
            ScriptedExecutor.Pass pass = executors.get(index).passes().getLast();
            nanos += (pass.adapter().isEmpty() ? 1_000L : 2_000L) * pass.tokens().length;
            events.add(index + ":" + pass.adapter() + " " + pass.tokens().length + "@" + pass.position());
            return new float[vocabSize];
        }, () -> counters(options, executors.get(index).passes()), () -> open--);
        executors.add(executor);
        return executor;
    }

    // Three launches per pass; a profiled executor has one of 100 ns and two of 10 ns in them, and one that was at the start only.
    private static ExecutorCounters counters(ExecutorOptions options, List<ScriptedExecutor.Pass> passes) {
        int count = passes.size();
        List<KernelTime> kernels = List.of(new KernelTime("short", 2L * count, 20L * count), new KernelTime("long", count, 100L * count),
                new KernelTime("init", 1, 999));
        return new ExecutorCounters(3L * count, 1000, 2_000_000_000L, 1_000_000_000L, options.profiled() ? kernels : List.of());
    }

    @Override
    public ReadProbe readProbe(LlamaModel model, ExecutorOptions options) {
        open++;
        return new ReadProbe() {
            @Override
            public double bytesPerSecond() {
                events.add("read with " + options.threads());
                return BYTES_PER_SECOND;
            }

            @Override
            public void close() {
                open--;
            }
        };
    }
}
