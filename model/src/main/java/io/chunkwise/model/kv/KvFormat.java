package io.chunkwise.model.kv;

import io.chunkwise.model.llama.LlamaConfig;

/** How a page keeps its keys and values; from the most to the least faithful. */
public enum KvFormat {
    /** As it was computed, rounded to the cache's {@link KvType}. */
    FULL,
    /** Per token and head, one byte per element and an F32 scale: x = scale · q, q in [−127, 127], scale = max |x| / 127. */
    Q8,
    /**
     * Per token and head, half a byte per element and an F32 scale: x = scale · q, q in [−8, 7], scale = −(the element of largest
     * magnitude) / 8, as in GGUF's Q4_0. Element i is the low half of byte i for i below half the head dimension, the high half
     * of byte i − headDim / 2 above; halves are stored as q + 8.
     */
    Q4,
    /** Nothing is kept, and nobody attends to these positions any more. */
    EVICTED;

    /**
     * Bytes of the keys and values of one position in one layer.
     *
     * @param type of full pages
     */
    public int bytesPerToken(LlamaConfig config, KvType type) {
        int heads = 2 * config.kvHeads();
        return switch (this) {
            case FULL -> heads * config.headDim() * type.bytes();
            case Q8 -> heads * (config.headDim() + Float.BYTES);
            case Q4 -> heads * (config.headDim() / 2 + Float.BYTES);
            case EVICTED -> 0;
        };
    }
}
