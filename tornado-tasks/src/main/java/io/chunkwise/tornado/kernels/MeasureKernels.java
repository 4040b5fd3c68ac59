package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;

/**
 * What it would change to keep a page in another format ("linearization error", arXiv:2601.21109), in three stages: attention of the
 * probes as it is ({@link AttentionKernels#attendPages} over probes), the change per page, probe and head, and their sums.
 */
public final class MeasureKernels {
    /** Floats per page, probe and head: squared errors of Q8, Q4 and eviction, mass, squared norm of the attention output. */
    public static final int CHANGE = 5;
    /** Floats per page that come back: mass, relative errors of Q8, Q4 and eviction. */
    public static final int RESULT = 4;

    private MeasureKernels() {
    }

    /**
     * query[r] = probes[l, (p + r) mod PROBES], with l the layer and p the position of the first probe; one thread per row and element.
     *
     * @param control in  rows, position, layer
     * @param probes  in  [layers, PROBES, queryDim]
     * @param query   out [PROBES, queryDim]
     */
    public static void gatherProbes(IntArray control, FloatArray probes, FloatArray query, int queryDim) {
        int layer = control.get(Control.LAYER);
        int count = control.get(Control.ROWS) * queryDim;
        for (@Parallel int index = 0; index < count; index++) {
            int row = index / queryDim;
            int place = (control.get(Control.POSITION) + row) % Page.PROBES;
            query.set(index, probes.get((layer * Page.PROBES + place) * queryDim + index - row * queryDim));
        }
    }

