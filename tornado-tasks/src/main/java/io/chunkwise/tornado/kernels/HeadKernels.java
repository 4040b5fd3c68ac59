package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * The largest logits of one row in two stages: parts of the vocabulary each keep their largest ones in order, then the heads
 * of these lists are merged. Larger logits come first, of equal ones the lower id. A logit that is not a number is never
 * selected; where too few remain, ids are {@link #NOBODY}.
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
     * @param control    in  top
     * @param logits     in  [vocab]
     * @param partLogits out [parts, TOP_CAPACITY]
     * @param partIds    out [parts, TOP_CAPACITY]
     */
    public static void selectTopOfParts(IntArray control, FloatArray logits, FloatArray partLogits, IntArray partIds, int vocab, int parts) {
        int top = control.get(Control.TOP);
        for (@Parallel int part = 0; part < parts; part++) {
            int from = part * TOP_CAPACITY;
            for (int k = 0; k < top; k++) {
                partLogits.set(from + k, Float.NEGATIVE_INFINITY);
                partIds.set(from + k, NOBODY);
            }
            int filled = 0;
            for (int id = part; id < vocab; id += parts) {
                float logit = logits.get(id);
                // Sums of 0 and 1, because TornadoVM 5.2 generates OpenCL for "a || (b && c)" in which the branch that fails
                // runs on into the body. Ids ascend, so that an equal logit stays behind the one that is already there.
                int isNumber = logit == logit ? 1 : 0;
                int isLarger = logit > partLogits.get(from + top - 1) ? 1 : 0;
                int hasRoom = filled < top ? 1 : 0;
                if (isNumber * (isLarger + hasRoom) > 0) {
                    int k = Math.min(filled, top - 1);
                    while (k > 0 && logit > partLogits.get(from + k - 1)) {
                        partLogits.set(from + k, partLogits.get(from + k - 1));
                        partIds.set(from + k, partIds.get(from + k - 1));
                        k--;
                    }
                    partLogits.set(from + k, logit);
                    partIds.set(from + k, id);
                    filled = Math.min(filled + 1, top);
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
            float mineLogit = Float.NEGATIVE_INFINITY;
            int mineId = NOBODY;
            if (next < top) {
                mineLogit = partLogits.get(part * TOP_CAPACITY + next);
                mineId = partIds.get(part * TOP_CAPACITY + next);
            }
            bestLogit[part] = mineLogit;
            bestId[part] = mineId;
            for (int stride = parts / 2; stride > 0; stride /= 2) {
                context.localBarrier();
                if (part < stride) {
                    float otherLogit = bestLogit[part + stride];
                    int otherId = bestId[part + stride];
                    // One condition, not "a || (b && c)": see selectTopOfParts.
                    int isLarger = otherLogit > bestLogit[part] ? 1 : 0;
                    int isEqual = otherLogit == bestLogit[part] ? 1 : 0;
                    int isEarlier = otherId < bestId[part] ? 1 : 0;
                    if (isLarger + isEqual * isEarlier > 0) {
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
                    int at = next.get(part);
                    if (at < top) {
                        float logit = partLogits.get(part * TOP_CAPACITY + at);
                        int id = partIds.get(part * TOP_CAPACITY + at);
                        if (logit > bestLogit || (logit == bestLogit && id < bestId)) {
                            bestLogit = logit;
                            bestId = id;
                            bestPart = part;
                        }
                    }
                }
                next.set(bestPart, next.get(bestPart) + 1);
                topLogits.set(k, bestLogit);
                topIds.set(k, bestId);
            }
        }
    }
}
