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
    public void readKeys(int kvHead, float[] to, int at) {
        int k = kvHead * shape.headDim() * TOKENS;
        decode(k, shape.headDim() * TOKENS, keys, to, at);
    }

    @Override
    public void readValues(int kvHead, float[] to, int at) {
        int stride = shape.byteStride();
        for (int p = 0; p < TOKENS; p++) {
            decode((kvHead * TOKENS + p) * stride, stride, values, to, at + p * shape.sums());
        }
    }

    /** Whole vectors. */
    private static void decode(int at, int count, byte[] from, float[] to, int toAt) {
        for (int i = 0; i < count; i += BYTES.length()) {
            for (int part = 0; part < PARTS; part++) {
                ((FloatVector) ByteVector.fromArray(BYTES, from, at + i).castShape(FLOATS, part)).intoArray(to, toAt + i + part * COUNT);
            }
        }
    }

    @Override
    public void scaleScores(int kvHead, float[] scores, int s, int count) {
        PageKernels.scale(keyScales, kvHead * TOKENS, scores, s, count);
    }

    @Override
    public void scaleWeights(int kvHead, float[] weights, int w, int count) {
        PageKernels.scale(valueScales, kvHead * TOKENS, weights, w, count);
    }
}
