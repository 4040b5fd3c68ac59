package io.chunkwise.model.cpu;

import static io.chunkwise.model.cpu.Lanes.COUNT;
import static io.chunkwise.model.cpu.Lanes.FLOATS;
import static io.chunkwise.model.cpu.PageShape.TOKENS;

import jdk.incubator.vector.FloatVector;

/**
 * Scores and weighted values of the keys and values of one page and head, as floats: those of a full page where they lie, those of
 * others in scratch memory. Four queries share what is loaded, and each of them gets the bits that it would get alone.
 */
final class PageKernels {

    private PageKernels() {
    }

    /**
     * scores[p] = Σ_i query[i] · key[i, p]
     *
     * @param keys   in  [headDim, TOKENS] from {@code k}
     * @param query  in  [headDim] from {@code q}
     * @param scores out [TOKENS] from {@code s}
     */
    static void score(float[] keys, int k, int headDim, float[] query, int q, float[] scores, int s) {
        for (int p = 0; p < TOKENS; p += COUNT) {
            FloatVector sum = FloatVector.zero(FLOATS);
            for (int i = 0; i < headDim; i++) {
                sum = FloatVector.fromArray(FLOATS, keys, k + i * TOKENS + p).fma(FloatVector.broadcast(FLOATS, query[q + i]), sum);
            }
            sum.intoArray(scores, s + p);
        }
    }

    /**
     * {@link #score} for four queries.
     *
     * @param query  in  [4, headDim] from {@code q}, {@code step} floats from query to query
     * @param scores out [4, TOKENS] from {@code s}, {@code stride} floats from query to query
     */
    static void scoreFour(float[] keys, int k, int headDim, float[] query, int q, int step, float[] scores, int s, int stride) {
        int half = COUNT < TOKENS ? COUNT : 0; // where one vector is a page, both halves of the loop do the same
        for (int p = 0; p < TOKENS; p += COUNT + half) {
            FloatVector a0 = FloatVector.zero(FLOATS);
            FloatVector b0 = a0;
            FloatVector a1 = a0;
            FloatVector b1 = a0;
            FloatVector a2 = a0;
            FloatVector b2 = a0;
            FloatVector a3 = a0;
            FloatVector b3 = a0;
            for (int i = 0; i < headDim; i++) {
                FloatVector ka = FloatVector.fromArray(FLOATS, keys, k + i * TOKENS + p);
                FloatVector kb = FloatVector.fromArray(FLOATS, keys, k + i * TOKENS + p + half);
                FloatVector x = FloatVector.broadcast(FLOATS, query[q + i]);
                a0 = ka.fma(x, a0);
                b0 = kb.fma(x, b0);
                x = FloatVector.broadcast(FLOATS, query[q + step + i]);
                a1 = ka.fma(x, a1);
                b1 = kb.fma(x, b1);
                x = FloatVector.broadcast(FLOATS, query[q + 2 * step + i]);
                a2 = ka.fma(x, a2);
                b2 = kb.fma(x, b2);
                x = FloatVector.broadcast(FLOATS, query[q + 3 * step + i]);
                a3 = ka.fma(x, a3);
                b3 = kb.fma(x, b3);
            }
            a0.intoArray(scores, s + p);
            b0.intoArray(scores, s + p + half);
            a1.intoArray(scores, s + stride + p);
            b1.intoArray(scores, s + stride + p + half);
            a2.intoArray(scores, s + 2 * stride + p);
            b2.intoArray(scores, s + 2 * stride + p + half);
            a3.intoArray(scores, s + 3 * stride + p);
            b3.intoArray(scores, s + 3 * stride + p + half);
        }
    }

