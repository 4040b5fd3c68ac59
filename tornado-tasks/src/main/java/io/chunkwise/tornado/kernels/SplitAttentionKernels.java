package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;

/**
 * {@link AttentionKernels#attendPages} in the grouped form, in two stages: a group for each {@link Splits split} of a row's head, then
 * the splits together, each weighed by the exponential of its largest score ("flash-decoding"; the sum is that of arXiv:1805.02867).
 */
public final class SplitAttentionKernels {
    /** Threads of a group that has a split; as many positions are a tile, which is whole pages. */
    public static final int THREADS = 64;
    private static final int TILE_PAGES = THREADS / Page.TOKENS;
    /** Keys that a group reads at once. */
    private static final int KEYS = THREADS / KeyDots.LANES;
    /** Of the lanes' shares of a key; odd, so that neighbouring keys lie in different banks of local memory. */
    private static final int SHARES = KeyDots.LANES + 1;

    private SplitAttentionKernels() {
    }

    /**
     * splits[r, h, c] = Σ_p e^(s_p − largest) · values[l, p, g] and its notes, for p in the pages of split c, s_p = query[r, h] · keys[l,
     * p, g] / √headDim, and all else as in {@link AttentionKernels#attendPages}. One group of {@link #THREADS} threads per row, head and
     * split: in tiles of as many positions, {@link KeyDots#LANES} threads have a key, then each thread has a score, then its share of the
     * elements.
     *
     * @param control in  rows, position, layer, pages, window
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
     * @param splits  out [rows, heads, Splits.of(rows, heads), headDim + NOTES]
     */
    public static void attendSplits(KernelContext context, IntArray control, IntArray table, FloatArray query, FloatArray keys,
            FloatArray values, ShortArray halves, FloatArray decode, ByteArray codes8, FloatArray scales8, ByteArray codes4,
            FloatArray scales4, FloatArray splits, int heads, int kvHeads, int headDim) {
        int index = context.groupIdx;
        int thread = context.localIdx;
        int splitsEach = Splits.of(control, heads);
        int rowAndHead = index / splitsEach;
        if (rowAndHead >= control.get(Control.ROWS) * heads) {
            return;
        }
        int row = rowAndHead / heads;
        int last = control.get(Control.POSITION) + row;
        int start = AttentionKernels.firstVisible(last, control.get(Control.WINDOW));
        int pages = Splits.pagesEach(AttentionKernels.pagesOf(start, last), splitsEach);
        int firstPage = start / Page.TOKENS + (index - rowAndHead * splitsEach) * pages;
        int endPage = TornadoMath.min(firstPage + pages, last / Page.TOKENS + 1);
        if (firstPage >= endPage) {
            return;
        }
        int kvHead = (rowAndHead - row * heads) / (heads / kvHeads);
        int entries = control.get(Control.LAYER) * control.get(Control.PAGES);
        int key = thread / KeyDots.LANES;
        int lane = thread - key * KeyDots.LANES;
        // Not known to the compiler, which would write what is done for a format twice.
        int tokens = LowRankKernels.unknown(control, Page.TOKENS);
        int elements = LowRankKernels.unknown(control, headDim);
        float scale = 1f / TornadoMath.sqrt((float) headDim);
        float[] low = new float[(headDim / 2 + KeyDots.LANES - 1) / KeyDots.LANES];
        float[] high = new float[(headDim / 2 + KeyDots.LANES - 1) / KeyDots.LANES];
        float[] ofPage = new float[Page.TOKENS];
        KeyDots.load(low, high, query, rowAndHead * headDim, lane, headDim);
        float[] shares = context.allocateFloatLocalArray(THREADS * SHARES);
        float[] scores = context.allocateFloatLocalArray(THREADS);
        float[] weights = context.allocateFloatLocalArray(THREADS);
        float[] sums = context.allocateFloatLocalArray((headDim + THREADS - 1) / THREADS * THREADS);
        for (int first = 0; first < headDim; first += THREADS) {
            sums[first + thread] = 0f;
        }
        float largest = AttentionKernels.LOWEST;
        float total = 0f;
        float weighted = 0f;
        float seen = 0f;
        for (int tile = firstPage; tile < endPage; tile += TILE_PAGES) {
            int tilePages = TornadoMath.min(TILE_PAGES, endPage - tile);
            for (int page = 0; page < tilePages; page++) {
                int entry = table.get(entries + tile + page);
                // Of position 0 in the page, for this head: in the pools of floats; in the other pools.
                int place = Page.slot(entry) * Page.TOKENS * kvHeads + kvHead;
                int keyPlace = Page.slot(entry) * 2 * Page.TOKENS * kvHeads + kvHead;
                for (int turn = 0; turn < tokens; turn += KEYS) {
                    int token = turn + key;
                    int k = keyPlace + token * kvHeads;
                    shares[(page * Page.TOKENS + token) * SHARES + lane] =
                            KeyDots.dotF32(low, high, keys, (place + token * kvHeads) * headDim, lane, headDim, Page.isIn(entry, Page.FULL))
                            + KeyDots.dotF16(low, high, halves, decode, k * headDim, lane, headDim, Page.isIn(entry, Page.F16))
                            + KeyDots.dotQ8(low, high, codes8, scales8, k, lane, headDim, Page.isIn(entry, Page.Q8))
                            + KeyDots.dotQ4(low, high, codes4, scales4, k, lane, headDim, Page.isIn(entry, Page.Q4));
                }
            }
            context.localBarrier();
            int mine = TornadoMath.min(tile + thread / Page.TOKENS, endPage - 1);
            int position = tile * Page.TOKENS + thread;
            float sum = 0f;
            for (int share = 0; share < KeyDots.LANES; share++) {
                sum += shares[thread * SHARES + share];
            }
            float score = AttentionKernels.LOWEST;
            if (isVisible(table.get(entries + mine), position, start, TornadoMath.min(last + 1, endPage * Page.TOKENS)) > 0) {
                score = sum * scale;
            }
            scores[thread] = score;
            context.localBarrier();
            float before = largest;
            for (int t = 0; t < THREADS; t++) {
                largest = TornadoMath.max(largest, scores[t]);
            }
            float weight = 0f;
            float lower = 0f;
            if (score > AttentionKernels.LOWEST) {
                lower = score - largest;
                weight = TornadoMath.exp(lower);
                seen += 1f;
            }
            weights[thread] = weight;
            context.localBarrier();
            float shrink = TornadoMath.exp(before - largest);
            weighted = (weighted + total * (before - largest)) * shrink + weight * lower;
            total = total * shrink + weight;
            for (int first = 0; first < headDim; first += THREADS) {
                sums[first + thread] = sums[first + thread] * shrink;
            }
            for (int page = 0; page < tilePages; page++) {
                int entry = table.get(entries + tile + page);
                int end = AttentionKernels.endOfPage(last, tile + page);
                int place = Page.slot(entry) * Page.TOKENS * kvHeads + kvHead;
                int valuePlace = (Page.slot(entry) * 2 + 1) * Page.TOKENS * kvHeads + kvHead;
                for (int t = 0; t < Page.TOKENS; t++) {
                    ofPage[t] = weights[page * Page.TOKENS + t];
                }
                for (int first = 0; first < elements; first += THREADS) {
                    int i = TornadoMath.min(first + thread, headDim - 1);
                    sums[first + thread] += ValueDots.dotF32(ofPage, values, place, kvHeads, headDim, i, end, Page.isIn(entry, Page.FULL))
                            + ValueDots.dotF16(ofPage, halves, decode, valuePlace, kvHeads, headDim, i, end, Page.isIn(entry, Page.F16))
                            + ValueDots.dotQ8(ofPage, codes8, scales8, valuePlace, kvHeads, headDim, i, end, Page.isIn(entry, Page.Q8))
                            + ValueDots.dotQ4(ofPage, codes4, scales4, valuePlace, kvHeads, headDim, i, end, Page.isIn(entry, Page.Q4));
                }
            }
        }
        int at = index * (headDim + Splits.NOTES);
        for (int first = 0; first < headDim; first += THREADS) {
            splits.set(at + TornadoMath.min(first + thread, headDim - 1), sums[first + thread]);
        }
        // Nobody reads shares any more: the thread's own sums take their place.
        shares[thread] = total;
        shares[THREADS + thread] = weighted;
        shares[2 * THREADS + thread] = seen;
        for (int stride = THREADS / 2; stride > 0; stride /= 2) {
            context.localBarrier();
            if (thread < stride) {
                shares[thread] += shares[thread + stride];
                shares[THREADS + thread] += shares[THREADS + thread + stride];
                shares[2 * THREADS + thread] += shares[2 * THREADS + thread + stride];
            }
        }
        if (thread == 0) {
            splits.set(at + headDim + Splits.LARGEST, largest);
            splits.set(at + headDim + Splits.TOTAL, shares[0]);
            splits.set(at + headDim + Splits.WEIGHTED, shares[THREADS]);
            splits.set(at + headDim + Splits.SEEN, shares[2 * THREADS]);
        }
    }

