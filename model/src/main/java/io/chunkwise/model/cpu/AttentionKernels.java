package io.chunkwise.model.cpu;

import static io.chunkwise.model.cpu.Lanes.COUNT;
import static io.chunkwise.model.cpu.Lanes.FLOATS;
import static io.chunkwise.model.cpu.PageShape.TOKENS;

import io.chunkwise.model.kv.KvPage;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** Causal attention of a few queries over pages of any format. */
final class AttentionKernels {
    private static final float LOWEST_EXPONENT = -87; // what VectorMath.exp takes smaller ones for

    private AttentionKernels() {
    }

    /** Floats of scratch memory for {@link #attend} with {@code queries} queries up to position {@code end}. */
    static int scratchSize(int queries, int end, PageShape shape) {
        return queries * (KvPage.count(end) * TOKENS + shape.sums() + 1) + expandedSize(shape);
    }

    /** Floats that the keys or the values of a page and head take. */
    private static int expandedSize(PageShape shape) {
        return TOKENS * shape.sums();
    }

    /**
     * out = softmax(query · keysᵀ / √headDim) · values over the positions of each query whose pages are there: a page is read, and
     * decoded, once for all queries, and every one of them gets the bits that it would get alone.
     *
     * @param pages       in      null where evicted
     * @param query       in      where the block says
     * @param out         out     where the block says; 0 if all pages are evicted
     * @param entropy     out     [rows, heads] from {@code e}, {@code entropyStep} floats from row to row: entropy of the weights over
     *                            ln(positions attended to), 0 for one position
     * @param firstCounted        the first row of the block whose entropy is wanted
     * @param scratch     scratch [scratchSize(block.count(), end of the last row, shape)]
     */
    static void attend(StoredPage[] pages, PageShape shape, QueryBlock block, float[] query, float[] out, float[] entropy, int e,
            int entropyStep, int firstCounted, float[] scratch) {
        int count = block.count();
        int headDim = shape.headDim();
        int firstPage = block.first(0) / TOKENS;
        int endPage = KvPage.count(block.end(count - 1));
        int stride = (endPage - firstPage) * TOKENS; // between the scores of two queries; those of pages that are there lie together
        int totals = count * stride; // [count]
        int sums = totals + count; // where outputs are collected: [count, shape.sums()]
        int expanded = sums + count * shape.sums();
        int scored = score(pages, shape, block, query, firstPage, endPage, scratch, stride, expanded);
        if (scored == 0) {
            for (int q = 0; q < count; q++) {
                Arrays.fill(out, block.offset(q), block.offset(q) + headDim, 0);
            }
            return;
        }
        float scale = (float) (1 / Math.sqrt(headDim));
        for (int q = 0; q < count; q++) {
            int from = q * stride;
            int attended = mask(pages, block, q, firstPage, endPage, Float.NEGATIVE_INFINITY, scratch, from);
            float most = largest(scratch, from, from + scored);
            if (attended == 0) {
                Arrays.fill(scratch, from, from + scored, 0);
                scratch[totals + q] = 1;
            } else if (block.row(q) >= firstCounted && attended > 1) {
                // The total takes the place of the sum of weight times exponent, once that is used.
                float total = exponentiateAndWeigh(scratch, from, from + scored, most, scale, totals + q);
                entropy[e + block.row(q) * entropyStep + block.head(q)] =
                        (float) Math.clamp((Math.log(total) - scratch[totals + q] / total) / Math.log(attended), 0, 1);
                scratch[totals + q] = total;
            } else {
                scratch[totals + q] = exponentiate(scratch, from, from + scored, most, scale);
            }
            mask(pages, block, q, firstPage, endPage, 0, scratch, from);
        }
        Arrays.fill(scratch, sums, sums + count * shape.sums(), 0);
        addValues(pages, shape, block, firstPage, endPage, scratch, stride, sums, expanded);
        for (int q = 0; q < count; q++) {
            int at = block.offset(q);
            for (int i = 0; i < headDim; i++) {
                out[at + i] = scratch[sums + q * shape.sums() + i] / scratch[totals + q];
            }
        }
    }

