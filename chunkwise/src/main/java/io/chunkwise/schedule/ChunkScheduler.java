package io.chunkwise.schedule;

import io.chunkwise.model.forward.ForwardExecutor;
import io.chunkwise.model.forward.OutputRequest;
import io.chunkwise.model.forward.PassOutput;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.policy.ChunkPolicy;
import io.chunkwise.policy.KvPolicy;
import io.chunkwise.trace.SequenceTrace;
import java.util.List;

/**
 * Reads and writes one sequence at a time through one executor. Every row's gains are decided before it runs, from what is known by then:
 * signals → score → band → chunk → rung → cross-fade. At the end of a chunk the KV policy is applied; where the context is full and the policy
 * is endless, the cache is shifted.
 *
 * <p>The same tokens get the same chunks, rungs, gains and KV formats whether they are read at once, in pieces, or written one by one. To
 * that end prefill passes end at multiples of the policy's lag where a signal is a statistic of the model, and at chunk boundaries where the
 * KV policy is not {@link KvPolicy.Full}.
 *
 * <p>Memory does not grow with the sequence, unless a trace is kept.
 */
public final class ChunkScheduler {
    private final Setup setup;

    /**
     * @param config      of the model that the executor runs
     * @param weightBytes of the model, for the trace
     * @param adapters    ascending in {@link AdapterUse#fromToken()}, the first from token 0 on; their selectors are of {@code policy}
     * @param keepTrace   whether {@link #trace} will be asked for
     */
    public record Setup(LlamaConfig config, long weightBytes, ChunkPolicy policy, KvPolicy kv, List<AdapterUse> adapters, boolean keepTrace) {
        public Setup {
            adapters = List.copyOf(adapters);
        }
    }

    /**
     * Makes room for all adapters in the executor, and attaches the first one.
     *
     * @param executor owned by the caller; nobody else runs passes on it meanwhile
     * @throws IllegalArgumentException if a window of the KV policy does not fit the executor's context, or an adapter the model
     */
    public ChunkScheduler(ForwardExecutor executor, Setup setup) {
        this.setup = setup;
    }

    /** What it was set up with. */
    public Setup setup() {
        return setup;
    }

    /** Starts a new sequence. */
    public void reset() {
        throw new UnsupportedOperationException("not yet");
    }

    /** Tokens of the sequence so far. */
    public int tokens() {
        throw new UnsupportedOperationException("not yet");
    }

    /** Tokens that there is still room for; {@link Integer#MAX_VALUE} for an endless policy. */
    public int room() {
        throw new UnsupportedOperationException("not yet");
    }

    /**
     * Reads tokens that are given, in as few passes as the policy allows.
     *
     * @param tokens  at least one, at most {@link #room()}
     * @param request of the last token, or logits of all tokens
     * @return of the last pass
     * @throws IllegalArgumentException if there is no room for the tokens
     */
    public PassOutput read(int[] tokens, OutputRequest request, PassListener listener) {
        throw new UnsupportedOperationException("not yet");
    }

    /**
     * Decides on a token that the model wrote, and runs nothing yet, so that whoever prints it knows its chunk. {@link #run} has to follow
     * before the next token, not after the last one.
     *
     * @throws IllegalArgumentException if there is no room for it
     */
    public Decision decide(int token) {
        throw new UnsupportedOperationException("not yet");
    }

    /** Runs the token of {@link #decide}. */
    public PassOutput run(OutputRequest request) {
        throw new UnsupportedOperationException("not yet");
    }

    /** Ends the sequence: closes its last chunk. Nothing but {@link #reset}, {@link #cost} and {@link #trace} comes after it. */
    public void finish() {
        throw new UnsupportedOperationException("not yet");
    }

    /** What the sequence has taken so far. */
    public SequenceCost cost() {
        throw new UnsupportedOperationException("not yet");
    }

    /**
     * Everything that was decided about the sequence; complete after {@link #finish}.
     *
     * @throws IllegalStateException if no trace is kept
     */
    public SequenceTrace trace() {
        throw new UnsupportedOperationException("not yet");
    }
}