    /**
     * changes[j, r, h] for page j, probe r and head h. With w_t the page's weights e^(s_t − m), z = Σ w_t, primes for what is read
     * back from the other format, Z the total of all weights and o the attention output as it is:
     *
     * <pre>o' − o = (Σ_t (w'_t v'_t − w_t v_t) − o (z' − z)) / (Z + z' − z)</pre>
     *
     * in which nothing large cancels. One thread per page, probe and head.
     *
     * @param control  in  jobs, rows, position, window
     * @param jobs     in  [CAPACITY, STRIDE]                  source (an entry), page
     * @param query    in  [PROBES, heads, headDim]
     * @param attended in  [PROBES, heads, headDim]
     * @param softmax  in  [PROBES, heads, 3]
     * @param keys     in  [slots, TOKENS, kvHeads, headDim]
     * @param values   in  [slots, TOKENS, kvHeads, headDim]
     * @param halves   in  [slots, 2, TOKENS, kvHeads, headDim]
     * @param decode   in  [64]                                of F16
     * @param changes  out [CAPACITY, PROBES, heads, CHANGE]
     */
    public static void comparePages(IntArray control, IntArray jobs, FloatArray query, FloatArray attended, FloatArray softmax,
            FloatArray keys, FloatArray values, ShortArray halves, FloatArray decode, FloatArray changes, int heads, int kvHeads,
            int headDim) {
        int perJob = Page.PROBES * heads;
        int count = control.get(Control.JOBS) * perJob;
        for (@Parallel int index = 0; index < count; index++) {
            int job = index / perJob;
            int row = (index - job * perJob) / heads;
            int head = index % heads;
            int kvHead = head / (heads / kvHeads);
            int page = jobs.get(job * Jobs.STRIDE + Jobs.PAGE);
            int last = control.get(Control.POSITION) + row;
            int from = AttentionKernels.firstOfPage(AttentionKernels.firstVisible(last, control.get(Control.WINDOW)), page);
            int to = AttentionKernels.endOfPage(last, page);
            if (row >= control.get(Control.ROWS)) {
                to = from;
            }
            int source = jobs.get(job * Jobs.STRIDE + Jobs.SOURCE);
            int isHalf = Page.isHalf(source);
            int keyPlace = Page.place(source, 0, Page.TOKENS * kvHeads) + kvHead;
            int valuePlace = Page.place(source, 1, Page.TOKENS * kvHeads) + kvHead;
            int at = (row * heads + head) * headDim;
            float scale = 1f / TornadoMath.sqrt((float) headDim);
            float largest = softmax.get((row * heads + head) * Page.SOFTMAX + Page.LARGEST);
            float total = softmax.get((row * heads + head) * Page.SOFTMAX + Page.TOTAL);
            float[] weights = new float[Page.TOKENS];
            float[] weights8 = new float[Page.TOKENS];
            float[] weights4 = new float[Page.TOKENS];
            float[] scales8 = new float[Page.TOKENS];
            float[] scales4 = new float[Page.TOKENS];
            float largest8 = largest;
            float largest4 = largest;
            float mass = 0f;
            for (int t = from; t < to; t++) {
                int k = (keyPlace + t * kvHeads) * headDim;
                int v = (valuePlace + t * kvHeads) * headDim;
                float scale8 = QuantKernels.scaleQ8(keys, halves, decode, isHalf, k, headDim);
                float scale4 = QuantKernels.scaleQ4(keys, halves, decode, isHalf, k, headDim);
                float inverse8 = QuantKernels.inverse(scale8);
                float inverse4 = QuantKernels.inverse(scale4);
                float sum = 0f;
                float sum8 = 0f;
                float sum4 = 0f;
                for (int i = 0; i < headDim; i++) {
                    float q = query.get(at + i);
                    float x = PageKernels.element(keys, keys, halves, decode, 0, isHalf, k + i);
                    sum += q * x;
                    sum8 += q * QuantKernels.quantQ8(x, inverse8);
                    sum4 += q * QuantKernels.quantQ4(x, inverse4);
                }
                weights[t] = TornadoMath.exp(sum * scale - largest);
                weights8[t] = sum8 * scale8 * scale;
                weights4[t] = sum4 * scale4 * scale;
                mass += weights[t];
                largest8 = TornadoMath.max(largest8, weights8[t]);
                largest4 = TornadoMath.max(largest4, weights4[t]);
                scales8[t] = QuantKernels.scaleQ8(values, halves, decode, isHalf, v, headDim);
                scales4[t] = QuantKernels.scaleQ4(values, halves, decode, isHalf, v, headDim);
            }
            // Where a score grows beyond the largest one, all other weights shrink.
            float shrink8 = TornadoMath.exp(largest - largest8);
            float shrink4 = TornadoMath.exp(largest - largest4);
            float gain8 = -shrink8 * mass;
            float gain4 = -shrink4 * mass;
            for (int t = from; t < to; t++) {
                weights8[t] = TornadoMath.exp(weights8[t] - largest8);
                weights4[t] = TornadoMath.exp(weights4[t] - largest4);
                gain8 += weights8[t];
                gain4 += weights4[t];
            }
            float square8 = 0f;
            float square4 = 0f;
            float squareEvicted = 0f;
            float squareNorm = 0f;
            for (int i = 0; i < headDim; i++) {
                float o = attended.get(at + i);
                float sum = 0f;
                float sum8 = 0f;
                float sum4 = 0f;
                for (int t = from; t < to; t++) {
                    float x = PageKernels.element(values, values, halves, decode, 0, isHalf, (valuePlace + t * kvHeads) * headDim + i);
                    sum += weights[t] * x;
                    sum8 += weights8[t] * scales8[t] * QuantKernels.quantQ8(x, QuantKernels.inverse(scales8[t]));
                    sum4 += weights4[t] * scales4[t] * QuantKernels.quantQ4(x, QuantKernels.inverse(scales4[t]));
                }
                float change8 = sum8 - shrink8 * sum - o * gain8;
                float change4 = sum4 - shrink4 * sum - o * gain4;
                float changeEvicted = sum - o * mass;
                square8 += change8 * change8;
                square4 += change4 * change4;
                squareEvicted += changeEvicted * changeEvicted;
                squareNorm += o * o;
            }
            float inverse8 = QuantKernels.inverse(shrink8 * total + gain8);
            float inverse4 = QuantKernels.inverse(shrink4 * total + gain4);
            float rest = total - mass;
            float evicted = squareNorm;
            // With next to nothing left to attend to, nothing is the output.
            if (rest > total * 1e-6f) {
                evicted = squareEvicted / (rest * rest);
            }
            changes.set(index * CHANGE, square8 * inverse8 * inverse8);
            changes.set(index * CHANGE + 1, square4 * inverse4 * inverse4);
            changes.set(index * CHANGE + 2, evicted);
            changes.set(index * CHANGE + 3, mass * QuantKernels.inverse(total));
            changes.set(index * CHANGE + 4, squareNorm);
        }
    }

    /**
     * result[j] = mean mass; √(Σ squared errors / Σ squared norms) of Q8, Q4 and eviction; sums over probes and heads. One thread per
     * page.
     *
     * @param control in  jobs, rows
     * @param changes in  [CAPACITY, PROBES, heads, CHANGE]
     * @param result  out [CAPACITY, RESULT]
     */
    public static void summarizePages(IntArray control, FloatArray changes, FloatArray result, int heads) {
        int probes = control.get(Control.ROWS) * heads;
        int count = control.get(Control.JOBS);
        for (@Parallel int job = 0; job < count; job++) {
            float square8 = 0f;
            float square4 = 0f;
            float squareEvicted = 0f;
            float mass = 0f;
            float squareNorm = 0f;
            for (int i = 0; i < probes; i++) {
                int at = (job * Page.PROBES * heads + i) * CHANGE;
                square8 += changes.get(at);
                square4 += changes.get(at + 1);
                squareEvicted += changes.get(at + 2);
                mass += changes.get(at + 3);
                squareNorm += changes.get(at + 4);
            }
            float inverse = QuantKernels.inverse(squareNorm);
            result.set(job * RESULT, mass / probes);
            result.set(job * RESULT + 1, TornadoMath.sqrt(square8 * inverse));
            result.set(job * RESULT + 2, TornadoMath.sqrt(square4 * inverse));
            result.set(job * RESULT + 3, TornadoMath.sqrt(squareEvicted * inverse));
        }
    }
}
