package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * The largest logits of one row in two stages: parts of the vocabulary each keep their largest ones in order, then the heads
 * of these lists are merged. Larger logits come first, of equal ones the lower id. A logit that is not a number, or minus
 * infinity, is never selected; where too few remain, ids are {@link #NOBODY}.
 */
public final class HeadKernels {
    /** The most logits that can be asked for. */
    public static final int TOP_CAPACITY = 64;
    /** An id that no token has; larger than all that have one. */
    public static final int NOBODY = Integer.MAX_VALUE;

    private HeadKernels() {
    }

    /**
     * partLogits[t] and partIds[t] = the {@code top} largest of logits[i] with i ≡ t modulo {@code parts}, in order; one thread per
     * part.
     *
     * @param control    in  rows, top
     * @param logits     in  [vocab]
     * @param partLogits out [parts, TOP_CAPACITY]
     * @param partIds    out [parts, TOP_CAPACITY]
     */
    public static void selectTopOfParts(IntArray control, FloatArray logits, FloatArray partLogits, IntArray partIds, int vocab,
            int parts) {
        int top = control.get(Control.TOP);
        int count = LowRankKernels.unknown(control, parts);
        for (@Parallel int part = 0; part < count; part++) {
            int from = part * TOP_CAPACITY;
            for (int k = 0; k < top; k++) {
                partLogits.set(from + k, Float.NEGATIVE_INFINITY);
                partIds.set(from + k, NOBODY);
            }
            for (int id = part; id < vocab; id += parts) {
                float logit = logits.get(id);
                // Where it goes, from the end up; ids ascend, so that an equal logit stays behind the one that is there.
                int at = top;
                int rising = 1;
                while (rising == 1) {
                    rising = 0;
                    int above = at - 1;
                    if (above < 0) {
                        above = 0;
                    }
                    if (at > 0) {
                        if (logit > partLogits.get(from + above)) {
                            if (at < top) {
                                partLogits.set(from + at, partLogits.get(from + above));
                                partIds.set(from + at, partIds.get(from + above));
                            }
                            at = above;
                            rising = 1;
                        }
                    }
                }
                if (at < top) {
                    partLogits.set(from + at, logit);
                    partIds.set(from + at, id);
                }
            }
        }
    }

    /**
     * topLogits, topIds = the {@code top} largest of all parts, in order; one group of {@code parts} threads, of which each walks
     * down its own part's list.
     *
     * @param partLogits in  [parts, TOP_CAPACITY]
     * @param partIds    in  [parts, TOP_CAPACITY]
     * @param topLogits  out [TOP_CAPACITY]
     * @param topIds     out [TOP_CAPACITY]
     * @param parts      a power of two
     */
    public static void mergeTopOfParts(KernelContext context, IntArray control, FloatArray partLogits, IntArray partIds,
            FloatArray topLogits, IntArray topIds, int parts) {
        int part = context.localIdx;
        int top = control.get(Control.TOP);
        float[] bestLogit = context.allocateFloatLocalArray(parts);
        int[] bestId = context.allocateIntLocalArray(parts);
        int next = 0;
        for (int k = 0; k < top; k++) {
            // At most k of this part have been taken, so that next is below top.
            float mineLogit = partLogits.get(part * TOP_CAPACITY + next);
            int mineId = partIds.get(part * TOP_CAPACITY + next);
            bestLogit[part] = mineLogit;
            bestId[part] = mineId;
            for (int stride = parts / 2; stride > 0; stride /= 2) {
                context.localBarrier();
                if (part < stride) {
                    float otherLogit = bestLogit[part + stride];
                    int otherId = bestId[part + stride];
                    int better = 0;
                    if (otherLogit > bestLogit[part]) {
                        better = 1;
                    }
                    if (otherLogit == bestLogit[part]) {
                        if (otherId < bestId[part]) {
                            better = 1;
                        }
                    }
                    if (better == 1) {
                        bestLogit[part] = otherLogit;
                        bestId[part] = otherId;
                    }
                }
            }
            context.localBarrier();
            if (bestId[0] == mineId) {
                next++;
            }
            if (part == 0) {
                topLogits.set(k, bestLogit[0]);
                topIds.set(k, bestId[0]);
            }
            context.localBarrier();
        }
    }

    /**
     * last[i] = logits[0, i]: alone in an array, because one row of many cannot be brought to the host. One thread per token.
     *
     * @param control in  rows, 1
     * @param logits  in  [rows, vocab]
     * @param last    out [vocab]
     */
    public static void copyFirstRow(IntArray control, FloatArray logits, FloatArray last, int vocab) {
        int count = control.get(Control.ROWS) * vocab;
        for (@Parallel int id = 0; id < count; id++) {
            last.set(id, logits.get(id));
        }
    }

    /** As {@link #mergeTopOfParts}, one thread; plain Java too. {@code next} is scratch, [parts]. */
    public static void mergeTopOfPartsAlone(IntArray control, FloatArray partLogits, IntArray partIds, IntArray next,
            FloatArray topLogits, IntArray topIds, int parts) {
        int top = control.get(Control.TOP);
        for (@Parallel int only = 0; only < 1; only++) {
            for (int part = 0; part < parts; part++) {
                next.set(part, 0);
            }
            for (int k = 0; k < top; k++) {
                float bestLogit = Float.NEGATIVE_INFINITY;
                int bestId = NOBODY;
                int bestPart = 0;
                for (int part = 0; part < parts; part++) {
                    int at = part * TOP_CAPACITY + next.get(part);
                    float logit = partLogits.get(at);
                    int id = partIds.get(at);
                    int better = 0;
                    if (logit > bestLogit) {
                        better = 1;
                    }
                    if (logit == bestLogit) {
                        if (id < bestId) {
                            better = 1;
                        }
                    }
                    if (better == 1) {
                        bestLogit = logit;
                        bestId = id;
                        bestPart = part;
                    }
                }
                next.set(bestPart, next.get(bestPart) + 1);
                topLogits.set(k, bestLogit);
                topIds.set(k, bestId);
            }
        }
    }
}
