package io.chunkwise.benchmark;

import java.util.List;

/**
 * What to measure.
 *
 * @param ranks        of synthetic adapters on all seven projections, each compared with the base; 0 is the base and
 *                     always measured
 * @param promptTokens per prefill
 * @param decodeTokens per decode, from an empty cache on
 * @param repetitions  of everything, interleaved; a warm-up comes on top
 * @param threads      that read memory for the bandwidth; 0: as many as there are cores
 */
public record BenchmarkPlan(List<Integer> ranks, int promptTokens, int decodeTokens, int repetitions, int threads) {

    public BenchmarkPlan {
        ranks = ranks.stream().filter(rank -> rank != 0).distinct().toList();
        for (int rank : ranks) {
            atLeast("rank", rank, 1);
        }
        atLeast("prompt length", promptTokens, 1);
        atLeast("decode length", decodeTokens, 1);
        atLeast("repetition count", repetitions, 1);
        atLeast("thread count", threads, 0);
    }

    private static void atLeast(String what, int value, int least) {
        if (value < least) {
            throw new IllegalArgumentException(what + " " + value + " is too small; expected " + least + " or more");
        }
    }
}
