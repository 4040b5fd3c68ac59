package io.chunkwise.score;

import io.chunkwise.model.Progress;
import io.chunkwise.model.forward.ExecutorException;
import io.chunkwise.model.forward.LargestLogits;
import io.chunkwise.model.forward.OutputRequest;
import io.chunkwise.model.forward.PassOutput;
import io.chunkwise.schedule.ChunkScheduler;
import io.chunkwise.schedule.SequenceCost;
import io.chunkwise.score.TokenScore.Alternative;
import io.chunkwise.trace.SequenceTrace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;

/** Asks a model how likely it finds a text: passes that return the logits of every row. */
public final class Scorer {
    private final ChunkScheduler scheduler;
    private final int vocabSize;

    /** @param scheduler of the model's executor; owned by the caller, reset by every window */
    public Scorer(ChunkScheduler scheduler) {
        this.scheduler = scheduler;
        vocabSize = scheduler.setup().config().vocabSize();
    }

    /**
     * Scores a text in windows: each starts afresh, with chunks and KV cache of its own, and its first token is not scored.
     *
     * @param windowTokens tokens per window, at most the executor's context length unless the KV policy is endless
     * @param top          alternatives per position
     * @throws IllegalArgumentException if a window is longer than the context
     */
    public Score score(int[] tokens, int windowTokens, int top, Progress progress) {
        List<TokenScore> scores = new ArrayList<>(tokens.length);
        List<SequenceTrace> traces = new ArrayList<>();
        SequenceCost cost = new SequenceCost(0, 0, 0, 0, 0);
        for (int start = 0; start < tokens.length; start += windowTokens) {
            int[] window = Arrays.copyOfRange(tokens, start, (int) Math.min(tokens.length, (long) start + windowTokens));
            scheduler.reset();
            if (window.length > scheduler.room()) {
                throw new IllegalArgumentException("a window of " + window.length + " tokens does not fit the context of "
                        + scheduler.room());
            }
            progress.report("scoring", start, tokens.length);
            Window scored = new Window(window, start, top, scores);
            int before = start;
            scheduler.read(window, new OutputRequest.AllLogits(), (from, rows, output) -> {
                scored.add(from, rows, logits(output));
                progress.report("scoring", before + from + rows, tokens.length);
            });
            scheduler.finish();
            cost = cost.and(scheduler.cost());
            if (scheduler.setup().keepTrace()) {
                traces.add(scheduler.trace());
            }
        }
        return new Score(scores, cost, traces);
    }

    private static float[] logits(PassOutput output) {
        return switch (output) {
            case PassOutput.Logits(int rows, float[] values) -> values;
            case PassOutput.Top top -> throw new IllegalStateException("an executor answered logits with " + top);
            case PassOutput.Nothing() -> throw new IllegalStateException("an executor returned no logits");
        };
    }

    /** The tokens of one window, pass by pass. */
    private final class Window {
        private final int[] tokens;
        private final int start;
        private final int top;
        private final List<TokenScore> scores;
        private OptionalDouble logprob = OptionalDouble.empty();

        Window(int[] tokens, int start, int top, List<TokenScore> scores) {
            this.tokens = tokens;
            this.start = start;
            this.top = top;
            this.scores = scores;
        }

        void add(int from, int rows, float[] logits) {
            for (int row = 0; row < rows; row++) {
                int position = from + row;
                double logSum = logSumExp(logits, row);
                scores.add(new TokenScore(start + position, tokens[position], logprob, top(logits, row, logSum, top)));
                if (position + 1 < tokens.length) {
                    logprob = OptionalDouble.of(logits[row * vocabSize + tokens[position + 1]] - logSum);
                }
            }
        }
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
            throw new ExecutorException("the model's logits are not finite numbers: its weights, or the adapter's, do not work in this "
                    + "precision");
        }
        return logSum;
    }
}
