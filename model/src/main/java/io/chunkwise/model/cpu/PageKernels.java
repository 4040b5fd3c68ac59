package io.chunkwise.model.cpu;

import static io.chunkwise.model.cpu.Lanes.BYTES;
import static io.chunkwise.model.cpu.Lanes.COUNT;
import static io.chunkwise.model.cpu.Lanes.FLOATS;
import static io.chunkwise.model.cpu.Lanes.PARTS;
import static io.chunkwise.model.cpu.PageShape.TOKENS;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;

/**
 * Scores and weighted values of the keys and values of one page and head, as floats: those of a full page where they lie, those of
 * others in scratch memory, but for Q8 ones that eight queries read. Four or eight queries share what is loaded, and each of them gets
 * the bits that it would get alone.
 */
final class PageKernels {
    /** Queries that share what is loaded. */
    static final int FOUR = 4;
    /** The most of them. */
    static final int EIGHT = 8;

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
     * @param scores out [4, TOKENS] from {@code s}
     */
    static void scoreFour(float[] keys, int k, int headDim, float[] query, int q, int step, float[] scores, int s) {
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
            a1.intoArray(scores, s + TOKENS + p);
            b1.intoArray(scores, s + TOKENS + p + half);
            a2.intoArray(scores, s + 2 * TOKENS + p);
            b2.intoArray(scores, s + 2 * TOKENS + p + half);
            a3.intoArray(scores, s + 3 * TOKENS + p);
            b3.intoArray(scores, s + 3 * TOKENS + p + half);
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
     * @param scratch in+out weights [4, TOKENS] from {@code w}, and sums [4, width] from {@code s}, {@code apart} floats from query to
     *                       query
     */
    static void addValuesFour(float[] values, int v, int row, int width, float[] scratch, int w, int s, int apart) {
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
                weight = FloatVector.broadcast(FLOATS, scratch[w + TOKENS + p]);
                a1 = va.fma(weight, a1);
                b1 = vb.fma(weight, b1);
                weight = FloatVector.broadcast(FLOATS, scratch[w + 2 * TOKENS + p]);
                a2 = va.fma(weight, a2);
                b2 = vb.fma(weight, b2);
                weight = FloatVector.broadcast(FLOATS, scratch[w + 3 * TOKENS + p]);
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
            addValues(values, v + i, row, width - i, scratch, w + j * TOKENS, 0, TOKENS, scratch, s + j * apart + i);
        }
    }

    /** Where element {@code n} of the first of eight rows lies that are kept as {@link #addEight} likes them. */
    private static int columnOfEight(int n) {
        return n + n / TOKENS * ((EIGHT - 1) * TOKENS);
    }

    /**
     * Copies eight rows into the form that {@link #addEight} reads them in.
     *
     * @param rows in  [8, count] from {@code at}, {@code step} floats from row to row
     * @param to   out [⌈count / TOKENS⌉, 8, TOKENS] from {@code toAt}
     */
    static void layEight(float[] rows, int at, int step, int count, float[] to, int toAt) {
        for (int j = 0; j < EIGHT; j++) {
            for (int n = 0; n < count; n++) {
                to[toAt + columnOfEight(n) + j * TOKENS] = rows[at + j * step + n];
            }
        }
    }

    // Keys and values want the same of eight queries: scores are sums over elements of a query times keys, outputs are sums over weights
    // times values. The loop over rows is one that the compiler does not count: what it would do before a counted loop takes longer than
    // the few rows of a page. Distances between factors are constants, so that one address is enough for all of them.

