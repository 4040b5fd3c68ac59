package io.chunkwise.score;

import io.chunkwise.model.Progress;
import io.chunkwise.model.forward.ExecutorException;
import io.chunkwise.model.forward.ForwardExecutor;
import io.chunkwise.model.forward.LargestLogits;
import io.chunkwise.model.forward.OutputRequest;
import io.chunkwise.model.forward.PassOutput;
import io.chunkwise.model.forward.TokenBatch;
import io.chunkwise.schedule.ChunkScheduler;
import io.chunkwise.schedule.SequenceCost;
import io.chunkwise.score.TokenScore.Alternative;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;

/** Asks a model how likely it finds a text: prefill passes that return the logits of every row. */
public final class Scorer {
    /** Logits of one pass at most: 64 MiB of floats. */
    private static final int LARGEST_OUTPUT = 1 << 24;

    private final ForwardExecutor executor;
    private final int vocabSize;
    private final float[] groupGain;

    /**
     * @param executor  with the adapter attached; owned by the caller
     * @param vocabSize logits per row
     * @param groupGain [groups] gain of each component group of the attached adapter, in every row; empty without one
     */
    public Scorer(ForwardExecutor executor, int vocabSize, float[] groupGain) {
        this.executor = executor;
        this.vocabSize = vocabSize;
        this.groupGain = groupGain.clone();
    }

    /** @param scheduler of the model's executor; owned by the caller, reset by every window */
    public Scorer(ChunkScheduler scheduler) {
        throw new UnsupportedOperationException("not yet: " + scheduler);
    }

    /**
     * Scores a text in windows: each starts afresh, and its first token is not scored.
     *
     * @param windowTokens tokens per window, at most the executor's context length
     * @param top          alternatives per position
     * @throws IllegalArgumentException if a window is longer than the context
     */
    public Score score(int[] tokens, int windowTokens, int top, Progress progress) {
        if (Math.min(tokens.length, windowTokens) > executor.contextLength()) {
            throw new IllegalArgumentException("a window of " + Math.min(tokens.length, windowTokens)
                    + " tokens does not fit the context of " + executor.contextLength());
        }
        int rowsPerPass = Math.clamp(LARGEST_OUTPUT / vocabSize, 1, executor.rowCapacity());
        List<TokenScore> scores = new ArrayList<>(tokens.length);
        for (int start = 0; start < tokens.length; start += windowTokens) {
            int end = (int) Math.min(tokens.length, (long) start + windowTokens);
            OptionalDouble logprob = OptionalDouble.empty();
            for (int from = start; from < end; from += rowsPerPass) {
                progress.report("scoring", from, tokens.length);
                int[] rows = Arrays.copyOfRange(tokens, from, Math.min(end, from + rowsPerPass));
                float[] logits = logits(TokenBatch.uniform(rows, from - start, groupGain));
                for (int row = 0; row < rows.length; row++) {
                    int position = from + row;
                    double logSum = logSumExp(logits, row);
                    scores.add(new TokenScore(position, rows[row], logprob, top(logits, row, logSum, top)));
                    if (position + 1 < end) {
                        logprob = OptionalDouble.of(logits[row * vocabSize + tokens[position + 1]] - logSum);
                    }
                }
            }
        }
        progress.report("scoring", tokens.length, tokens.length);
        return new Score(scores, new SequenceCost(tokens.length, 0, 0, 0, 0), List.of());
    }

    private float[] logits(TokenBatch batch) {
        return switch (executor.run(batch, new OutputRequest.AllLogits())) {
            case PassOutput.Logits(int rows, float[] values) -> values;
            case PassOutput.Top top -> throw new IllegalStateException("executor " + executor.name() + " answered logits with " + top);
            case PassOutput.Nothing() -> throw new IllegalStateException("executor " + executor.name() + " returned no logits");
        };
    }

    private List<Alternative> top(float[] logits, int row, double logSum, int count) {
        List<Alternative> top = new ArrayList<>(count);
        for (int id : LargestLogits.ids(logits, row * vocabSize, vocabSize, count)) {
            top.add(new Alternative(id, logits[row * vocabSize + id] - logSum));
        }
        return top;
    }

    private double logSumExp(float[] logits, int row) {
        double max = Double.NEGATIVE_INFINITY;
        for (int id = 0; id < vocabSize; id++) {
            max = Math.max(max, logits[row * vocabSize + id]);
        }
        double sum = 0;
        for (int id = 0; id < vocabSize; id++) {
            sum += Math.exp(logits[row * vocabSize + id] - max);
        }
        double logSum = max + Math.log(sum);
        if (!Double.isFinite(logSum)) {
            throw new ExecutorException("the model's logits are not finite numbers: its weights, or the adapter's, do not work in this precision");
        }
        return logSum;
    }
}
