package io.chunkwise.calibrate;

import io.chunkwise.ladder.TokenBenefit;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * From gains of rows to benefits of tokens. A row's worth is the discounted mean of its own gain and those after it,
 * y(t) = 0.87 · y(t + 1) + 0.13 · gain(t), because a chunk that begins at a token lasts for a while. A token's worth is the mean over rows
 * that read it, drawn towards the mean of all rows where it was read rarely; its benefit is the share of the sample's tokens that are
 * worth as much or less.
 */
final class BenefitTable {
    private static final double AHEAD = 0.87;
    private static final double OWN = 1 - AHEAD;
    private static final double UNSEEN = 0.001; // what a token that was not read counts in shares
    private static final double SMOOTHING = 0.5; // that of the built-in adaptive policy
    private static final int QUANTILES = 64;
    private static final double LOWEST_QUANTILE = 0.01;

    private BenefitTable() {
    }

    /**
     * One window of the sample.
     *
     * @param tokens [n] ids
     * @param gains  [n − 1] nats by which a row's prediction of the next token is better with more components
     */
    record Window(int[] tokens, double[] gains) {
    }

    static TokenBenefit of(List<Window> windows, int vocabSize) {
        float[] table = ranks(windows, vocabSize);
        return new TokenBenefit(table, history(windows, table));
    }

    // The first row of a window, which usually reads BOS, is left out.
    private static float[] ranks(List<Window> windows, int vocabSize) {
        double[] worth = new double[vocabSize];
        int[] count = new int[vocabSize];
        for (Window window : windows) {
            int last = window.gains().length - 1;
            double ahead = window.gains()[last];
            for (int row = last; row >= 1; row--) {
                ahead = AHEAD * ahead + OWN * window.gains()[row];
                worth[window.tokens()[row]] += ahead;
                count[window.tokens()[row]]++;
            }
        }
        double rows = Arrays.stream(count).sum();
        double mean = Arrays.stream(worth).sum() / rows;
        double prior = Math.sqrt(vocabSize) / 2; // rows' weight of the mean: 11 of a vocabulary of 512, 32 of 4,096
        for (int id = 0; id < vocabSize; id++) {
            worth[id] = (worth[id] + prior * mean) / (count[id] + prior);
        }
        int[] ascending = IntStream.range(0, vocabSize).boxed().sorted(Comparator.comparingDouble(id -> worth[id]))
                .mapToInt(id -> id).toArray();
        float[] table = new float[vocabSize];
        double total = rows + UNSEEN * vocabSize;
        double below = 0;
        for (int id : ascending) {
            below += count[id] + UNSEEN;
            table[id] = (float) Math.min(1, below / total);
        }
        return table;
    }

    private static float[] history(List<Window> windows, float[] table) {
        double[] scores = new double[windows.stream().mapToInt(window -> window.tokens().length).sum()];
        int at = 0;
        for (Window window : windows) {
            double score = table[window.tokens()[0]];
            for (int token : window.tokens()) {
                score = SMOOTHING * score + (1 - SMOOTHING) * table[token];
                scores[at++] = score;
            }
        }
        Arrays.sort(scores);
        float[] quantiles = new float[QUANTILES];
        for (int i = 0; i < QUANTILES; i++) {
            double share = LOWEST_QUANTILE + (1 - 2 * LOWEST_QUANTILE) * i / (QUANTILES - 1);
            double place = share * (scores.length - 1);
            int lower = (int) place;
            int upper = Math.min(lower + 1, scores.length - 1);
            quantiles[i] = (float) (scores[lower] + (place - lower) * (scores[upper] - scores[lower]));
        }
        return quantiles;
    }
}
