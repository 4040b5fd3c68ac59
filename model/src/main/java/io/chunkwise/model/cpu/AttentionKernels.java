package io.chunkwise.model.cpu;

import static io.chunkwise.model.cpu.Lanes.COUNT;
import static io.chunkwise.model.cpu.Lanes.FLOATS;
import static io.chunkwise.model.cpu.PageShape.TOKENS;

import io.chunkwise.model.kv.KvPage;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** Causal attention of one row over pages of any format. */
final class AttentionKernels {
    private static final float LOWEST_EXPONENT = -87; // what VectorMath.exp takes smaller ones for

    private AttentionKernels() {
    }

    /** Floats of scratch memory for {@link #attend} with {@code heads} heads up to position {@code end}. */
    static int scratchSize(int heads, int end, PageShape shape) {
        return heads * (KvPage.count(end) * TOKENS + shape.sums() + 1);
    }

    /**
     * out = softmax(query · keysᵀ / √headDim) · values over positions [first, end) whose pages are there, for heads that share
     * their keys and values: a page is read once for all of them, and every head gets the bits that it would get alone.
     *
     * @param pages   in      null where evicted
     * @param query   in      [heads, headDim] from {@code at}
     * @param out     out     [heads, headDim] from {@code at}; 0 if all pages are evicted
     * @param entropy out     [heads] from {@code e}: entropy of the weights over ln(positions attended to), 0 for one position;
     *                        null if it is not wanted
     * @param scratch scratch [scratchSize(heads, end, shape)]
     */
    static void attend(StoredPage[] pages, PageShape shape, int kvHead, int heads, float[] query, float[] out, int at, int first, int end,
            float[] entropy, int e, float[] scratch) {
        int headDim = shape.headDim();
        int firstPage = first / TOKENS;
        int endPage = KvPage.count(end);
        int stride = (endPage - firstPage) * TOKENS; // between the scores of two heads; those of pages that are there lie together
        int scored = 0;
        int attended = 0;
        for (int page = firstPage; page < endPage; page++) {
            StoredPage stored = pages[page];
            if (stored == null) {
                continue;
            }
            // Only full pages come in numbers, and only the first and the last one are masked.
            if (stored instanceof FullPage full && page > firstPage && page + 2 < endPage && pages[page + 1] instanceof FullPage next) {
                for (int head = 0; head < heads; head++) {
                    full.scoreBoth(next, kvHead, query, at + head * headDim, scratch, head * stride + scored);
                }
                page++;
                attended += 2 * TOKENS;
                scored += 2 * TOKENS;
            } else {
                int inside = 0;
                for (int head = 0; head < heads; head++) {
                    stored.score(kvHead, query, at + head * headDim, scratch, head * stride + scored);
                    inside = mask(scratch, head * stride + scored, first - page * TOKENS, end - page * TOKENS);
                }
                attended += inside;
                scored += TOKENS;
            }
        }
        if (scored == 0) {
            Arrays.fill(out, at, at + heads * headDim, 0);
            return;
        }
        float scale = (float) (1 / Math.sqrt(headDim));
        int totals = heads * stride; // [heads]
        for (int head = 0; head < heads; head++) {
            int from = head * stride;
            float most = largest(scratch, from, from + scored);
            if (entropy != null && attended > 1) {
                // The total takes the place of the sum of weight times exponent, once that is used.
                float total = exponentiateAndWeigh(scratch, from, from + scored, most, scale, totals + head);
                entropy[e + head] = (float) Math.clamp((Math.log(total) - scratch[totals + head] / total) / Math.log(attended), 0, 1);
                scratch[totals + head] = total;
            } else {
                scratch[totals + head] = exponentiate(scratch, from, from + scored, most, scale);
            }
        }
        int sums = totals + heads; // where the heads' outputs are collected: [heads, shape.sums()]
        Arrays.fill(scratch, sums, sums + heads * shape.sums(), 0);
        int w = 0;
        for (int page = firstPage; page < endPage; page++) {
            StoredPage stored = pages[page];
            if (stored != null) {
                int begin = Math.max(0, first - page * TOKENS);
                int stop = Math.min(TOKENS, end - page * TOKENS);
                for (int head = 0; head < heads; head++) {
                    stored.addValues(kvHead, scratch, head * stride + w, begin, stop, sums + head * shape.sums());
                }
                w += TOKENS;
            }
        }
        for (int head = 0; head < heads; head++) {
            for (int i = 0; i < headDim; i++) {
                out[at + head * headDim + i] = scratch[sums + head * shape.sums() + i] / scratch[totals + head];
            }
        }
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

    /** Of whole vectors. */
    static float largest(float[] scores, int from, int to) {
        FloatVector largest = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
        for (int p = from; p < to; p += COUNT) {
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

    /** As {@link #exponentiate}; leaves the sum of weight times exponent in {@code scores[weighted]}. */
    private static float exponentiateAndWeigh(float[] scores, int from, int to, float most, float scale, int weighted) {
        FloatVector total = FloatVector.zero(FLOATS);
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int p = from; p < to; p += COUNT) {
            FloatVector exponent = FloatVector.fromArray(FLOATS, scores, p).sub(most).mul(scale).max(LOWEST_EXPONENT);
            FloatVector weight = VectorMath.exp(exponent);
            weight.intoArray(scores, p);
            total = total.add(weight);
            sum = weight.fma(exponent, sum);
        }
        scores[weighted] = Lanes.sum(sum);
        return Lanes.sum(total);
    }
}
