package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;

/**
 * Causal attention over the pages of the KV cache, each read in its own format, for grouped queries and an optional sliding
 * window. The softmax is computed on line (arXiv:1805.02867): one walk over the pages, rescaling what was summed so that the
 * largest score weighs 1. With the weights w = e^(s − largest) sum to Z and w · (s − largest) to T, their entropy is ln Z − T / Z.
 *
 * <p>This is the threaded form; the grouped one is {@link SplitAttentionKernels}.
 *
 * <p>For each page, a loop per format runs over the page's tokens or over none: loops in branches are miscompiled (see the package).
 */
public final class AttentionKernels {
    /** Below every score; finite, because infinity minus infinity is no number. */
    static final float LOWEST = -1e30f;

    private AttentionKernels() {
    }

    /**
     * out[r, h] = Σ_p softmax_p(query[r, h] · keys[l, p, g] / √headDim) · values[l, p, g], with l the layer, g = h / (heads /
     * kvHeads), and p from max(0, e − window + 1) (0 without a window) to e = position + r, less those of evicted pages; 0 where no p
     * is left. One thread per row and head.
     *
     * @param control in  rows, position, layer, pages, window, probe layer
     * @param table   in  [layers, pages], see {@link Page}
     * @param query   in  [rowCapacity, heads, headDim]
     * @param keys    in  full pages; as the arrays after it, see {@link Page}
     * @param values  in  full pages
     * @param halves  in  full pages of F16
     * @param decode  in  [64]                                of F16
     * @param codes8  in  Q8 pages
     * @param scales8 in  Q8 pages
     * @param codes4  in  Q4 pages
     * @param scales4 in  Q4 pages
     * @param out     out [rowCapacity, heads, headDim]
     * @param softmax out [rowCapacity, heads, 3]             entropy, largest, total; written where the layer is the probe layer
     */
    public static void attendPages(IntArray control, IntArray table, FloatArray query, FloatArray keys, FloatArray values,
            ShortArray halves, FloatArray decode, ByteArray codes8, FloatArray scales8, ByteArray codes4, FloatArray scales4,
            FloatArray out, FloatArray softmax, int heads, int kvHeads, int headDim) {
        int half = headDim / 2;
        int layer = control.get(Control.LAYER);
        int count = control.get(Control.ROWS) * heads;
        for (@Parallel int index = 0; index < count; index++) {
            int row = index / heads;
            int head = index - row * heads;
            int kvHead = head / (heads / kvHeads);
            int last = control.get(Control.POSITION) + row;
            int start = firstVisible(last, control.get(Control.WINDOW));
            int at = index * headDim;
            float scale = 1f / TornadoMath.sqrt((float) headDim);
            float[] scores = new float[Page.TOKENS];
            for (int i = 0; i < headDim; i++) {
                out.set(at + i, 0f);
            }
            float largest = LOWEST;
            float total = 0f;
            float weighted = 0f;
            int seen = 0;
            for (int page = start / Page.TOKENS; page <= last / Page.TOKENS; page++) {
                int entry = table.get(layer * control.get(Control.PAGES) + page);
                int from = firstOfPage(start, page);
                int to = endOfPage(last, page);
                int endFull = endIn(entry, Page.FULL, from, to);
                int endHalf = endIn(entry, Page.F16, from, to);
                int endQ8 = endIn(entry, Page.Q8, from, to);
                int endQ4 = endIn(entry, Page.Q4, from, to);
                int end = endFull + endHalf + endQ8 + endQ4 - 3 * from;
                // Of position 0 in the page, for this head: in the pools of floats; keys of the other pools; their values.
                int place = Page.slot(entry) * Page.TOKENS * kvHeads + kvHead;
                int keyPlace = Page.slot(entry) * 2 * Page.TOKENS * kvHeads + kvHead;
                int valuePlace = keyPlace + Page.TOKENS * kvHeads;
                for (int t = from; t < endFull; t++) {
                    int k = (place + t * kvHeads) * headDim;
                    float sum = 0f;
                    for (int i = 0; i < headDim; i++) {
                        sum += query.get(at + i) * keys.get(k + i);
                    }
                    scores[t] = sum * scale;
                }
                for (int t = from; t < endHalf; t++) {
                    int k = (keyPlace + t * kvHeads) * headDim;
                    float sum = 0f;
                    for (int i = 0; i < headDim; i++) {
                        sum += query.get(at + i) * Halves.get(halves, decode, k + i);
                    }
                    scores[t] = sum * scale;
                }
                for (int t = from; t < endQ8; t++) {
                    int k = keyPlace + t * kvHeads;
                    float sum = 0f;
                    for (int i = 0; i < headDim; i++) {
                        sum += query.get(at + i) * codes8.get(k * headDim + i);
                    }
                    scores[t] = sum * scales8.get(k) * scale;
                }
                for (int t = from; t < endQ4; t++) {
                    int k = keyPlace + t * kvHeads;
                    float sum = 0f;
                    for (int i = 0; i < half; i++) {
                        int pair = codes4.get(k * half + i);
                        sum += query.get(at + i) * QuantizedProjectionKernels.lowQuant(pair);
                        sum += query.get(at + half + i) * QuantizedProjectionKernels.highQuant(pair);
                    }
                    scores[t] = sum * scales4.get(k) * scale;
                }
                float before = largest;
                for (int t = from; t < end; t++) {
                    largest = TornadoMath.max(largest, scores[t]);
                }
                float shrink = TornadoMath.exp(before - largest);
                weighted = (weighted + total * (before - largest)) * shrink;
                total = total * shrink;
                seen += end - from;
                for (int t = from; t < end; t++) {
                    float lower = scores[t] - largest;
                    float weight = TornadoMath.exp(lower);
                    total += weight;
                    weighted += weight * lower;
                    scores[t] = weight;
                }
                for (int i = 0; i < headDim; i++) {
                    out.set(at + i, out.get(at + i) * shrink);
                }
                for (int t = from; t < endFull; t++) {
                    int v = (place + t * kvHeads) * headDim;
                    float weight = scores[t];
                    for (int i = 0; i < headDim; i++) {
                        out.set(at + i, out.get(at + i) + weight * values.get(v + i));
                    }
                }
                for (int t = from; t < endHalf; t++) {
                    int v = (valuePlace + t * kvHeads) * headDim;
                    float weight = scores[t];
                    for (int i = 0; i < headDim; i++) {
                        out.set(at + i, out.get(at + i) + weight * Halves.get(halves, decode, v + i));
                    }
                }
                for (int t = from; t < endQ8; t++) {
                    int v = valuePlace + t * kvHeads;
                    float weight = scores[t] * scales8.get(v);
                    for (int i = 0; i < headDim; i++) {
                        out.set(at + i, out.get(at + i) + weight * codes8.get(v * headDim + i));
                    }
                }
                for (int t = from; t < endQ4; t++) {
                    int v = valuePlace + t * kvHeads;
                    float weight = scores[t] * scales4.get(v);
                    for (int i = 0; i < half; i++) {
                        int pair = codes4.get(v * half + i);
                        out.set(at + i, out.get(at + i) + weight * QuantizedProjectionKernels.lowQuant(pair));
                        out.set(at + half + i, out.get(at + half + i) + weight * QuantizedProjectionKernels.highQuant(pair));
                    }
                }
            }
            float inverse = QuantKernels.inverse(total);
            for (int i = 0; i < headDim; i++) {
                out.set(at + i, out.get(at + i) * inverse);
            }
            if (control.get(Control.PROBE_LAYER) == layer) {
                softmax.set(index * Page.SOFTMAX + Page.ENTROPY, relativeEntropy(total, weighted, seen));
                softmax.set(index * Page.SOFTMAX + Page.LARGEST, largest);
                softmax.set(index * Page.SOFTMAX + Page.TOTAL, total);
            }
        }
    }

