package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Kernels whose result tells whether a device ran them, and ran them in parallel. */
public final class SelfTestKernels {
    /** Threads of a work-group. */
    public static final int LANES = 8;

    private SelfTestKernels() {
    }

    /** sums[group] = Σ of the group's values; run as plain Java it would fill in one group and one lane only. */
    public static void sumGroups(KernelContext context, IntArray values, IntArray sums) {
        int lane = context.localIdx;
        int[] shares = context.allocateIntLocalArray(LANES);
        shares[lane] = values.get(context.globalIdx);
        context.localBarrier();
        if (lane == 0) {
            int sum = 0;
            for (int i = 0; i < LANES; i++) {
                sum += shares[i];
            }
            sums.set(context.groupIdx, sum);
        }
    }

    /** counts[i] += 1; without TornadoVM's parallel loops every thread would count all of them. */
    public static void countOnce(IntArray values, IntArray counts) {
        for (@Parallel int i = 0; i < counts.getSize(); i++) {
            counts.set(i, counts.get(i) + values.get(i));
        }
    }
}
