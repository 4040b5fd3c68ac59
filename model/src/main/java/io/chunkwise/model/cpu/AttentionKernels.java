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
        return queries * (KvPage.count(end) * TOKENS + 1 + 2 * shape.sums()) + expandedSize(shape);
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
        int totals = (endPage - firstPage) * count * TOKENS; // [count], after the scores: [pages that are there, count, TOKENS]
        int sums = totals + count; // where outputs are collected: [count, shape.sums()]
        int queries = sums + count * shape.sums(); // those of whole eights, as their kernel wants them: [count, shape.sums()]
        int expanded = queries + count * shape.sums(); // [TOKENS, shape.sums()]
        int there = score(pages, shape, block, query, firstPage, endPage, scratch, queries, expanded);
        if (there == 0) {
            for (int q = 0; q < count; q++) {
                Arrays.fill(out, block.offset(q), block.offset(q) + headDim, 0);
            }
            return;
        }
        float scale = (float) (1 / Math.sqrt(headDim));
        int apart = count * TOKENS; // from page to page
        for (int q = 0; q < count; q++) {
            int from = q * TOKENS;
            int attended = mask(pages, block, q, firstPage, endPage, Float.NEGATIVE_INFINITY, scratch, from, apart);
            float most = largest(scratch, from, there, apart);
            if (attended == 0) {
                for (int page = 0; page < there; page++) {
                    Arrays.fill(scratch, from + page * apart, from + page * apart + TOKENS, 0);
                }
                scratch[totals + q] = 1;
            } else if (block.row(q) >= firstCounted && attended > 1) {
                // The total takes the place of the sum of weight times exponent, once that is used.
                float total = exponentiateAndWeigh(scratch, from, there, apart, most, scale, totals + q);
                entropy[e + block.row(q) * entropyStep + block.head(q)] =
                        (float) Math.clamp((Math.log(total) - scratch[totals + q] / total) / Math.log(attended), 0, 1);
                scratch[totals + q] = total;
            } else {
                scratch[totals + q] = exponentiate(scratch, from, there, apart, most, scale);
            }
            mask(pages, block, q, firstPage, endPage, 0, scratch, from, apart);
        }
        Arrays.fill(scratch, sums, sums + count * shape.sums(), 0);
        addValues(pages, shape, block, firstPage, endPage, scratch, sums, expanded);
        for (int q = 0; q < count; q++) {
            int at = block.offset(q);
            for (int i = 0; i < headDim; i++) {
                out[at + i] = scratch[sums + q * shape.sums() + i] / scratch[totals + q];
            }
        }
    }

    /** Scores of all positions of the pages that are there; returns how many pages these are. */
    private static int score(StoredPage[] pages, PageShape shape, QueryBlock block, float[] query, int firstPage, int endPage,
            float[] scratch, int queries, int expanded) {
        int count = block.count();
        int headDim = shape.headDim();
        for (int q = 0; q < count; q += block.together(q)) {
            if (block.together(q) == PageKernels.EIGHT) {
                PageKernels.layEight(query, block.offset(q), block.step(), headDim, scratch, queries + q * shape.sums());
            }
        }
        int there = 0;
        for (int page = firstPage; page < endPage; page++) {
            StoredPage stored = pages[page];
            if (stored == null) {
                continue;
            }
            int s = there * count * TOKENS;
            // With few queries, two full pages at once have enough sums to keep the machine busy.
            if (count < 4 && stored instanceof FullPage full && page + 1 < endPage && pages[page + 1] instanceof FullPage next) {
                for (int q = 0; q < count; q++) {
                    full.scoreBoth(next, block.kvHead(), query, block.offset(q), scratch, s + q * TOKENS, count * TOKENS);
                }
                page++;
                there += 2;
                continue;
            }
            int head = block.kvHead() * headDim * TOKENS; // where its keys begin
            boolean quants = stored instanceof Q8Page && block.isEights();
            float[] keys = scratch;
            int k = expanded;
            if (stored instanceof FullPage full) {
                keys = full.keys();
                k = head;
            } else if (!quants) {
                stored.readKeys(block.kvHead(), scratch, expanded);
            }
            for (int q = 0; q < count; q += block.together(q)) {
                int to = s + q * TOKENS;
                switch (block.together(q)) {
                    case PageKernels.EIGHT -> {
                        Arrays.fill(scratch, to, to + PageKernels.EIGHT * TOKENS, 0);
                        int rows = queries + q * shape.sums();
                        if (quants) {
                            PageKernels.addEight(((Q8Page) stored).keys(), head, TOKENS, headDim, TOKENS, scratch, rows, scratch, to,
                                    TOKENS);
                        } else {
                            PageKernels.addEight(keys, k, TOKENS, headDim, TOKENS, scratch, rows, scratch, to, TOKENS);
                        }
                    }
                    case PageKernels.FOUR -> PageKernels.scoreFour(keys, k, headDim, query, block.offset(q), block.step(), scratch, to);
                    default -> PageKernels.score(keys, k, headDim, query, block.offset(q), scratch, to);
                }
            }
            stored.scaleScores(block.kvHead(), scratch, s, count);
            there++;
        }
        return there;
    }

    private static void addValues(StoredPage[] pages, PageShape shape, QueryBlock block, int firstPage, int endPage, float[] scratch,
            int sums, int expanded) {
        int count = block.count();
        int apart = shape.sums();
        int width = shape.floatStride();
        int weights = 0;
        for (int page = firstPage; page < endPage; page++) {
            StoredPage stored = pages[page];
            if (stored == null) {
                continue;
            }
            stored.scaleWeights(block.kvHead(), scratch, weights, count);
            boolean quants = stored instanceof Q8Page && block.isEights();
            float[] values = scratch;
            int v = expanded;
            int row = apart;
            if (stored instanceof FullPage full) {
                values = full.values();
                v = block.kvHead() * TOKENS * width;
                row = width;
            } else if (!quants) {
                stored.readValues(block.kvHead(), scratch, expanded);
            }
            for (int q = 0; q < count; q += block.together(q)) {
                int w = weights + q * TOKENS;
                int to = sums + q * apart;
                switch (block.together(q)) {
                    case PageKernels.EIGHT -> {
                        if (quants) {
                            int bytes = shape.byteStride();
                            PageKernels.addEight(((Q8Page) stored).values(), block.kvHead() * TOKENS * bytes, bytes, TOKENS, bytes,
                                    scratch, w, scratch, to, apart);
                        } else {
                            PageKernels.addEight(values, v, row, TOKENS, width, scratch, w, scratch, to, apart);
                        }
                    }
                    case PageKernels.FOUR -> PageKernels.addValuesFour(values, v, row, width, scratch, w, to, apart);
                    default -> PageKernels.addValues(values, v, row, width, scratch, w, 0, TOKENS, scratch, to);
                }
            }
            weights += count * TOKENS;
        }
    }

    /**
     * Gives positions that a query does not attend to {@code value}.
     *
     * @param scores in+out [pages that are there, TOKENS] from {@code s}, {@code apart} floats from page to page
     * @return positions that it attends to, in pages that are there
     */
    private static int mask(StoredPage[] pages, QueryBlock block, int query, int firstPage, int endPage, float value, float[] scores,
            int s, int apart) {
        int attended = 0;
        int at = s;
        for (int page = firstPage; page < endPage; page++) {
            if (pages[page] != null) {
                int begin = block.first(query) - page * TOKENS;
                int end = block.end(query) - page * TOKENS;
                attended += begin <= 0 && end >= TOKENS ? TOKENS : fill(scores, at, begin, end, value);
                at += apart;
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

    /** @param scores in [pages, TOKENS] from {@code s}, {@code apart} floats from page to page */
    static float largest(float[] scores, int s, int pages, int apart) {
        FloatVector largest = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
        for (int page = 0; page < pages; page++) {
            for (int p = 0; p < TOKENS; p += COUNT) {
                largest = largest.max(FloatVector.fromArray(FLOATS, scores, s + page * apart + p));
            }
        }
        return largest.reduceLanes(VectorOperators.MAX);
    }

    /**
     * score = e^((score − most) · scale)
     *
     * @param scores in+out [pages, TOKENS] from {@code s}, {@code apart} floats from page to page
     * @return their sum
     */
    static float exponentiate(float[] scores, int s, int pages, int apart, float most, float scale) {
        FloatVector total = FloatVector.zero(FLOATS);
        for (int page = 0; page < pages; page++) {
            for (int p = 0; p < TOKENS; p += COUNT) {
                int at = s + page * apart + p;
                FloatVector weight = VectorMath.exp(FloatVector.fromArray(FLOATS, scores, at).sub(most).mul(scale));
                weight.intoArray(scores, at);
                total = total.add(weight);
            }
        }
        return Lanes.sum(total);
    }

    /** As {@link #exponentiate}; leaves the sum of weight times exponent in {@code scores[weighted]}. */
    private static float exponentiateAndWeigh(float[] scores, int s, int pages, int apart, float most, float scale, int weighted) {
        FloatVector total = FloatVector.zero(FLOATS);
        FloatVector sum = FloatVector.zero(FLOATS);
        for (int page = 0; page < pages; page++) {
            for (int p = 0; p < TOKENS; p += COUNT) {
                int at = s + page * apart + p;
                FloatVector exponent = FloatVector.fromArray(FLOATS, scores, at).sub(most).mul(scale).max(LOWEST_EXPONENT);
                FloatVector weight = VectorMath.exp(exponent);
                weight.intoArray(scores, at);
                total = total.add(weight);
                sum = weight.fma(exponent, sum);
            }
        }
        scores[weighted] = Lanes.sum(sum);
        return Lanes.sum(total);
    }
}