    /**
     * sums[i] += Σ_p weights[p] · value[p, i], for positions [begin, end)
     *
     * @param values  in     [TOKENS, width] from {@code v}, {@code row} floats from position to position
     * @param width          whole vectors
     * @param weights in     [TOKENS] from {@code w}
     * @param sums    in+out [width] from {@code s}
     */
    static void addValues(float[] values, int v, int row, int width, float[] weights, int w, int begin, int end, float[] sums, int s) {
        int i = 0;
        for (; i <= width - 8 * COUNT; i += 8 * COUNT) {
            FloatVector a = FloatVector.fromArray(FLOATS, sums, s + i);
            FloatVector b = FloatVector.fromArray(FLOATS, sums, s + i + COUNT);
            FloatVector c = FloatVector.fromArray(FLOATS, sums, s + i + 2 * COUNT);
            FloatVector d = FloatVector.fromArray(FLOATS, sums, s + i + 3 * COUNT);
            FloatVector e = FloatVector.fromArray(FLOATS, sums, s + i + 4 * COUNT);
            FloatVector f = FloatVector.fromArray(FLOATS, sums, s + i + 5 * COUNT);
            FloatVector g = FloatVector.fromArray(FLOATS, sums, s + i + 6 * COUNT);
            FloatVector h = FloatVector.fromArray(FLOATS, sums, s + i + 7 * COUNT);
            for (int p = begin; p < end; p++) {
                FloatVector weight = FloatVector.broadcast(FLOATS, weights[w + p]);
                int at = v + p * row + i;
                a = FloatVector.fromArray(FLOATS, values, at).fma(weight, a);
                b = FloatVector.fromArray(FLOATS, values, at + COUNT).fma(weight, b);
                c = FloatVector.fromArray(FLOATS, values, at + 2 * COUNT).fma(weight, c);
                d = FloatVector.fromArray(FLOATS, values, at + 3 * COUNT).fma(weight, d);
                e = FloatVector.fromArray(FLOATS, values, at + 4 * COUNT).fma(weight, e);
                f = FloatVector.fromArray(FLOATS, values, at + 5 * COUNT).fma(weight, f);
                g = FloatVector.fromArray(FLOATS, values, at + 6 * COUNT).fma(weight, g);
                h = FloatVector.fromArray(FLOATS, values, at + 7 * COUNT).fma(weight, h);
            }
            a.intoArray(sums, s + i);
            b.intoArray(sums, s + i + COUNT);
            c.intoArray(sums, s + i + 2 * COUNT);
            d.intoArray(sums, s + i + 3 * COUNT);
            e.intoArray(sums, s + i + 4 * COUNT);
            f.intoArray(sums, s + i + 5 * COUNT);
            g.intoArray(sums, s + i + 6 * COUNT);
            h.intoArray(sums, s + i + 7 * COUNT);
        }
        for (; i < width; i += COUNT) {
            FloatVector a = FloatVector.fromArray(FLOATS, sums, s + i);
            for (int p = begin; p < end; p++) {
                a = FloatVector.fromArray(FLOATS, values, v + p * row + i).fma(FloatVector.broadcast(FLOATS, weights[w + p]), a);
            }
            a.intoArray(sums, s + i);
        }
    }

    /**
     * {@link #addValues} for four queries and all positions; weights of positions that do not count are 0.
     *
     * @param scratch in+out weights [4, TOKENS] from {@code w}, {@code stride} floats from query to query, and sums [4, width] from
     *                       {@code s}, {@code apart} floats from query to query
     */
    static void addValuesFour(float[] values, int v, int row, int width, float[] scratch, int w, int stride, int s, int apart) {
        int i = 0;
        for (; i <= width - 2 * COUNT; i += 2 * COUNT) {
            FloatVector a0 = FloatVector.fromArray(FLOATS, scratch, s + i);
            FloatVector b0 = FloatVector.fromArray(FLOATS, scratch, s + i + COUNT);
            FloatVector a1 = FloatVector.fromArray(FLOATS, scratch, s + apart + i);
            FloatVector b1 = FloatVector.fromArray(FLOATS, scratch, s + apart + i + COUNT);
            FloatVector a2 = FloatVector.fromArray(FLOATS, scratch, s + 2 * apart + i);
            FloatVector b2 = FloatVector.fromArray(FLOATS, scratch, s + 2 * apart + i + COUNT);
            FloatVector a3 = FloatVector.fromArray(FLOATS, scratch, s + 3 * apart + i);
            FloatVector b3 = FloatVector.fromArray(FLOATS, scratch, s + 3 * apart + i + COUNT);
            for (int p = 0; p < TOKENS; p++) {
                FloatVector va = FloatVector.fromArray(FLOATS, values, v + p * row + i);
                FloatVector vb = FloatVector.fromArray(FLOATS, values, v + p * row + i + COUNT);
                FloatVector weight = FloatVector.broadcast(FLOATS, scratch[w + p]);
                a0 = va.fma(weight, a0);
                b0 = vb.fma(weight, b0);
                weight = FloatVector.broadcast(FLOATS, scratch[w + stride + p]);
                a1 = va.fma(weight, a1);
                b1 = vb.fma(weight, b1);
                weight = FloatVector.broadcast(FLOATS, scratch[w + 2 * stride + p]);
                a2 = va.fma(weight, a2);
                b2 = vb.fma(weight, b2);
                weight = FloatVector.broadcast(FLOATS, scratch[w + 3 * stride + p]);
                a3 = va.fma(weight, a3);
                b3 = vb.fma(weight, b3);
            }
            a0.intoArray(scratch, s + i);
            b0.intoArray(scratch, s + i + COUNT);
            a1.intoArray(scratch, s + apart + i);
            b1.intoArray(scratch, s + apart + i + COUNT);
            a2.intoArray(scratch, s + 2 * apart + i);
            b2.intoArray(scratch, s + 2 * apart + i + COUNT);
            a3.intoArray(scratch, s + 3 * apart + i);
            b3.intoArray(scratch, s + 3 * apart + i + COUNT);
        }
        for (int j = 0; j < 4 && i < width; j++) {
            addValues(values, v + i, row, width - i, scratch, w + j * stride, 0, TOKENS, scratch, s + j * apart + i);
        }
    }
}
