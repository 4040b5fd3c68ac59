package io.chunkwise.model.cpu;

import static io.chunkwise.model.cpu.Lanes.COUNT;
import static io.chunkwise.model.cpu.Lanes.INTS;
import static io.chunkwise.model.cpu.Lanes.SHORTS;
import static io.chunkwise.model.cpu.PageShape.TOKENS;

import io.chunkwise.model.kv.KvType;
import java.util.function.Consumer;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;

/**
 * A page as it was written, rounded to {@link KvType#F16}.
 *
 * @param keys   [kvHeads, headDim, TOKENS]
 * @param values [kvHeads, TOKENS, floatStride], padded with zeros
 */
record F16Page(PageShape shape, short[] keys, short[] values) implements WritablePage {

    static F16Page empty(PageShape shape) {
        return new F16Page(shape, new short[Math.multiplyExact(shape.kvHeads() * shape.headDim(), TOKENS)],
                new short[Math.multiplyExact(shape.kvHeads() * shape.floatStride(), TOKENS)]);
    }

    static short encode(float x) {
        return Float.floatToFloat16(Math.clamp(x, -KvType.LARGEST_F16, KvType.LARGEST_F16));
    }

    /** Whole vectors, as {@link WeightDecoder} decodes weights. */
    private static void decode(short[] from, int at, int count, float[] to, int toAt) {
        for (int i = 0; i < count; i += COUNT) {
            IntVector bits = (IntVector) ShortVector.fromArray(SHORTS, from, at + i).castShape(INTS, 0);
            bits.lanewise(VectorOperators.LSHL, 13).and(WeightDecoder.HALF_BITS).reinterpretAsFloats().mul(WeightDecoder.HALF_TO_FLOAT)
                    .intoArray(to, toAt + i);
        }
    }

    @Override
    public long bytes() {
        return ((long) keys.length + values.length) * Short.BYTES;
    }

    @Override
    public void put(int kvHead, int position, float[] key, float[] value, int at) {
        int headDim = shape.headDim();
        int v = (kvHead * TOKENS + position) * shape.floatStride();
        for (int i = 0; i < headDim; i++) {
            keys[(kvHead * headDim + i) * TOKENS + position] = encode(key[at + i]);
            values[v + i] = encode(value[at + i]);
        }
    }

    @Override
    public FullPage decoded() {
        FullPage page = FullPage.empty(shape);
        decode(keys, 0, keys.length, page.keys(), 0);
        decode(values, 0, values.length, page.values(), 0);
        return page;
    }

    @Override
    public void changeKeys(Consumer<float[]> change) {
        float[] floats = new float[keys.length];
        decode(keys, 0, keys.length, floats, 0);
        change.accept(floats);
        for (int i = 0; i < keys.length; i++) {
            keys[i] = encode(floats[i]);
        }
    }

    @Override
    public void readKeys(int kvHead, float[] to, int at) {
        int size = shape.headDim() * TOKENS;
        decode(keys, kvHead * size, size, to, at);
    }

    @Override
    public void readValues(int kvHead, float[] to, int at) {
        int stride = shape.floatStride();
        for (int p = 0; p < TOKENS; p++) {
            decode(values, (kvHead * TOKENS + p) * stride, stride, to, at + p * shape.sums());
        }
    }
}
