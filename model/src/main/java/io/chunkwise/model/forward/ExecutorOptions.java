package io.chunkwise.model.forward;

import io.chunkwise.model.Progress;
import io.chunkwise.model.kv.KvReservation;
import java.util.Optional;

/**
 * How an executor is opened.
 *
 * @param contextLength positions to keep in the KV cache
 * @param rowCapacity   the most rows of one prefill pass
 * @param kv            how much of the KV cache is kept in which format; every position in full for {@link KvReservation#full}
 * @param device        "backend:index", or empty for the executor's best device
 * @param threads       of the CPU executor; 0: as many as there are cores
 * @param adapters      how low-rank updates are kept and run
 * @param activations   what quantized weights meet in decode; an executor that has no integers refuses to open with them
 * @param cudaGraphs    capture task graphs as CUDA graphs; an executor whose backend has none refuses to open
 * @param tensorCores   have tensor cores multiply in passes of many rows, where a device has some that its backend can use
 * @param profiled      take the time of every kernel, see {@link ExecutorCounters#kernels}; passes are slower then
 * @param progress      told about uploads and compilation
 */
public record ExecutorOptions(int contextLength, int rowCapacity, KvReservation kv, Optional<String> device, int threads,
        AdapterExecution adapters, ActivationFormat activations, boolean cudaGraphs, boolean tensorCores, boolean profiled,
        Progress progress) {

    public ExecutorOptions {
        if (contextLength < 1) {
            throw new IllegalArgumentException("context length " + contextLength + " leaves no room for a token");
        }
        if (rowCapacity < 1) {
            throw new IllegalArgumentException("row capacity " + rowCapacity + " leaves no room for a token");
        }
        if (threads < 0) {
            throw new IllegalArgumentException("thread count " + threads + " is negative");
        }
    }

    /** Adapters as the executor likes them, activations as floats; no CUDA graphs, tensor cores where there are some, not profiled. */
    public ExecutorOptions(int contextLength, int rowCapacity, KvReservation kv, Optional<String> device, int threads, Progress progress) {
        this(contextLength, rowCapacity, kv, device, threads, AdapterExecution.DEFAULT, ActivationFormat.FLOAT, false, true, false,
                progress);
    }

    public static ExecutorOptions withContext(int contextLength) {
        return new ExecutorOptions(contextLength, Math.min(contextLength, 128), KvReservation.full(contextLength),
                Optional.empty(), 0, Progress.NONE);
    }

    public ExecutorOptions with(AdapterExecution adapters) {
        return new ExecutorOptions(contextLength, rowCapacity, kv, device, threads, adapters, activations, cudaGraphs, tensorCores,
                profiled, progress);
    }

    /** @param activations see {@link #activations()} */
    public ExecutorOptions with(ActivationFormat activations) {
        return new ExecutorOptions(contextLength, rowCapacity, kv, device, threads, adapters, activations, cudaGraphs, tensorCores,
                profiled, progress);
    }

    /** @param profiled see {@link #profiled()} */
    public ExecutorOptions profiled(boolean profiled) {
        return new ExecutorOptions(contextLength, rowCapacity, kv, device, threads, adapters, activations, cudaGraphs, tensorCores,
                profiled, progress);
    }

    /** @param cudaGraphs see {@link #cudaGraphs()} */
    public ExecutorOptions cudaGraphs(boolean cudaGraphs) {
        return new ExecutorOptions(contextLength, rowCapacity, kv, device, threads, adapters, activations, cudaGraphs, tensorCores,
                profiled, progress);
    }

    /** @param tensorCores see {@link #tensorCores()} */
    public ExecutorOptions tensorCores(boolean tensorCores) {
        return new ExecutorOptions(contextLength, rowCapacity, kv, device, threads, adapters, activations, cudaGraphs, tensorCores,
                profiled, progress);
    }
}