    /**
     * out[j, c] += Σ_n factors[j, n] · m[n, c]
     *
     * @param m       in     [rows, width] from {@code at}, {@code step} elements from row to row
     * @param rows           at least 1
     * @param width          whole vectors
     * @param factors in     [⌈rows / TOKENS⌉, 8, TOKENS] from {@code x}
     * @param out     in+out [8, width] from {@code o}, {@code apart} floats from query to query
     */
    static void addEight(float[] m, int at, int step, int rows, int width, float[] factors, int x, float[] out, int o, int apart) {
        for (int c = 0; c < width; c += COUNT) {
            FloatVector s0 = FloatVector.fromArray(FLOATS, out, o + c);
            FloatVector s1 = FloatVector.fromArray(FLOATS, out, o + apart + c);
            FloatVector s2 = FloatVector.fromArray(FLOATS, out, o + 2 * apart + c);
            FloatVector s3 = FloatVector.fromArray(FLOATS, out, o + 3 * apart + c);
            FloatVector s4 = FloatVector.fromArray(FLOATS, out, o + 4 * apart + c);
            FloatVector s5 = FloatVector.fromArray(FLOATS, out, o + 5 * apart + c);
            FloatVector s6 = FloatVector.fromArray(FLOATS, out, o + 6 * apart + c);
            FloatVector s7 = FloatVector.fromArray(FLOATS, out, o + 7 * apart + c);
            int n = 0;
            do {
                int i = x + columnOfEight(n);
                FloatVector row = FloatVector.fromArray(FLOATS, m, at + n * step + c);
                s0 = row.fma(FloatVector.broadcast(FLOATS, factors[i]), s0);
                s1 = row.fma(FloatVector.broadcast(FLOATS, factors[i + TOKENS]), s1);
                s2 = row.fma(FloatVector.broadcast(FLOATS, factors[i + 2 * TOKENS]), s2);
                s3 = row.fma(FloatVector.broadcast(FLOATS, factors[i + 3 * TOKENS]), s3);
                s4 = row.fma(FloatVector.broadcast(FLOATS, factors[i + 4 * TOKENS]), s4);
                s5 = row.fma(FloatVector.broadcast(FLOATS, factors[i + 5 * TOKENS]), s5);
                s6 = row.fma(FloatVector.broadcast(FLOATS, factors[i + 6 * TOKENS]), s6);
                s7 = row.fma(FloatVector.broadcast(FLOATS, factors[i + 7 * TOKENS]), s7);
                n++;
            } while (n != rows);
            s0.intoArray(out, o + c);
            s1.intoArray(out, o + apart + c);
            s2.intoArray(out, o + 2 * apart + c);
            s3.intoArray(out, o + 3 * apart + c);
            s4.intoArray(out, o + 4 * apart + c);
            s5.intoArray(out, o + 5 * apart + c);
            s6.intoArray(out, o + 6 * apart + c);
            s7.intoArray(out, o + 7 * apart + c);
        }
    }

    /** {@link #addEight(float[], int, int, int, int, float[], int, float[], int, int)} for quants; their scales are the factors' affair. */
    static void addEight(byte[] m, int at, int step, int rows, int width, float[] factors, int x, float[] out, int o, int apart) {
        for (int b = 0; b < width; b += BYTES.length()) {
            for (int part = 0; part < PARTS; part++) {
                int c = b + part * COUNT;
                FloatVector s0 = FloatVector.fromArray(FLOATS, out, o + c);
                FloatVector s1 = FloatVector.fromArray(FLOATS, out, o + apart + c);
                FloatVector s2 = FloatVector.fromArray(FLOATS, out, o + 2 * apart + c);
                FloatVector s3 = FloatVector.fromArray(FLOATS, out, o + 3 * apart + c);
                FloatVector s4 = FloatVector.fromArray(FLOATS, out, o + 4 * apart + c);
                FloatVector s5 = FloatVector.fromArray(FLOATS, out, o + 5 * apart + c);
                FloatVector s6 = FloatVector.fromArray(FLOATS, out, o + 6 * apart + c);
                FloatVector s7 = FloatVector.fromArray(FLOATS, out, o + 7 * apart + c);
                int n = 0;
                do {
                    int i = x + columnOfEight(n);
                    FloatVector row = (FloatVector) ByteVector.fromArray(BYTES, m, at + n * step + b).castShape(FLOATS, part);
                    s0 = row.fma(FloatVector.broadcast(FLOATS, factors[i]), s0);
                    s1 = row.fma(FloatVector.broadcast(FLOATS, factors[i + TOKENS]), s1);
                    s2 = row.fma(FloatVector.broadcast(FLOATS, factors[i + 2 * TOKENS]), s2);
                    s3 = row.fma(FloatVector.broadcast(FLOATS, factors[i + 3 * TOKENS]), s3);
                    s4 = row.fma(FloatVector.broadcast(FLOATS, factors[i + 4 * TOKENS]), s4);
                    s5 = row.fma(FloatVector.broadcast(FLOATS, factors[i + 5 * TOKENS]), s5);
                    s6 = row.fma(FloatVector.broadcast(FLOATS, factors[i + 6 * TOKENS]), s6);
                    s7 = row.fma(FloatVector.broadcast(FLOATS, factors[i + 7 * TOKENS]), s7);
                    n++;
                } while (n != rows);
                s0.intoArray(out, o + c);
                s1.intoArray(out, o + apart + c);
                s2.intoArray(out, o + 2 * apart + c);
                s3.intoArray(out, o + 3 * apart + c);
                s4.intoArray(out, o + 4 * apart + c);
                s5.intoArray(out, o + 5 * apart + c);
                s6.intoArray(out, o + 6 * apart + c);
                s7.intoArray(out, o + 7 * apart + c);
            }
        }
    }

    /**
     * rows[q, p] = rows[q, p] · scales[p]
     *
     * @param scales in     [TOKENS] from {@code at}
     * @param rows   in+out [count, TOKENS] from {@code r}
     */
    static void scale(float[] scales, int at, float[] rows, int r, int count) {
        for (int p = 0; p < TOKENS; p += COUNT) {
            FloatVector scale = FloatVector.fromArray(FLOATS, scales, at + p);
            for (int i = r + p; i < r + count * TOKENS; i += TOKENS) {
                FloatVector.fromArray(FLOATS, rows, i).mul(scale).intoArray(rows, i);
            }
        }
    }
}
