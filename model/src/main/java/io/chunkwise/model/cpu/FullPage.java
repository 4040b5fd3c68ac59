package io.chunkwise.model.cpu;

import static io.chunkwise.model.cpu.Lanes.COUNT;
import static io.chunkwise.model.cpu.Lanes.FLOATS;
import static io.chunkwise.model.cpu.PageShape.TOKENS;

import java.util.function.Consumer;
import jdk.incubator.vector.FloatVector;

/**
 * A page as it was written, in floats.
 *
 * @param keys   [kvHeads, headDim, TOKENS]
 * @param values [kvHeads, TOKENS, floatStride], padded with zeros
 */
record FullPage(PageShape shape, float[] keys, float[] values) implements WritablePage {

    static FullPage empty(PageShape shape) {
        return new FullPage(shape, new float[Math.multiplyExact(shape.kvHeads() * shape.headDim(), TOKENS)],
                new float[Math.multiplyExact(shape.kvHeads() * shape.floatStride(), TOKENS)]);
    }

    @Override
    public long bytes() {
        return ((long) keys.length + values.length) * Float.BYTES;
    }

    @Override
    public FullPage decoded() {
        return this;
    }

    @Override
    public void changeKeys(Consumer<float[]> change) {
        change.accept(keys);
    }

    @Override
    public void put(int kvHead, int position, float[] key, float[] value, int at) {
        int headDim = shape.headDim();
        for (int i = 0; i < headDim; i++) {
            keys[(kvHead * headDim + i) * TOKENS + position] = key[at + i];
        }
        System.arraycopy(value, at, values, (kvHead * TOKENS + position) * shape.floatStride(), headDim);
    }

    @Override
    public void readKeys(int kvHead, float[] to, int at) {
        int size = shape.headDim() * TOKENS;
        System.arraycopy(keys, kvHead * size, to, at, size);
    }

    @Override
    public void readValues(int kvHead, float[] to, int at) {
        int stride = shape.floatStride();
        for (int p = 0; p < TOKENS; p++) {
            System.arraycopy(values, (kvHead * TOKENS + p) * stride, to, at + p * shape.sums(), stride);
        }
    }

    @Override
    public void score(int kvHead, float[] query, int q, float[] scores, int s) {
        PageKernels.score(keys, kvHead * shape.headDim() * TOKENS, shape.headDim(), query, q, scores, s);
    }

    /**
     * The scores of this page and of the next one, with the same bits as one after the other: more sums at once, fewer waits.
     *
     * @param scores out [2, TOKENS] from {@code s}, {@code apart} floats from page to page
     */
    void scoreBoth(FullPage next, int kvHead, float[] query, int q, float[] scores, int s, int apart) {
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
            b.intoArray(scores, s + apart);
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
            c.intoArray(scores, s + p + apart);
            d.intoArray(scores, s + p + apart + COUNT);
        }
    }

    @Override
    public void addValues(int kvHead, float[] scratch, int w, int begin, int end, int s) {
        int stride = shape.floatStride();
        PageKernels.addValues(values, kvHead * TOKENS * stride, stride, stride, scratch, w, begin, end, scratch, s);
    }
}