    /** The first position that a row at {@code last} may see. */
    static int firstVisible(int last, int window) {
        int start = 0;
        if (window > 0) {
            start = last - window + 1;
        }
        if (start < 0) {
            start = 0;
        }
        return start;
    }

    /** The first token of a page that is not before {@code start}; at most TOKENS. */
    static int firstOfPage(int start, int page) {
        int from = start - page * Page.TOKENS;
        if (from < 0) {
            from = 0;
        }
        if (from > Page.TOKENS) {
            from = Page.TOKENS;
        }
        return from;
    }

    /** One past the last token of a page that is not behind {@code last}; at least 0. */
    static int endOfPage(int last, int page) {
        int to = last + 1 - page * Page.TOKENS;
        if (to > Page.TOKENS) {
            to = Page.TOKENS;
        }
        if (to < 0) {
            to = 0;
        }
        return to;
    }

    /** {@code to} if the page has this format and the end is behind the beginning, else {@code from}: a loop of no iterations. */
    static int endIn(int entry, int format, int from, int to) {
        int end = from;
        if (Page.format(entry) == format) {
            end = to;
        }
        if (end < from) {
            end = from;
        }
        return end;
    }

    /** Pages from that of {@code start} to that of {@code last}. */
    static int pagesOf(int start, int last) {
        return last / Page.TOKENS - start / Page.TOKENS + 1;
    }

    /** (ln Z − T / Z) / ln n, in [0, 1]; 0 for n of 0 or 1. */
    static float relativeEntropy(float total, float weighted, int count) {
        float entropy = 0f;
        if (count > 1) {
            entropy = (TornadoMath.log(total) - weighted / total) / TornadoMath.log((float) count);
        }
        return TornadoMath.max(0f, TornadoMath.min(1f, entropy));
    }
}
