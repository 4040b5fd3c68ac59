package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * The low-rank update of a projection (arXiv:2106.09685), in two steps: down to the adapter's components, gains applied, then
 * up and added. All sites of all layers are stacked in one array; {@code sites} says where each begins. A site without a
 * pair has rank 0. A row whose active rank is 0 is not touched, so that it equals the base bit for bit.
 */
public final class LowRankKernels {
    /** Ints per site in the site table: offset in {@code down}, offset in {@code up}, rank. */
    public static final int SITE_INTS = 3;
    /** Sites per layer. */
    public static final int SITES = 7;

    private LowRankKernels() {
    }

    /**
     * hidden[r, k] = gain[r, group(k)] · Σ_i down[k, i] · in[r, i], for the components k of the site that are in one of row
     * r's active groups; 0 where that gain is 0
     *
     * @param control       in  rows, layer, groups per row, active groups of each row
     * @param gains         in  [rows, groups]
     * @param in            in  [rowCapacity, inputs]
     * @param sites         in  [layers, SITES, SITE_INTS]
     * @param groupEnds     in  [layers, SITES, groupCapacity]
     * @param down          in  [rank, inputs] per site
     * @param hidden        out [rowCapacity, maxRank]
     * @param site          index of the projection among the adaptable ones
     */
    public static void projectDown(IntArray control, FloatArray gains, FloatArray in, IntArray sites, IntArray groupEnds,
            FloatArray down, FloatArray hidden, int inputs, int site, int maxRank, int groupCapacity) {
        int siteIndex = control.get(Control.LAYER) * SITES + site;
        int rank = sites.get(siteIndex * SITE_INTS + 2);
        int from = sites.get(siteIndex * SITE_INTS);
        int count = control.get(Control.ROWS) * maxRank;
        for (@Parallel int index = 0; index < count; index++) {
            int row = index / maxRank;
            int component = index - row * maxRank;
            int active = control.get(Control.ACTIVE_GROUPS + Control.ROW_STRIDE * row);
            if (component < rank && active > 0) {
                int group = 0;
                while (group < active && groupEnds.get(siteIndex * groupCapacity + group) <= component) {
                    group++;
                }
                if (group < active) {
                    float gain = gains.get(row * control.get(Control.GROUPS) + group);
                    float sum = 0f;
                    if (gain != 0f) {
                        int weights = from + component * inputs;
                        for (int i = 0; i < inputs; i++) {
                            sum += down.get(weights + i) * in.get(row * inputs + i);
                        }
                    }
                    hidden.set(index, gain * sum);
                }
            }
        }
    }

    /** As {@link #projectDown}, one group of {@code lanes} threads (a power of two) per row and component. */
    public static void projectDownGrouped(KernelContext context, IntArray control, FloatArray gains, FloatArray in, IntArray sites,
            IntArray groupEnds, FloatArray down, FloatArray hidden, int inputs, int site, int maxRank, int groupCapacity, int lanes) {
        int index = context.groupIdx;
        int lane = context.localIdx;
        int siteIndex = control.get(Control.LAYER) * SITES + site;
        int rank = sites.get(siteIndex * SITE_INTS + 2);
        int row = index / maxRank;
        int component = index - row * maxRank;
        if (row >= control.get(Control.ROWS) || component >= rank) {
            return;
        }
        int active = control.get(Control.ACTIVE_GROUPS + Control.ROW_STRIDE * row);
        int group = 0;
        while (group < active && groupEnds.get(siteIndex * groupCapacity + group) <= component) {
            group++;
        }
        if (group >= active) {
            return;
        }
        float gain = gains.get(row * control.get(Control.GROUPS) + group);
        int weights = sites.get(siteIndex * SITE_INTS) + component * inputs;
        float[] partial = context.allocateFloatLocalArray(lanes);
        float sum = 0f;
        if (gain != 0f) {
            for (int i = lane; i < inputs; i += lanes) {
                sum += down.get(weights + i) * in.get(row * inputs + i);
            }
        }
        partial[lane] = sum;
        for (int stride = lanes / 2; stride > 0; stride /= 2) {
            context.localBarrier();
            if (lane < stride) {
                partial[lane] += partial[lane + stride];
            }
        }
        if (lane == 0) {
            hidden.set(index, gain * partial[0]);
        }
    }

    /**
     * out[r, o] += Σ_{k < activeRank[r]} hidden[r, k] · up[o, k], with activeRank[r] the end of row r's last active group
     *
     * @param control       in     rows, layer, active groups of each row
     * @param hidden        in     [rowCapacity, maxRank]     gains already applied
     * @param sites         in     [layers, SITES, SITE_INTS]
     * @param groupEnds     in     [layers, SITES, groupCapacity]
     * @param up            in     [outputs, rank] per site
     * @param out           in+out [rowCapacity, outputs]
     */
    public static void addProjectedUp(IntArray control, FloatArray hidden, IntArray sites, IntArray groupEnds, FloatArray up,
            FloatArray out, int outputs, int site, int maxRank, int groupCapacity) {
        int siteIndex = control.get(Control.LAYER) * SITES + site;
        int rank = sites.get(siteIndex * SITE_INTS + 2);
        int from = sites.get(siteIndex * SITE_INTS + 1);
        int count = control.get(Control.ROWS) * outputs;
        for (@Parallel int index = 0; index < count; index++) {
            int row = index / outputs;
            int active = control.get(Control.ACTIVE_GROUPS + Control.ROW_STRIDE * row);
            if (rank > 0 && active > 0) {
                int activeRank = groupEnds.get(siteIndex * groupCapacity + active - 1);
                if (activeRank > 0) {
                    int weights = from + (index - row * outputs) * rank;
                    float sum = 0f;
                    for (int k = 0; k < activeRank; k++) {
                        sum += hidden.get(row * maxRank + k) * up.get(weights + k);
                    }
                    out.set(index, out.get(index) + sum);
                }
            }
        }
    }
}
