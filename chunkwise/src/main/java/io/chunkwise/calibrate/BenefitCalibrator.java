package io.chunkwise.calibrate;

import io.chunkwise.ladder.RankLadder;
import io.chunkwise.model.Progress;
import io.chunkwise.model.forward.ForwardExecutor;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.policy.ChunkPolicy;
import io.chunkwise.policy.KvPolicy;
import io.chunkwise.schedule.ChunkScheduler;
import io.chunkwise.score.Scorer;
import io.chunkwise.score.TokenScore;
import io.chunkwise.selection.RungSelector;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Measures what more components gain after each token of a text: windows of it are scored once with half and once with twice the components
 * that shall be used on average. The same text gives the same benefits, bit for bit where the executor computes so.
 */
public final class BenefitCalibrator {
    /** Tokens of the text in a window. */
    public static final int WINDOW_TOKENS = 512;
    private static final int SHORTEST_WINDOW = 8;

    private final ForwardExecutor executor;
    private final LlamaConfig config;

    /**
     * @param executor owned by the caller; its attached adapter and its cache are changed
     * @param config   of the model that it runs
     */
    public BenefitCalibrator(ForwardExecutor executor, LlamaConfig config) {
        this.executor = executor;
        this.config = config;
    }

    /**
     * @param ladder     of rank 2 at least
     * @param start      ids that begin every window, BOS usually; may be empty
     * @param text       ids of a text of the kind that the adapter is for, best one that it was not trained on; a window at least, which is
     *                   {@value #WINDOW_TOKENS} ids or what the executor's context leaves
     * @param components mean active components that policies aim at, from 1 to the ladder's rank
     * @param windows    at most, spread evenly over the text
     * @throws IllegalArgumentException if one of these does not hold
     */
    public Calibration calibrate(RankLadder ladder, int[] start, int[] text, int components, int windows, Progress progress) {
        require(components >= 1 && components <= ladder.maxRank(),
                components + " components, expected 1 to the adapter's rank " + ladder.maxRank());
        require(ladder.maxRank() >= 2, "an adapter of rank 1 has no rungs that a benefit could decide between");
        require(windows >= 1, windows + " windows, expected 1 or more");
        int taken = Math.min(WINDOW_TOKENS, executor.contextLength() - start.length);
        require(taken >= SHORTEST_WINDOW, "a context of " + executor.contextLength() + " tokens is too short to calibrate in");
        int available = text.length / taken;
        require(available >= 1, "a text of " + text.length + " tokens is too short to calibrate on, expected " + taken + " or more");

        int count = Math.min(windows, available);
        int length = start.length + taken;
        int[] read = new int[count * length];
        for (int window = 0; window < count; window++) {
            int from = (int) ((long) window * available / count) * taken;
            System.arraycopy(start, 0, read, window * length, start.length);
            System.arraycopy(text, from, read, window * length + start.length, taken);
        }
        int low = Math.max(1, components / 2);
        int high = Math.min(ladder.maxRank(), 2 * components);
        double[] lowLogprobs = logprobs(ladder, low, read, length,
                (done, total) -> progress.report("calibrating", done, 2 * total));
        double[] highLogprobs = logprobs(ladder, high, read, length,
                (done, total) -> progress.report("calibrating", total + done, 2 * total));

        List<BenefitTable.Window> measured = new ArrayList<>();
        for (int from = 0; from < read.length; from += length) {
            int first = from;
            measured.add(new BenefitTable.Window(Arrays.copyOfRange(read, from, from + length),
                    IntStream.range(first + 1, first + length).mapToDouble(at -> highLogprobs[at] - lowLogprobs[at]).toArray()));
        }
        double meanGain = measured.stream().flatMapToDouble(window -> Arrays.stream(window.gains())).average().orElseThrow();
        return new Calibration(BenefitTable.of(measured, config.vocabSize()), count, read.length, low, high, meanGain,
                (int) Arrays.stream(read).distinct().count());
    }

    @FunctionalInterface
    private interface Share {
        void report(long done, long total);
    }

    /** @return [tokens] of each token; NaN for the first of a window */
    private double[] logprobs(RankLadder ladder, int components, int[] tokens, int windowTokens, Share share) {
        ChunkPolicy policy = ChunkPolicy.uniform(components);
        ChunkScheduler scheduler = new ChunkScheduler(executor,
                new ChunkScheduler.Setup(config, policy, new KvPolicy.Full(), RungSelector.of(policy, ladder)));
        return new Scorer(scheduler).score(tokens, windowTokens, 0, (_, done, total) -> share.report(done, total)).tokens().stream()
                .map(TokenScore::logprob).mapToDouble(logprob -> logprob.orElse(Double.NaN)).toArray();
    }

    private static void require(boolean condition, String problem) {
        if (!condition) {
            throw new IllegalArgumentException(problem);
        }
    }
}
