package io.chunkwise.evaluate.perplexity;

import io.chunkwise.evaluate.Evaluation;
import io.chunkwise.evaluate.Item;
import io.chunkwise.model.Progress;
import io.chunkwise.schedule.ChunkScheduler;
import io.chunkwise.score.Score;
import io.chunkwise.score.Scorer;
import java.util.List;

/** Scores windows of a text, each afresh. */
public final class PerplexityEvaluation implements Evaluation<TextWindow, PerplexityRow> {
    private final List<Item<TextWindow>> windows;
    private final Scorer scorer;

    /**
     * @param windows   of a {@link PerplexityRecipe}
     * @param scheduler of the model's executor; owned by the caller, reset by every window
     */
    public PerplexityEvaluation(List<Item<TextWindow>> windows, ChunkScheduler scheduler) {
        this.windows = List.copyOf(windows);
        scorer = new Scorer(scheduler);
    }

    @Override
    public List<Item<TextWindow>> items() {
        return windows;
    }

    /** @throws IllegalArgumentException if the window is longer than the context, and the KV policy is not endless */
    @Override
    public PerplexityRow evaluate(Item<TextWindow> item) {
        TextWindow window = item.content();
        long start = System.nanoTime();
        Score score = scorer.score(window.tokens(), window.tokens().length, 0, Progress.NONE);
        double nanos = System.nanoTime() - start;
        double nll = -score.tokens().stream().skip(window.firstScored()).mapToDouble(token -> token.logprob().orElseThrow()).sum();
        return new PerplexityRow(nll, window.scored(), window.tokens().length, score.cost().meanComponents(), score.cost().kvBytesPeak(),
                nanos * 1e-6);
    }
}
