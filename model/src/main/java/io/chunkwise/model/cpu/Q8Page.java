package io.chunkwise.model.cpu;

import static io.chunkwise.model.cpu.Lanes.BYTES;
import static io.chunkwise.model.cpu.Lanes.COUNT;
import static io.chunkwise.model.cpu.Lanes.FLOATS;
import static io.chunkwise.model.cpu.Lanes.PARTS;
import static io.chunkwise.model.cpu.PageShape.TOKENS;

import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;

/**
 * A page in {@link io.chunkwise.model.kv.KvFormat#Q8}.
 *
 * @param keys        [kvHeads, headDim, TOKENS]
 * @param keyScales   [kvHeads, TOKENS]
 * @param values      [kvHeads, TOKENS, byteStride], padded with zeros
 * @param valueScales [kvHeads, TOKENS]
 */
record Q8Page(PageShape shape, byte[] keys, float[] keyScales, byte[] values, float[] valueScales) implements StoredPage {

    static Q8Page of(FullPage full) {
        PageShape shape = full.shape();
        int heads = shape.kvHeads();
        Q8Page page = new Q8Page(shape, new byte[heads * shape.headDim() * TOKENS], new float[heads * TOKENS],
                new byte[heads * TOKENS * shape.byteStride()], new float[heads * TOKENS]);
        for (int token = 0; token < heads * TOKENS; token++) {
            int head = token / TOKENS;
            page.keyScales[token] = quantize(full.keys(), head * shape.headDim() * TOKENS + token % TOKENS, TOKENS, shape.headDim(),
                    page.keys, head * shape.headDim() * TOKENS + token % TOKENS, TOKENS);
            page.valueScales[token] = quantize(full.values(), token * shape.floatStride(), 1, shape.headDim(),
                    page.values, token * shape.byteStride(), 1);
        }
        return page;
    }

    /** Quantizes {@code count} elements that are {@code step} apart; returns their scale. */
    private static float quantize(float[] from, int at, int step, int count, byte[] to, int toAt, int toStep) {
        float largest = 0;
        for (int i = 0; i < count; i++) {
            largest = Math.max(largest, Math.abs(from[at + i * step]));
        }
        float scale = largest / 127;
        for (int i = 0; i < count && scale != 0; i++) {
            to[toAt + i * toStep] = (byte) Math.clamp(Math.round(from[at + i * step] / scale), -127, 127);
        }
        return scale;
    }

    @Override
    public long bytes() {
        return keys.length + values.length + ((long) keyScales.length + valueScales.length) * Float.BYTES;
    }

    @Override
    public void score(int kvHead, float[] query, int q, float[] scores, int s) {
        int headDim = shape.headDim();
        int k = kvHead * headDim * TOKENS;
        for (int p = 0; p < TOKENS; p += BYTES.length()) {
            for (int part = 0; part < PARTS; part++) {
                FloatVector even = FloatVector.zero(FLOATS);
                FloatVector odd = FloatVector.zero(FLOATS);
                for (int i = 0; i < headDim; i += 2) {
                    ByteVector first = ByteVector.fromArray(BYTES, keys, k + i * TOKENS + p);
                    ByteVector second = ByteVector.fromArray(BYTES, keys, k + (i + 1) * TOKENS + p);
                    even = ((FloatVector) first.castShape(FLOATS, part)).fma(FloatVector.broadcast(FLOATS, query[q + i]), even);
                    odd = ((FloatVector) second.castShape(FLOATS, part)).fma(FloatVector.broadcast(FLOATS, query[q + i + 1]), odd);
                }
                int at = p + part * COUNT;
                even.add(odd).mul(FloatVector.fromArray(FLOATS, keyScales, kvHead * TOKENS + at)).intoArray(scores, s + at);
            }
        }
    }

    @Override
    public void addValues(int kvHead, float[] scratch, int w, int begin, int end, int s) {
        int stride = shape.byteStride();
        int v = kvHead * TOKENS * stride;
        for (int i = 0; i < stride; i += BYTES.length()) {
            for (int part = 0; part < PARTS; part++) {
                FloatVector sum = FloatVector.fromArray(FLOATS, scratch, s + i + part * COUNT);
                for (int p = begin; p < end; p++) {
                    FloatVector weight = FloatVector.broadcast(FLOATS, scratch[w + p] * valueScales[kvHead * TOKENS + p]);
                    sum = ((FloatVector) ByteVector.fromArray(BYTES, values, v + p * stride + i).castShape(FLOATS, part)).fma(weight, sum);
                }
                sum.intoArray(scratch, s + i + part * COUNT);
            }
        }
    }
}