    /** Scores of all positions of the pages that are there; returns how many these are. */
    private static int score(StoredPage[] pages, PageShape shape, QueryBlock block, float[] query, int firstPage, int endPage,
            float[] scratch, int stride, int expanded) {
        int count = block.count();
        int scored = 0;
        for (int page = firstPage; page < endPage; page++) {
            StoredPage stored = pages[page];
            if (stored == null) {
                continue;
            }
            // With few queries, two full pages at once have enough sums to keep the machine busy.
            if (count < 4 && stored instanceof FullPage full && page + 1 < endPage && pages[page + 1] instanceof FullPage next) {
                for (int q = 0; q < count; q++) {
                    full.scoreBoth(next, block.kvHead(), query, block.offset(q), scratch, q * stride + scored);
                }
                page++;
                scored += 2 * TOKENS;
                continue;
            }
            float[] keys = scratch;
            int k = expanded;
            if (stored instanceof FullPage full) {
                keys = full.keys();
                k = block.kvHead() * shape.headDim() * TOKENS;
            } else {
                stored.readKeys(block.kvHead(), scratch, expanded);
            }
            for (int q = 0; q < count; ) {
                if (block.isFour(q)) {
                    PageKernels.scoreFour(keys, k, shape.headDim(), query, block.offset(q), block.step(),
                            scratch, q * stride + scored, stride);
                    q += 4;
                } else {
                    PageKernels.score(keys, k, shape.headDim(), query, block.offset(q), scratch, q * stride + scored);
                    q++;
                }
            }
            scored += TOKENS;
        }
        return scored;
    }

    private static void addValues(StoredPage[] pages, PageShape shape, QueryBlock block, int firstPage, int endPage, float[] scratch,
            int stride, int sums, int expanded) {
        int count = block.count();
        int apart = shape.sums();
        int width = shape.floatStride();
        int w = 0;
        for (int page = firstPage; page < endPage; page++) {
            StoredPage stored = pages[page];
            if (stored == null) {
                continue;
            }
            float[] values = scratch;
            int v = expanded;
            int row = apart;
            if (stored instanceof FullPage full) {
                values = full.values();
                v = block.kvHead() * TOKENS * width;
                row = width;
            } else {
                stored.readValues(block.kvHead(), scratch, expanded);
            }
            for (int q = 0; q < count; ) {
                if (block.isFour(q)) {
                    PageKernels.addValuesFour(values, v, row, width, scratch, q * stride + w, stride, sums + q * apart, apart);
                    q += 4;
                } else {
                    PageKernels.addValues(values, v, row, width, scratch, q * stride + w, 0, TOKENS, scratch, sums + q * apart);
                    q++;
                }
            }
            w += TOKENS;
        }
    }

    /** Gives positions that a query does not attend to {@code value}; returns how many it attends to, in pages that are there. */
    private static int mask(StoredPage[] pages, QueryBlock block, int query, int firstPage, int endPage, float value, float[] scores,
            int s) {
        int attended = 0;
        int at = s;
        for (int page = firstPage; page < endPage; page++) {
            if (pages[page] != null) {
                int begin = block.first(query) - page * TOKENS;
                int end = block.end(query) - page * TOKENS;
                attended += begin <= 0 && end >= TOKENS ? TOKENS : fill(scores, at, begin, end, value);
                at += TOKENS;
            }
        }
        return attended;
    }

    /**
     * Positions outside [begin, end) of a page get the weight 0.
     *
     * @return positions of the page that are inside
     */
    static int mask(float[] scores, int s, int begin, int end) {
        return fill(scores, s, begin, end, Float.NEGATIVE_INFINITY);
    }

    /** Gives positions of a page outside [begin, end) a value; returns how many are inside. */
    private static int fill(float[] scores, int s, int begin, int end, float value) {
        int from = Math.clamp(begin, 0, TOKENS);
        int to = Math.clamp(end, from, TOKENS);
        Arrays.fill(scores, s, s + from, value);
        Arrays.fill(scores, s + to, s + TOKENS, value);
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