    /**
     * out[r, h] = Σ_c splits[r, h, c] · e^(largest_c − largest) / total, with the largest and the total of all splits c of a row's head; 0
     * where the total is. One thread per row and element.
     *
     * @param control in  rows, position, layer, window, probe layer
     * @param splits  in  [rows, heads, Splits.of(rows, heads), headDim + NOTES]
     * @param out     out [rowCapacity, heads, headDim]
     * @param softmax out [rowCapacity, heads, 3]             as of {@link AttentionKernels#attendPages}
     */
    public static void joinSplits(IntArray control, FloatArray splits, FloatArray out, FloatArray softmax, int heads, int headDim) {
        int count = control.get(Control.ROWS) * heads * headDim;
        for (@Parallel int index = 0; index < count; index++) {
            int rowAndHead = index / headDim;
            int i = index - rowAndHead * headDim;
            out.set(index, Splits.element(control, splits, rowAndHead, heads, headDim, i));
            Splits.describe(control, splits, softmax, rowAndHead, heads, headDim, i);
        }
    }

    /** 1 for a position in [start, end) whose page is not evicted, else 0. */
    private static int isVisible(int entry, int position, int start, int end) {
        int visible = LaneDots.within(position - start, end - start, 1);
        if (Page.format(entry) == Page.EVICTED) {
            visible = 0;
        }
        return visible;
    }
}
