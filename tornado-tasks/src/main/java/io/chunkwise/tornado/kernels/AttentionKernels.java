package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Causal attention over the key/value cache, for grouped queries and an optional sliding window. The softmax is computed on
 * line (arXiv:1805.02867): one walk over the positions, rescaling what was summed so that the largest score weighs 1.
 */
public final class AttentionKernels {

    private AttentionKernels() {
    }

    /**
     * out[r, h] = Σ_p softmax_p(scale · query[r, h] · keys[l, p, g]) · values[l, p, g], with l the layer, g = h / (heads /
     * kvHeads), and p from max(0, e − window + 1) (0 without a window) to e = position + r; one thread per row and head.
     *
     * @param control in  rows, position, layer
     * @param query   in  [rowCapacity, heads, headDim]
     * @param keys    in  [layers, context, kvHeads, headDim]
     * @param values  in  [layers, context, kvHeads, headDim]
     * @param out     out [rowCapacity, heads, headDim]
     * @param scale   1 / √headDim
     * @param window  positions that a row may see, itself included; 0: all
     */
    public static void attendCached(IntArray control, FloatArray query, FloatArray keys, FloatArray values, FloatArray out,
            int heads, int kvHeads, int headDim, int context, int window, float scale) {
        int position = control.get(Control.POSITION);
        int layerStart = control.get(Control.LAYER) * context;
        int count = control.get(Control.ROWS) * heads;
        for (@Parallel int index = 0; index < count; index++) {
            int row = index / heads;
            int head = index - row * heads;
            int kvHead = head / (heads / kvHeads);
            int last = position + row;
            int start = 0;
            if (window > 0) {
                start = last - window + 1;
            }
            if (start < 0) {
                start = 0;
            }
            int at = index * headDim;
            for (int i = 0; i < headDim; i++) {
                out.set(at + i, 0f);
            }
            float largest = -3.4e38f;
            float total = 0f;
            for (int p = start; p <= last; p++) {
                int cached = ((layerStart + p) * kvHeads + kvHead) * headDim;
                float dot = 0f;
                for (int i = 0; i < headDim; i++) {
                    dot += query.get(at + i) * keys.get(cached + i);
                }
                float score = dot * scale;
                float before = largest;
                largest = TornadoMath.max(before, score);
                float shrink = TornadoMath.exp(before - largest);
                float weight = TornadoMath.exp(score - largest);
                total = total * shrink + weight;
                for (int i = 0; i < headDim; i++) {
                    out.set(at + i, out.get(at + i) * shrink + weight * values.get(cached + i));
                }
            }
            float inverse = 1f / total;
            for (int i = 0; i < headDim; i++) {
                out.set(at + i, out.get(at + i) * inverse);
            }
        }
    }

    /**
     * As {@link #attendCached}, one group of {@code lanes} threads per row and head: in tiles of {@code lanes} positions,
     * each thread scores one position, then sums its share of the head's elements over the tile.
     */
    public static void attendCachedGrouped(KernelContext context, IntArray control, FloatArray query, FloatArray keys, FloatArray values,
            FloatArray out, int heads, int kvHeads, int headDim, int contextLength, int window, float scale, int lanes) {
        int index = context.groupIdx;
        int lane = context.localIdx;
        if (index >= control.get(Control.ROWS) * heads) {
            return;
        }
        int row = index / heads;
        int head = index - row * heads;
        int kvHead = head / (heads / kvHeads);
        int layerStart = control.get(Control.LAYER) * contextLength;
        int last = control.get(Control.POSITION) + row;
        int start = 0;
        if (window > 0) {
            start = last - window + 1;
        }
        if (start < 0) {
            start = 0;
        }
        int at = index * headDim;
        float[] scores = context.allocateFloatLocalArray(lanes);
        for (int i = lane; i < headDim; i += lanes) {
            out.set(at + i, 0f);
        }
        float largest = -3.4e38f;
        float total = 0f;
        for (int tile = start; tile <= last; tile += lanes) {
            int p = tile + lane;
            int cached = ((layerStart + p) * kvHeads + kvHead) * headDim;
            int terms = 0;
            if (p <= last) {
                terms = headDim;
            }
            float dot = 0f;
            for (int i = 0; i < terms; i++) {
                dot += query.get(at + i) * keys.get(cached + i);
            }
            scores[lane] = dot * scale;
            context.localBarrier();
            int inTile = last - tile + 1;
            if (inTile > lanes) {
                inTile = lanes;
            }
            float before = largest;
            for (int t = 0; t < inTile; t++) {
                largest = TornadoMath.max(largest, scores[t]);
            }
            float shrink = TornadoMath.exp(before - largest);
            total = total * shrink;
            for (int t = 0; t < inTile; t++) {
                total += TornadoMath.exp(scores[t] - largest);
            }
            for (int i = lane; i < headDim; i += lanes) {
                float sum = out.get(at + i) * shrink;
                for (int t = 0; t < inTile; t++) {
                    sum += TornadoMath.exp(scores[t] - largest) * values.get(((layerStart + tile + t) * kvHeads + kvHead) * headDim + i);
                }
                out.set(at + i, sum);
            }
            context.localBarrier();
        }
        float inverse = 1f / total;
        for (int i = lane; i < headDim; i += lanes) {
            out.set(at + i, out.get(at + i) * inverse);
        }
    }
}
