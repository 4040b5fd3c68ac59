package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Splits of attention: a row's head sees a range of pages, which several groups share where a pass has too few rows and heads to keep a
 * GPU busy. A split is a softmax of its own pages: [headDim] elements Σ e^(s − largest) · value and {@link #NOTES} floats about its
 * scores s. Splits lie one after another, those of a row's head as {@link #of} says. Last ones for which no page is left are not written.
 */
public final class Splits {
    /** The largest score. */
    static final int LARGEST = 0;
    /** Σ e^(s − largest). */
    static final int TOTAL = 1;
    /** Σ e^(s − largest) · (s − largest). */
    static final int WEIGHTED = 2;
    /** How many there are. */
    static final int SEEN = 3;
    /** Floats behind the elements of a split. */
    public static final int NOTES = 4;
    /** Groups that a pass has if splits can make as many: eight or so for each multiprocessor of a large GPU. */
    private static final int GROUPS = 1024;
    /** Of a row's head, at most: what comes of them has to be put together again. */
    private static final int MOST = 32;

    private Splits() {
    }

    /** Splits of a row's head in a pass of so many rows. */
    public static int of(int rows, int heads) {
        return TornadoMath.max(1, TornadoMath.min(MOST, GROUPS / (rows * heads)));
    }

    /** At least as many splits as all heads of a pass of up to {@code rows} rows have. */
    public static int most(int rows, int heads) {
        return TornadoMath.max(rows * heads, GROUPS);
    }

    static int of(IntArray control, int heads) {
        return of(LowRankKernels.rowsDivisor(control), heads);
    }

    /** Pages of each split of a row that sees {@code pages}; fewer or none are left for the last ones. */
    static int pagesEach(int pages, int splits) {
        return (pages + splits - 1) / splits;
    }

    /** Splits of a row's head that have pages. */
    static int used(IntArray control, int row, int heads) {
        int last = control.get(Control.POSITION) + row;
        int pages = AttentionKernels.pagesOf(AttentionKernels.firstVisible(last, control.get(Control.WINDOW)), last);
        int each = pagesEach(pages, of(control, heads));
        return (pages + each - 1) / each;
    }

    /** Where the first split of a row's head begins. */
    private static int first(IntArray control, int rowAndHead, int heads, int headDim) {
        return rowAndHead * of(control, heads) * (headDim + NOTES);
    }

    /** Element i of what a row's head attends to: its splits together, divided by their total; 0 where that is. */
    static float element(IntArray control, FloatArray splits, int rowAndHead, int heads, int headDim, int i) {
        int used = used(control, rowAndHead / heads, heads);
        int at = first(control, rowAndHead, heads, headDim);
        float largest = largest(splits, at, used, headDim);
        float sum = 0f;
        float total = 0f;
        // Eight are requested before one is waited for.
        for (int split = 0; split < used; split += 8) {
            float s0 = shrink(splits, at, split, used, headDim, largest);
            float s1 = shrink(splits, at, split + 1, used, headDim, largest);
            float s2 = shrink(splits, at, split + 2, used, headDim, largest);
            float s3 = shrink(splits, at, split + 3, used, headDim, largest);
            float s4 = shrink(splits, at, split + 4, used, headDim, largest);
            float s5 = shrink(splits, at, split + 5, used, headDim, largest);
            float s6 = shrink(splits, at, split + 6, used, headDim, largest);
            float s7 = shrink(splits, at, split + 7, used, headDim, largest);
            sum += (entry(splits, at, split, used, headDim, i) * s0 + entry(splits, at, split + 1, used, headDim, i) * s1)
                    + (entry(splits, at, split + 2, used, headDim, i) * s2 + entry(splits, at, split + 3, used, headDim, i) * s3);
            sum += (entry(splits, at, split + 4, used, headDim, i) * s4 + entry(splits, at, split + 5, used, headDim, i) * s5)
                    + (entry(splits, at, split + 6, used, headDim, i) * s6 + entry(splits, at, split + 7, used, headDim, i) * s7);
            int t = headDim + TOTAL;
            total += (entry(splits, at, split, used, headDim, t) * s0 + entry(splits, at, split + 1, used, headDim, t) * s1)
                    + (entry(splits, at, split + 2, used, headDim, t) * s2 + entry(splits, at, split + 3, used, headDim, t) * s3);
            total += (entry(splits, at, split + 4, used, headDim, t) * s4 + entry(splits, at, split + 5, used, headDim, t) * s5)
                    + (entry(splits, at, split + 6, used, headDim, t) * s6 + entry(splits, at, split + 7, used, headDim, t) * s7);
        }
        return sum * QuantKernels.inverse(total);
    }

    /** softmax[rowAndHead] as of {@link AttentionKernels#attendPages}, in the layer whose attention is described; by thread 0 alone. */
    static void describe(IntArray control, FloatArray splits, FloatArray softmax, int rowAndHead, int heads, int headDim, int thread) {
        int described = LaneDots.within(thread, 1, described(control));
        for (int once = 0; once < described; once++) {
            int used = used(control, rowAndHead / heads, heads);
            int at = first(control, rowAndHead, heads, headDim);
            float largest = largest(splits, at, used, headDim);
            float total = 0f;
            float weighted = 0f;
            float seen = 0f;
            for (int split = 0; split < used; split++) {
                float lower = entry(splits, at, split, used, headDim, headDim + LARGEST) - largest;
                float shrink = TornadoMath.exp(lower);
                float own = entry(splits, at, split, used, headDim, headDim + TOTAL);
                total += own * shrink;
                weighted += (entry(splits, at, split, used, headDim, headDim + WEIGHTED) + own * lower) * shrink;
                seen += entry(splits, at, split, used, headDim, headDim + SEEN);
            }
            softmax.set(rowAndHead * Page.SOFTMAX + Page.ENTROPY, AttentionKernels.relativeEntropy(total, weighted, (int) seen));
            softmax.set(rowAndHead * Page.SOFTMAX + Page.LARGEST, largest);
            softmax.set(rowAndHead * Page.SOFTMAX + Page.TOTAL, total);
        }
    }

    /** The largest score of the splits [at, at + used). */
    private static float largest(FloatArray splits, int at, int used, int headDim) {
        float largest = AttentionKernels.LOWEST;
        int l = headDim + LARGEST;
        for (int split = 0; split < used; split += 8) {
            float first = TornadoMath.max(
                    TornadoMath.max(entry(splits, at, split, used, headDim, l), entry(splits, at, split + 1, used, headDim, l)),
                    TornadoMath.max(entry(splits, at, split + 2, used, headDim, l), entry(splits, at, split + 3, used, headDim, l)));
            float second = TornadoMath.max(
                    TornadoMath.max(entry(splits, at, split + 4, used, headDim, l), entry(splits, at, split + 5, used, headDim, l)),
                    TornadoMath.max(entry(splits, at, split + 6, used, headDim, l), entry(splits, at, split + 7, used, headDim, l)));
            largest = TornadoMath.max(largest, TornadoMath.max(first, second));
        }
        return largest;
    }

    /** What a split's sums are multiplied with where they are put together; 0 behind the last split. */
    private static float shrink(FloatArray splits, int at, int split, int used, int headDim, float largest) {
        float shrink = TornadoMath.exp(entry(splits, at, split, used, headDim, headDim + LARGEST) - largest);
        if (split >= used) {
            shrink = 0f;
        }
        return shrink;
    }

    /** Float i of a split, or of the last one. */
    private static float entry(FloatArray splits, int at, int split, int used, int headDim, int i) {
        return splits.get(at + TornadoMath.min(split, used - 1) * (headDim + NOTES) + i);
    }

    /** 1 in the layer whose attention is described, else 0. */
    private static int described(IntArray control) {
        int described = 0;
        if (control.get(Control.PROBE_LAYER) == control.get(Control.LAYER)) {
            described = 1;
        }
        return described;
    }
}
