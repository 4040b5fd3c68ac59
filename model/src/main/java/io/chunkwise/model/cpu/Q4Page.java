package io.chunkwise.model.cpu;

import static io.chunkwise.model.cpu.Lanes.BYTES;
import static io.chunkwise.model.cpu.Lanes.COUNT;
import static io.chunkwise.model.cpu.Lanes.FLOATS;
import static io.chunkwise.model.cpu.Lanes.INTS;
import static io.chunkwise.model.cpu.Lanes.PARTS;
import static io.chunkwise.model.cpu.PageShape.TOKENS;

import java.util.Arrays;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * A page in {@link io.chunkwise.model.kv.KvFormat#Q4}, two elements to the byte. Which two is for the vectors to say: elements
 * 2i and 2i + 1 of a key; of a value, those that are one byte vector apart.
 *
 * @param keys        [kvHeads, headDim / 2, TOKENS]
 * @param keyScales   [kvHeads, TOKENS]
 * @param values      [kvHeads, TOKENS, pairStride], padded with zeros (stored as 8)
 * @param valueScales [kvHeads, TOKENS]
 */
record Q4Page(PageShape shape, byte[] keys, float[] keyScales, byte[] values, float[] valueScales) implements StoredPage {
    private static final int ZERO = 8;
    private static final int BOTH_ZERO = ZERO << 4 | ZERO;

    static Q4Page of(FullPage full) {
        PageShape shape = full.shape();
        int heads = shape.kvHeads();
        int headDim = shape.headDim();
        Q4Page page = new Q4Page(shape, new byte[heads * headDim / 2 * TOKENS], new float[heads * TOKENS],
                new byte[heads * TOKENS * shape.pairStride()], new float[heads * TOKENS]);
        Arrays.fill(page.values, (byte) BOTH_ZERO);
        byte[] quants = new byte[headDim];
        for (int token = 0; token < heads * TOKENS; token++) {
            int head = token / TOKENS;
            int position = token % TOKENS;
            page.keyScales[token] = quantize(full.keys(), head * headDim * TOKENS + position, TOKENS, quants);
            for (int i = 0; i < headDim; i += 2) {
                page.keys[(head * headDim / 2 + i / 2) * TOKENS + position] = (byte) (quants[i] | quants[i + 1] << 4);
            }
            page.valueScales[token] = quantize(full.values(), token * shape.floatStride(), 1, quants);
            int length = BYTES.length();
            for (int i = 0; i < headDim; i++) {
                int at = token * shape.pairStride() + i / (2 * length) * length + i % length;
                int pair = page.values[at];
                page.values[at] = (byte) (i / length % 2 == 0 ? pair & 0xf0 | quants[i] : pair & 0x0f | quants[i] << 4);
            }
        }
        return page;
    }

    /** Quantizes elements that are {@code step} apart to [0, 15]; returns their scale. */
    private static float quantize(float[] from, int at, int step, byte[] quants) {
        float largest = 0;
        for (int i = 0; i < quants.length; i++) {
            float x = from[at + i * step];
            largest = Math.abs(x) > Math.abs(largest) ? x : largest;
        }
        float scale = -largest / 8;
        for (int i = 0; i < quants.length; i++) {
            quants[i] = (byte) (scale == 0 ? ZERO : Math.clamp(Math.round(from[at + i * step] / scale), -8, 7) + ZERO);
        }
        return scale;
    }

    @Override
    public long bytes() {
        return keys.length + values.length + ((long) keyScales.length + valueScales.length) * Float.BYTES;
    }

    private static FloatVector low(ByteVector pairs, int part) {
        IntVector quants = ((IntVector) pairs.convertShape(VectorOperators.ZERO_EXTEND_B2I, INTS, part)).and(15).sub(ZERO);
        return (FloatVector) quants.convertShape(VectorOperators.I2F, FLOATS, 0);
    }

    private static FloatVector high(ByteVector pairs, int part) {
        IntVector quants = ((IntVector) pairs.convertShape(VectorOperators.ZERO_EXTEND_B2I, INTS, part))
                .lanewise(VectorOperators.LSHR, 4).sub(ZERO);
        return (FloatVector) quants.convertShape(VectorOperators.I2F, FLOATS, 0);
    }

    @Override
    public void readKeys(int kvHead, float[] to, int at) {
        int k = kvHead * shape.headDim() / 2 * TOKENS;
        for (int p = 0; p < TOKENS; p += BYTES.length()) {
            for (int part = 0; part < PARTS; part++) {
                int lane = p + part * COUNT;
                for (int i = 0; i < shape.headDim(); i += 2) {
                    ByteVector pairs = ByteVector.fromArray(BYTES, keys, k + i / 2 * TOKENS + p);
                    low(pairs, part).intoArray(to, at + i * TOKENS + lane);
                    high(pairs, part).intoArray(to, at + (i + 1) * TOKENS + lane);
                }
            }
        }
    }

    @Override
    public void readValues(int kvHead, float[] to, int at) {
        int stride = shape.pairStride();
        int row = shape.sums();
        for (int p = 0; p < TOKENS; p++) {
            int v = (kvHead * TOKENS + p) * stride;
            for (int i = 0; i < stride; i += BYTES.length()) {
                ByteVector pairs = ByteVector.fromArray(BYTES, values, v + i);
                for (int part = 0; part < PARTS; part++) {
                    int element = at + p * row + 2 * i + part * COUNT;
                    low(pairs, part).intoArray(to, element);
                    high(pairs, part).intoArray(to, element + BYTES.length());
                }
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
