package io.chunkwise.benchmark;

import io.chunkwise.kv.KvPlanner;
import io.chunkwise.model.forward.ForwardExecutor;
import io.chunkwise.model.forward.OutputRequest;
import io.chunkwise.model.forward.PassOutput;
import io.chunkwise.model.forward.TokenBatch;
import io.chunkwise.model.kv.KvPage;
import io.chunkwise.policy.KvPolicy;
import java.util.Arrays;
import java.util.Random;

/**
 * Reads and writes tokens from a position on, with a KV policy at work as in a text: after each pass of a prompt, and whenever decode
 * has filled a page. Going back to a position keeps what is before it, so that a depth is filled once.
 *
 * <p>There are no chunks here: every format is allowed in every page, and the adaptive policy goes by what it measures alone.
 */
final class BenchCache {
    private final ForwardExecutor executor;
    private final KvPlanner planner;
    private final int vocabSize;

    BenchCache(ForwardExecutor executor, KvPolicy policy, int layers, int vocabSize) {
        this.executor = executor;
        planner = new KvPlanner(policy, layers, executor.contextLength());
        this.vocabSize = vocabSize;
    }

    /** What follows goes on from an earlier position. */
    void rewind(int position) {
        planner.rewind(position);
    }

    /** Reads random tokens, the same every time, in as few passes as they fit. */
    void prefill(int position, int tokens, float[] gain) {
        int[] prompt = new Random(position).ints(tokens, 0, vocabSize).toArray();
        for (int from = 0; from < tokens; from += executor.rowCapacity()) {
            int to = Math.min(tokens, from + executor.rowCapacity());
            executor.run(TokenBatch.uniform(Arrays.copyOfRange(prompt, from, to), position + from, gain),
                    to == tokens ? new OutputRequest.LastTop(1) : new OutputRequest.Nothing());
            planner.plan(executor.kv());
        }
    }

    /** Writes tokens, each the likeliest after the one before. */
    void decode(int position, int tokens, float[] gain) {
        int token = position % vocabSize;
        for (int at = position; at < position + tokens; at++) {
            PassOutput output = executor.run(TokenBatch.uniform(new int[] {token}, at, gain), new OutputRequest.LastTop(1));
            token = ((PassOutput.Top) output).ids()[0];
            if ((at + 1) % KvPage.TOKENS == 0) {
                planner.plan(executor.kv());
            }
        }
    }
}
