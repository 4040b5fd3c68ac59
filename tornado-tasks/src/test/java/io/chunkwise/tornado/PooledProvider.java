package io.chunkwise.tornado;

import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.forward.ActivationFormat;
import io.chunkwise.model.forward.DeviceInfo;
import io.chunkwise.model.forward.ExecutorException;
import io.chunkwise.model.forward.ExecutorCounters;
import io.chunkwise.model.forward.ExecutorOptions;
import io.chunkwise.model.forward.ForwardExecutor;
import io.chunkwise.model.forward.ForwardExecutorProvider;
import io.chunkwise.model.forward.OutputRequest;
import io.chunkwise.model.forward.PassResult;
import io.chunkwise.model.forward.ReadProbe;
import io.chunkwise.model.forward.Statistics;
import io.chunkwise.model.forward.TokenBatch;
import io.chunkwise.model.forward.WeightRole;
import io.chunkwise.model.kv.KvPages;
import io.chunkwise.model.kv.KvReservation;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.LlamaModel;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiFunction;

/**
 * Keeps executors open for all tests of a class, because compiling their kernels takes seconds: what a test closes only loses its
 * adapter and its sequence, and is lent again. Models of one configuration and number format have the same weights in these tests.
 */
final class PooledProvider implements ForwardExecutorProvider, AutoCloseable {
    private record Key(LlamaConfig config, TensorType type, int contextLength, int rowCapacity, KvReservation kv) {
    }

    private final DeviceInfo device;
    private final BiFunction<LlamaModel, ExecutorOptions, TornadoForwardExecutor> opening;
    private final Map<Key, Deque<TornadoForwardExecutor>> free = new HashMap<>();

    PooledProvider(DeviceInfo device, BiFunction<LlamaModel, ExecutorOptions, TornadoForwardExecutor> opening) {
        this.device = device;
        this.opening = opening;
    }

    @Override
    public String name() {
        return "tornado";
    }

    @Override
    public Availability availability() {
        return new Availability.Available(List.of(device));
    }

    @Override
    public ForwardExecutor open(LlamaModel model, ExecutorOptions options) {
        options.device().ifPresent(named -> {
            throw new ExecutorException("there is no device '" + named + "'");
        });
        Key key = new Key(model.config(), model.weights().get(WeightRole.EMBEDDING, 0).type(), options.contextLength(),
                options.rowCapacity(), options.kv());
        Deque<TornadoForwardExecutor> sameKind = free.computeIfAbsent(key, _ -> new ArrayDeque<>());
        return new Lent(sameKind.isEmpty() ? opening.apply(model, options) : sameKind.pop(), sameKind);
    }

    @Override
    public ReadProbe readProbe(LlamaModel model, ExecutorOptions options) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {
        free.values().forEach(sameKind -> sameKind.forEach(ForwardExecutor::close));
    }

    private record Lent(TornadoForwardExecutor executor, Deque<TornadoForwardExecutor> back) implements ForwardExecutor {
        @Override
        public String name() {
            return executor.name();
        }

        @Override
        public DeviceInfo device() {
            return executor.device();
        }

        @Override
        public int contextLength() {
            return executor.contextLength();
        }

        @Override
        public int rowCapacity() {
            return executor.rowCapacity();
        }

        @Override
        public void attach(Optional<Adapter> adapter) {
            executor.attach(adapter);
        }

        @Override
        public PassResult run(TokenBatch batch, OutputRequest request, Statistics statistics) {
            return executor.run(batch, request, statistics);
        }

        @Override
        public void reserve(Collection<Adapter> adapters) {
            executor.reserve(adapters);
        }

        @Override
        public ActivationFormat activations() {
            return executor.activations();
        }

        @Override
        public TensorType componentType(TensorType base) {
            return executor.componentType(base);
        }

        @Override
        public ExecutorCounters counters() {
            return executor.counters();
        }

        @Override
        public KvPages kv() {
            return executor.kv();
        }

        @Override
        public void close() {
            executor.attach(Optional.empty());
            executor.forget();
            back.push(executor);
        }
    }
}
