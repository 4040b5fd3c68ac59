package io.chunkwise.model.format;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Plain scalar conversion between float and every {@link TensorType}: the readable reference that the vectorized and
 * device kernels are tested against, and what small tensors (norms, biases, adapters) are read with.
 */
public final class BlockCodec {
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;

    private BlockCodec() {
    }

    /** All elements of a tensor as floats, a fresh row-major array. */
    public static float[] decode(TensorView tensor) {
        float[] out = new float[Math.toIntExact(tensor.elements())];
        decode(tensor.type(), tensor.data(), 0, out, 0, out.length);
        return out;
    }

    /**
     * Decodes {@code count} elements.
     *
     * @param firstElement index of the first element in {@code data}; a block boundary
     * @param count        elements; whole blocks
     */
    public static void decode(TensorType type, MemorySegment data, long firstElement, float[] out, int outOffset, int count) {
        int block = type.blockElements();
        long at = type.bytesFor(firstElement);
        for (int done = 0; done < count; done += block, at += type.blockBytes()) {
            int o = outOffset + done;
            switch (type) {
                case F32 -> out[o] = data.get(FLOAT, at);
                case F16 -> out[o] = Float.float16ToFloat(data.get(SHORT, at));
                case BF16 -> out[o] = Float.intBitsToFloat(data.get(SHORT, at) << 16);
                case Q8_0 -> {
                    float d = Float.float16ToFloat(data.get(SHORT, at));
                    for (int i = 0; i < 32; i++) {
                        out[o + i] = d * data.get(BYTE, at + 2 + i);
                    }
                }
                case Q4_0 -> {
                    float d = Float.float16ToFloat(data.get(SHORT, at));
                    for (int i = 0; i < 16; i++) {
                        int q = data.get(BYTE, at + 2 + i) & 0xff;
                        out[o + i] = d * ((q & 15) - 8);
                        out[o + 16 + i] = d * ((q >> 4) - 8);
                    }
                }
            }
        }
    }

    /**
     * Encodes floats; rounding is to nearest, as ggml's reference quantizers do it.
     *
     * @param out little-endian bytes, {@code type.bytesFor(count)} from {@code outOffset} on are written
     */
    public static void encode(TensorType type, float[] values, int offset, int count, MemorySegment out, long outOffset) {
        int block = type.blockElements();
        type.bytesFor(count);
        long at = outOffset;
        for (int v = offset; v < offset + count; v += block, at += type.blockBytes()) {
            switch (type) {
                case F32 -> out.set(FLOAT, at, values[v]);
                case F16 -> out.set(SHORT, at, Float.floatToFloat16(values[v]));
                case BF16 -> out.set(SHORT, at, toBFloat16(values[v]));
                case Q8_0 -> encodeQ8(values, v, out, at);
                case Q4_0 -> encodeQ4(values, v, out, at);
            }
        }
    }

    private static short toBFloat16(float value) {
        int bits = Float.floatToIntBits(value);
        if (Float.isNaN(value)) {
            return (short) (bits >>> 16 | 0x40);
        }
        return (short) (bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
    }

    private static void encodeQ8(float[] values, int from, MemorySegment out, long at) {
        float largest = 0;
        for (int i = 0; i < 32; i++) {
            largest = Math.max(largest, Math.abs(values[from + i]));
        }
        float d = largest / 127;
        float inverse = d == 0 ? 0 : 1 / d;
        out.set(SHORT, at, Float.floatToFloat16(d));
        for (int i = 0; i < 32; i++) {
            out.set(BYTE, at + 2 + i, (byte) Math.round(values[from + i] * inverse));
        }
    }

    private static void encodeQ4(float[] values, int from, MemorySegment out, long at) {
        // The value of largest magnitude maps to -8, whatever its sign: it is then exact.
        float extreme = 0;
        for (int i = 0; i < 32; i++) {
            if (Math.abs(values[from + i]) > Math.abs(extreme)) {
                extreme = values[from + i];
            }
        }
        float d = extreme / -8;
        float inverse = d == 0 ? 0 : 1 / d;
        out.set(SHORT, at, Float.floatToFloat16(d));
        for (int i = 0; i < 16; i++) {
            int low = Math.clamp((int) (values[from + i] * inverse + 8.5f), 0, 15);
            int high = Math.clamp((int) (values[from + 16 + i] * inverse + 8.5f), 0, 15);
            out.set(BYTE, at + 2 + i, (byte) (low | high << 4));
        }
    }
}
