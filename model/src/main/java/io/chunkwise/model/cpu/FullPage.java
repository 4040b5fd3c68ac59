package io.chunkwise.model.cpu;

import static io.chunkwise.model.cpu.Lanes.COUNT;
import static io.chunkwise.model.cpu.Lanes.FLOATS;
import static io.chunkwise.model.cpu.PageShape.TOKENS;

import jdk.incubator.vector.FloatVector;

/**
 * A page as it was written.
 *
 * @param keys   [kvHeads, headDim, TOKENS]
 * @param values [kvHeads, TOKENS, floatStride], padded with zeros
 */
record FullPage(PageShape shape, float[] keys, float[] values) implements StoredPage {

    static FullPage empty(PageShape shape) {
        return new FullPage(shape, new float[Math.multiplyExact(shape.kvHeads() * shape.headDim(), TOKENS)],
                new float[Math.multiplyExact(shape.kvHeads() * shape.floatStride(), TOKENS)]);
    }

    @Override
    public long bytes() {
        return ((long) keys.length + values.length) * Float.BYTES;
    }

    /**
     * Stores one row.
     *
     * @param key   in [headDim] from {@code at}
     * @param value in [headDim] from {@code at}
     */
    void put(int kvHead, int position, float[] key, float[] value, int at) {
        int headDim = shape.headDim();
        for (int i = 0; i < headDim; i++) {
            keys[(kvHead * headDim + i) * TOKENS + position] = key[at + i];
        }
        System.arraycopy(value, at, values, (kvHead * TOKENS + position) * shape.floatStride(), headDim);
    }

    @Override
    public void score(int kvHead, float[] query, int q, float[] scores, int s) {
        int headDim = shape.headDim();
        int k = kvHead * headDim * TOKENS;
        for (int p = 0; p < TOKENS; p += COUNT) {
            FloatVector sum = FloatVector.zero(FLOATS);
            for (int i = 0; i < headDim; i++) {
                sum = FloatVector.fromArray(FLOATS, keys, k + i * TOKENS + p).fma(FloatVector.broadcast(FLOATS, query[q + i]), sum);
            }
            sum.intoArray(scores, s + p);
        }
    }

    /** The scores of this page and of the next one, with the same bits as one after the other: more sums at once, fewer waits. */
    void scoreBoth(FullPage next, int kvHead, float[] query, int q, float[] scores, int s) {
        int headDim = shape.headDim();
        int k = kvHead * headDim * TOKENS;
        float[] nextKeys = next.keys;
        if (COUNT == TOKENS) {
            FloatVector a = FloatVector.zero(FLOATS);
            FloatVector b = FloatVector.zero(FLOATS);
            for (int i = 0; i < headDim; i++) {
                FloatVector x = FloatVector.broadcast(FLOATS, query[q + i]);
                a = FloatVector.fromArray(FLOATS, keys, k + i * TOKENS).fma(x, a);
                b = FloatVector.fromArray(FLOATS, nextKeys, k + i * TOKENS).fma(x, b);
            }
            a.intoArray(scores, s);
            b.intoArray(scores, s + TOKENS);
            return;
        }
        for (int p = 0; p < TOKENS; p += 2 * COUNT) {
            FloatVector a = FloatVector.zero(FLOATS);
            FloatVector b = FloatVector.zero(FLOATS);
            FloatVector c = FloatVector.zero(FLOATS);
            FloatVector d = FloatVector.zero(FLOATS);
            for (int i = 0; i < headDim; i++) {
                FloatVector x = FloatVector.broadcast(FLOATS, query[q + i]);
                int at = k + i * TOKENS + p;
                a = FloatVector.fromArray(FLOATS, keys, at).fma(x, a);
                b = FloatVector.fromArray(FLOATS, keys, at + COUNT).fma(x, b);
                c = FloatVector.fromArray(FLOATS, nextKeys, at).fma(x, c);
                d = FloatVector.fromArray(FLOATS, nextKeys, at + COUNT).fma(x, d);
            }
            a.intoArray(scores, s + p);
            b.intoArray(scores, s + p + COUNT);
            c.intoArray(scores, s + p + TOKENS);
            d.intoArray(scores, s + p + TOKENS + COUNT);
        }
    }

    @Override
    public void addValues(int kvHead, float[] scratch, int w, int begin, int end, int s) {
        int stride = shape.floatStride();
        int v = kvHead * TOKENS * stride;
        int i = 0;
        for (; i <= stride - 8 * COUNT; i += 8 * COUNT) {
            FloatVector a = FloatVector.fromArray(FLOATS, scratch, s + i);
            FloatVector b = FloatVector.fromArray(FLOATS, scratch, s + i + COUNT);
            FloatVector c = FloatVector.fromArray(FLOATS, scratch, s + i + 2 * COUNT);
            FloatVector d = FloatVector.fromArray(FLOATS, scratch, s + i + 3 * COUNT);
            FloatVector e = FloatVector.fromArray(FLOATS, scratch, s + i + 4 * COUNT);
            FloatVector f = FloatVector.fromArray(FLOATS, scratch, s + i + 5 * COUNT);
            FloatVector g = FloatVector.fromArray(FLOATS, scratch, s + i + 6 * COUNT);
            FloatVector h = FloatVector.fromArray(FLOATS, scratch, s + i + 7 * COUNT);
            for (int p = begin; p < end; p++) {
                FloatVector weight = FloatVector.broadcast(FLOATS, scratch[w + p]);
                int at = v + p * stride + i;
                a = FloatVector.fromArray(FLOATS, values, at).fma(weight, a);
                b = FloatVector.fromArray(FLOATS, values, at + COUNT).fma(weight, b);
                c = FloatVector.fromArray(FLOATS, values, at + 2 * COUNT).fma(weight, c);
                d = FloatVector.fromArray(FLOATS, values, at + 3 * COUNT).fma(weight, d);
                e = FloatVector.fromArray(FLOATS, values, at + 4 * COUNT).fma(weight, e);
                f = FloatVector.fromArray(FLOATS, values, at + 5 * COUNT).fma(weight, f);
                g = FloatVector.fromArray(FLOATS, values, at + 6 * COUNT).fma(weight, g);
                h = FloatVector.fromArray(FLOATS, values, at + 7 * COUNT).fma(weight, h);
            }
            a.intoArray(scratch, s + i);
            b.intoArray(scratch, s + i + COUNT);
            c.intoArray(scratch, s + i + 2 * COUNT);
            d.intoArray(scratch, s + i + 3 * COUNT);
            e.intoArray(scratch, s + i + 4 * COUNT);
            f.intoArray(scratch, s + i + 5 * COUNT);
            g.intoArray(scratch, s + i + 6 * COUNT);
            h.intoArray(scratch, s + i + 7 * COUNT);
        }
        for (; i < stride; i += COUNT) {
            FloatVector a = FloatVector.fromArray(FLOATS, scratch, s + i);
            for (int p = begin; p < end; p++) {
                a = FloatVector.fromArray(FLOATS, values, v + p * stride + i).fma(FloatVector.broadcast(FLOATS, scratch[w + p]), a);
            }
            a.intoArray(scratch, s + i);
        }
    }
}
