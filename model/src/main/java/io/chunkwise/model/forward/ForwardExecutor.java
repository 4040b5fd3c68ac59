package io.chunkwise.model.forward;

import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.kv.KvPages;
import java.util.Collection;
import java.util.Optional;

/**
 * Runs passes of one model over one sequence, and owns that sequence's KV cache. Not thread-safe: one caller at a time.
 */
public interface ForwardExecutor extends AutoCloseable {

    /** Name on the command line: "cpu", "tornado". */
    String name();

    /** The device that passes run on. */
    DeviceInfo device();

    /** Positions that the KV cache can hold. */
    int contextLength();

    /** The most rows that one pass can take; longer prompts are prefilled in several passes. */
    int rowCapacity();

    /**
     * Makes room for any of these adapters, so that attaching one of them compiles nothing. May compile now. What attaching one of them
     * takes may be kept until others are reserved, or the executor is closed, so that attaching it again takes nothing.
     *
     * @throws IllegalArgumentException if a site's shape does not fit the model
     */
    void reserve(Collection<Adapter> adapters);

    /**
     * Makes an adapter the one that {@link LayerOp.AddLowRank} applies, in place of the one before; empty for none. The
     * KV cache is kept as it is. Compiles nothing where the adapter is no larger than one that was attached or reserved before.
     *
     * @throws IllegalArgumentException if a site's shape does not fit the model
     */
    void attach(Optional<Adapter> adapter);

    /**
     * Runs one pass.
     *
     * @throws IllegalArgumentException if the batch has more than {@link #rowCapacity()} rows, starts past what
     *                                  the KV cache holds, or goes back into a page that is not full, ends past
     *                                  {@link #contextLength()}, has a token outside the vocabulary, or its groups are not those
     *                                  of the attached adapter
     */
    PassResult run(TokenBatch batch, OutputRequest request, Statistics statistics);

    /** Runs one pass without statistics, see {@link #run(TokenBatch, OutputRequest, Statistics)}. */
    default PassOutput run(TokenBatch batch, OutputRequest request) {
        return run(batch, request, Statistics.NONE).output();
    }

    /** The number format that this executor keeps an adapter's components in beside a base projection of a format. */
    TensorType componentType(TensorType base);

    /** What quantized weights meet in decode here: floats or integers. */
    ActivationFormat activations();

    /** Whether tensor cores multiply in passes of many rows. */
    default boolean tensorCores() {
        return false;
    }

    /** What this executor has done and held so far. */
    ExecutorCounters counters();

    /** The KV cache of the sequence; a view that lives as long as the executor. */
    KvPages kv();

    @Override
    void close();
}
