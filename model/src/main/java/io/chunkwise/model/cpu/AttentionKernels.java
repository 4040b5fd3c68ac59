package io.chunkwise.model.cpu;

import static io.chunkwise.model.cpu.KvCache.PIECE;
import static io.chunkwise.model.cpu.Lanes.COUNT;
import static io.chunkwise.model.cpu.Lanes.FLOATS;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** Causal attention of one head of one row over the KV cache. */
final class AttentionKernels {
    private static final int STRIPE = 4 * COUNT; // positions whose scores are computed at a time; divides PIECE

    private AttentionKernels() {
    }

    /** Floats of scratch memory for {@link #attend} up to position {@code end}. */
    static int scratchSize(int end, int valueStride) {
        return (end + PIECE - 1) / PIECE * PIECE + valueStride;
    }

    /**
     * out = softmax(query · keysᵀ / √headDim) · values over positions [first, end)
     *
     * @param query   in      [headDim] from {@code at}
     * @param out     out     [headDim] from {@code at}
     * @param scratch scratch [scratchSize(end, valueStride)]
     */
    static void attend(KvCache cache, int layer, int kvHead, float[] query, float[] out, int at, int headDim, int first, int end,
            float[] scratch) {
        int firstPiece = first / PIECE;
        int endPiece = (end + PIECE - 1) / PIECE;
        for (int piece = firstPiece; piece < endPiece; piece++) {
            int positions = Math.min(PIECE, end - piece * PIECE);
            score(query, at, headDim, cache.keys(layer, piece), kvHead * headDim * PIECE, positions, scratch, piece * PIECE);
        }
        // What the rows must not see gets the weight 0; whole vectors from here on.
        Arrays.fill(scratch, firstPiece * PIECE, first, Float.NEGATIVE_INFINITY);
        Arrays.fill(scratch, end, endPiece * PIECE, Float.NEGATIVE_INFINITY);
        float total = softmax(scratch, firstPiece * PIECE, endPiece * PIECE, (float) (1 / Math.sqrt(headDim)));

        int stride = cache.valueStride();
        int sums = endPiece * PIECE; // where the head's output is collected: [stride]
        Arrays.fill(scratch, sums, sums + stride, 0);
        for (int piece = firstPiece; piece < endPiece; piece++) {
            int begin = Math.max(first, piece * PIECE);
            int positions = Math.min(end, (piece + 1) * PIECE) - begin;
            addValues(cache.values(layer, piece), (kvHead * PIECE + begin % PIECE) * stride, stride, scratch, begin, positions, sums);
        }
        for (int i = 0; i < headDim; i++) {
            out[at + i] = scratch[sums + i] / total;
        }
    }

    /**
     * scores[p] = Σ_i query[i] · keys[i, p], for positions [0, positions) and some more
     *
     * @param keys in [headDim, PIECE] from {@code k}
     */
    private static void score(float[] query, int q, int headDim, float[] keys, int k, int positions, float[] scores, int s) {
        for (int p = 0; p < positions; p += STRIPE) {
            FloatVector a = FloatVector.zero(FLOATS);
            FloatVector b = FloatVector.zero(FLOATS);
            FloatVector c = FloatVector.zero(FLOATS);
            FloatVector d = FloatVector.zero(FLOATS);
            for (int i = 0; i < headDim; i++) {
                FloatVector x = FloatVector.broadcast(FLOATS, query[q + i]);
                int at = k + i * PIECE + p;
                a = FloatVector.fromArray(FLOATS, keys, at).fma(x, a);
                b = FloatVector.fromArray(FLOATS, keys, at + COUNT).fma(x, b);
                c = FloatVector.fromArray(FLOATS, keys, at + 2 * COUNT).fma(x, c);
                d = FloatVector.fromArray(FLOATS, keys, at + 3 * COUNT).fma(x, d);
            }
            a.intoArray(scores, s + p);
            b.intoArray(scores, s + p + COUNT);
            c.intoArray(scores, s + p + 2 * COUNT);
            d.intoArray(scores, s + p + 3 * COUNT);
        }
    }

    /** scores[p] = e^((scores[p] − largest) · scale), in place, for whole vectors; returns their sum. */
    private static float softmax(float[] scores, int from, int to, float scale) {
        FloatVector largest = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
        for (int p = from; p < to; p += COUNT) {
            largest = largest.max(FloatVector.fromArray(FLOATS, scores, p));
        }
        float most = largest.reduceLanes(VectorOperators.MAX);
        FloatVector total = FloatVector.zero(FLOATS);
        for (int p = from; p < to; p += COUNT) {
            FloatVector weight = VectorMath.exp(FloatVector.fromArray(FLOATS, scores, p).sub(most).mul(scale));
            weight.intoArray(scores, p);
            total = total.add(weight);
        }
        return Lanes.sum(total);
    }

    /**
     * sums[i] += Σ_p weights[p] · values[p, i]
     *
     * @param values  in     [positions, stride] from {@code v}
     * @param scratch in+out weights [positions] from {@code w}; sums [stride] from {@code s}
     */
    private static void addValues(float[] values, int v, int stride, float[] scratch, int w, int positions, int s) {
        int i = 0;
        for (; i <= stride - 4 * COUNT; i += 4 * COUNT) {
            FloatVector a = FloatVector.fromArray(FLOATS, scratch, s + i);
            FloatVector b = FloatVector.fromArray(FLOATS, scratch, s + i + COUNT);
            FloatVector c = FloatVector.fromArray(FLOATS, scratch, s + i + 2 * COUNT);
            FloatVector d = FloatVector.fromArray(FLOATS, scratch, s + i + 3 * COUNT);
            for (int p = 0; p < positions; p++) {
                FloatVector weight = FloatVector.broadcast(FLOATS, scratch[w + p]);
                int at = v + p * stride + i;
                a = FloatVector.fromArray(FLOATS, values, at).fma(weight, a);
                b = FloatVector.fromArray(FLOATS, values, at + COUNT).fma(weight, b);
                c = FloatVector.fromArray(FLOATS, values, at + 2 * COUNT).fma(weight, c);
                d = FloatVector.fromArray(FLOATS, values, at + 3 * COUNT).fma(weight, d);
            }
            a.intoArray(scratch, s + i);
            b.intoArray(scratch, s + i + COUNT);
            c.intoArray(scratch, s + i + 2 * COUNT);
            d.intoArray(scratch, s + i + 3 * COUNT);
        }
        for (; i < stride; i += COUNT) {
            FloatVector a = FloatVector.fromArray(FLOATS, scratch, s + i);
            for (int p = 0; p < positions; p++) {
                a = FloatVector.fromArray(FLOATS, values, v + p * stride + i).fma(FloatVector.broadcast(FLOATS, scratch[w + p]), a);
            }
            a.intoArray(scratch, s + i);
        }
    }
}
