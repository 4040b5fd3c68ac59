package io.chunkwise.model.cpu;

import static io.chunkwise.model.cpu.Lanes.COUNT;
import static io.chunkwise.model.cpu.Lanes.FLOATS;
import static io.chunkwise.model.cpu.PageShape.TOKENS;

import io.chunkwise.model.kv.KvPage;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** Causal attention of one head of one row over pages of any format. */
final class AttentionKernels {
    private static final float LOWEST_EXPONENT = -87; // what VectorMath.exp takes smaller ones for

    private AttentionKernels() {
    }

    /** Floats of scratch memory for {@link #attend} up to position {@code end}. */
    static int scratchSize(int end, PageShape shape) {
        return KvPage.count(end) * TOKENS + shape.sums();
    }

    /**
     * out = softmax(query · keysᵀ / √headDim) · values over positions [first, end) whose pages are there
     *
     * @param pages       in      null where evicted
     * @param query       in      [headDim] from {@code at}
     * @param out         out     [headDim] from {@code at}; 0 if all pages are evicted
     * @param withEntropy whether the entropy is wanted
     * @param scratch     scratch [scratchSize(end, shape)]
     * @return entropy of the weights over ln(positions attended to); 0 for one position, and if it is not wanted
     */
    static float attend(StoredPage[] pages, PageShape shape, int kvHead, float[] query, float[] out, int at, int first, int end,
            boolean withEntropy, float[] scratch) {
        int firstPage = first / TOKENS;
        int endPage = KvPage.count(end);
        int scored = 0; // scores of the pages that are there, one after the other
        int attended = 0;
        for (int page = firstPage; page < endPage; page++) {
            StoredPage stored = pages[page];
            if (stored == null) {
                continue;
            }
            // Only full pages come in numbers, and only the first and the last one are masked.
            if (stored instanceof FullPage full && page > firstPage && page + 2 < endPage && pages[page + 1] instanceof FullPage next) {
                full.scoreBoth(next, kvHead, query, at, scratch, scored);
                page++;
                attended += 2 * TOKENS;
                scored += 2 * TOKENS;
            } else {
                stored.score(kvHead, query, at, scratch, scored);
                attended += mask(scratch, scored, first - page * TOKENS, end - page * TOKENS);
                scored += TOKENS;
            }
        }
        if (scored == 0) {
            Arrays.fill(out, at, at + shape.headDim(), 0);
            return 0;
        }
        float scale = (float) (1 / Math.sqrt(shape.headDim()));
        float most = largest(scratch, scored);
        float total;
        double entropy = 0;
        if (withEntropy && attended > 1) {
            total = exponentiateAndWeigh(scratch, scored, most, scale);
            entropy = (Math.log(total) - scratch[scored] / total) / Math.log(attended);
        } else {
            total = exponentiate(scratch, 0, scored, most, scale);
        }

        int sums = scored; // where the head's output is collected
        Arrays.fill(scratch, sums, sums + shape.sums(), 0);
        int w = 0;
        for (int page = firstPage; page < endPage; page++) {
            if (pages[page] != null) {
                int begin = Math.max(0, first - page * TOKENS);
                pages[page].addValues(kvHead, scratch, w, begin, Math.min(TOKENS, end - page * TOKENS), sums);
                w += TOKENS;
            }
        }
        for (int i = 0; i < shape.headDim(); i++) {
            out[at + i] = scratch[sums + i] / total;
        }
        return (float) Math.clamp(entropy, 0, 1);
    }

    /**
     * Positions outside [begin, end) of a page get the weight 0.
     *
     * @return positions of the page that are inside
     */
    static int mask(float[] scores, int s, int begin, int end) {
        int from = Math.clamp(begin, 0, TOKENS);
        int to = Math.clamp(end, from, TOKENS);
        Arrays.fill(scores, s, s + from, Float.NEGATIVE_INFINITY);
        Arrays.fill(scores, s + to, s + TOKENS, Float.NEGATIVE_INFINITY);
        return to - from;
    }

    /** Of whole vectors from 0. */
    static float largest(float[] scores, int count) {
        FloatVector largest = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
        for (int p = 0; p < count; p += COUNT) {
            largest = largest.max(FloatVector.fromArray(FLOATS, scores, p));
        }
        return largest.reduceLanes(VectorOperators.MAX);
    }

    /** scores[p] = e^((scores[p] − most) · scale), in place, for whole vectors; returns their sum. */
    static float exponentiate(float[] scores, int from, int to, float most, float scale) {
        FloatVector total = FloatVector.zero(FLOATS);
        for (int p = from; p < to; p += COUNT) {
            FloatVector weight = VectorMath.exp(FloatVector.fromArray(FLOATS, scores, p).sub(most).mul(scale));
            weight.intoArray(scores, p);
            total = total.add(weight);
        }
        return Lanes.sum(total);
    }

    /** As {@link #exponentiate} of scores [0, {@code count}); leaves the sum of weight times exponent in {@code scores[count]}. */
    private static float exponentiateAndWeigh(float[] scores, int count, float most, float scale) {
        FloatVector total = FloatVector.zero(FLOATS);
        FloatVector weighted = FloatVector.zero(FLOATS);
        for (int p = 0; p < count; p += COUNT) {
            FloatVector exponent = FloatVector.fromArray(FLOATS, scores, p).sub(most).mul(scale).max(LOWEST_EXPONENT);
            FloatVector weight = VectorMath.exp(exponent);
            weight.intoArray(scores, p);
            total = total.add(weight);
            weighted = weight.fma(exponent, weighted);
        }
        scores[count] = Lanes.sum(weighted);
        return Lanes.sum(total);
    }
}
