package io.chunkwise.model.cpu;

import static io.chunkwise.model.cpu.KvCache.PIECE;

/** Causal attention of one head of one row over the KV cache. */
final class AttentionKernels {

    private AttentionKernels() {
    }

    /**
     * out = softmax(query · keysᵀ / √headDim) · values over positions [first, end)
     *
     * @param query   in      [headDim] from {@code at}
     * @param out     out     [headDim] from {@code at}
     * @param scores  scratch [end, rounded up to a piece]
     */
    static void attend(KvCache cache, int layer, int kvHead, float[] query, float[] out, int at, int headDim, int first, int end, float[] scores) {
        float scale = (float) (1 / Math.sqrt(headDim));
        float largest = Float.NEGATIVE_INFINITY;
        for (int position = first; position < end; position++) {
            float[] keys = cache.keys(layer, position / PIECE);
            float sum = 0;
            for (int i = 0; i < headDim; i++) {
                sum += query[at + i] * keys[(kvHead * headDim + i) * PIECE + position % PIECE];
            }
            scores[position] = sum * scale;
            largest = Math.max(largest, scores[position]);
        }
        float total = 0;
        for (int position = first; position < end; position++) {
            scores[position] = (float) Math.exp(scores[position] - largest);
            total += scores[position];
        }
        for (int i = 0; i < headDim; i++) {
            float sum = 0;
            for (int position = first; position < end; position++) {
                sum += scores[position] * cache.values(layer, position / PIECE)[(kvHead * PIECE + position % PIECE) * cache.valueStride() + i];
            }
            out[at + i] = sum / total;
        }
    }
}
