package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * The low-rank update of a projection (arXiv:2106.09685): down to the adapter's components, gains applied, in a task of its own;
 * up again as the last terms of the projection's sum. All sites of all layers are stacked in one array; the adapter's table says
 * where each begins. A site without a pair has rank 0. For a row without active components no term is added, so that it equals
 * the base bit for bit.
 *
 * <p>The table has a header of {@link #HEADER} ints (reserved rank, group capacity), then for each layer and site: offset in
 * {@code down}, offset in {@code up}, rank, and the end of each component group ([group capacity]).
 */
public final class LowRankKernels {
    /** Sites per layer. */
    public static final int SITES = 7;
    public static final int HEADER = 2;
    public static final int RESERVED_RANK = 0;
    public static final int GROUP_CAPACITY = 1;
    /** Ints of a site before its group ends. */
    public static final int SITE_INTS = 3;
    public static final int DOWN_OFFSET = 0;
    public static final int UP_OFFSET = 1;
    public static final int RANK = 2;

    private LowRankKernels() {
    }

    /**
     * hidden[r, s, k] = gain[r, group(k)] · Σ_i down[s, k, i] · in[r, i], for {@code siteCount} sites s that read the same input and
     * their components k that are in one of row r's active groups. One thread per row, site and component below the pass's active rank.
     *
     * @param control in  rows, layer, groups per row, active rank, active groups of each row
     * @param gains   in  [rows, groups]
     * @param in      in  [rowCapacity, inputs]
     * @param adapter in  table of the adapter
     * @param down    in  [rank, inputs] per site
     * @param hidden  out [rowCapacity, SITES, maxRank]
     * @param site    first site
     */
    public static void projectDown(IntArray control, FloatArray gains, FloatArray in, IntArray adapter, FloatArray down, FloatArray hidden,
            int inputs, int site, int siteCount, int maxRank) {
        int rank = activeRankOfPass(control);
        int perRow = siteCount * rank;
        int count = control.get(Control.ROWS) * perRow;
        for (@Parallel int index = 0; index < count; index++) {
            int row = index / perRow;
            int s = site + (index - row * perRow) / rank;
            int component = index % rank;
            int group = groupOf(control, adapter, s, row, component);
            if (group >= 0) {
                float gain = gains.get(row * control.get(Control.GROUPS) + group);
                int weights = adapter.get(siteAt(control, adapter, s) + DOWN_OFFSET) + component * inputs;
                float sum = 0f;
                for (int i = 0; i < inputs; i++) {
                    sum += down.get(weights + i) * in.get(row * inputs + i);
                }
                hidden.set((row * SITES + s) * maxRank + component, gain * sum);
            }
        }
    }

    /** As {@link #projectDown}, one group of {@link ProjectionKernels#LANES} threads per row, site and component. */
    public static void projectDownGrouped(KernelContext context, IntArray control, FloatArray gains, FloatArray in, IntArray adapter,
            FloatArray down, FloatArray hidden, int inputs, int site, int siteCount, int maxRank) {
        int index = context.groupIdx;
        int lane = context.localIdx;
        int rank = activeRankOfPass(control);
        int perRow = siteCount * rank;
        int row = index / perRow;
        if (row >= control.get(Control.ROWS)) {
            return;
        }
        int s = site + (index - row * perRow) / rank;
        int component = index % rank;
        int group = groupOf(control, adapter, s, row, component);
        if (group < 0) {
            return;
        }
        float gain = gains.get(row * control.get(Control.GROUPS) + group);
        int weights = adapter.get(siteAt(control, adapter, s) + DOWN_OFFSET) + component * inputs;
        float[] partial = context.allocateFloatLocalArray(ProjectionKernels.LANES);
        float sum = 0f;
        for (int i = lane; i < inputs; i += ProjectionKernels.LANES) {
            sum += down.get(weights + i) * in.get(row * inputs + i);
        }
        partial[lane] = sum;
        for (int stride = ProjectionKernels.LANES / 2; stride > 0; stride /= 2) {
            context.localBarrier();
            if (lane < stride) {
                partial[lane] += partial[lane + stride];
            }
        }
        if (lane == 0) {
            hidden.set((row * SITES + s) * maxRank + component, gain * partial[0]);
        }
    }

    /** At least 1, because it is a divisor: a division by 0 kills some drivers, wherever the compiler moves it. */
    private static int activeRankOfPass(IntArray control) {
        int rank = control.get(Control.ACTIVE_RANK);
        if (rank < 1) {
            rank = 1;
        }
        return rank;
    }

    /** Where row r's components of a site begin. */
    static int hiddenAt(IntArray adapter, int site, int row) {
        return (row * SITES + site) * adapter.get(RESERVED_RANK);
    }

    /** Where the site's up-projection of an output begins. */
    static int upAt(IntArray control, IntArray adapter, int site, int output) {
        int at = siteAt(control, adapter, site);
        int from = 0;
        if (site >= 0) {
            from = adapter.get(at + UP_OFFSET) + output * adapter.get(at + RANK);
        }
        return from;
    }

    /** Where the table's entry of a site in this layer begins. */
    static int siteAt(IntArray control, IntArray adapter, int site) {
        return HEADER + (control.get(Control.LAYER) * SITES + site) * (SITE_INTS + adapter.get(GROUP_CAPACITY));
    }

    /** Leading components that a row uses at a site: the end of its last active group; 0 where there is no site. */
    static int activeRank(IntArray control, IntArray adapter, int site, int row) {
        int active = control.get(Control.ACTIVE_GROUPS + Control.ROW_STRIDE * row);
        int rank = 0;
        if (site >= 0) {
            if (active > 0) {
                rank = adapter.get(siteAt(control, adapter, site) + SITE_INTS + active - 1);
            }
        }
        return rank;
    }

    /** The group of a component that row r uses at a site; -1 for components that it does not use. */
    static int groupOf(IntArray control, IntArray adapter, int site, int row, int component) {
        int active = control.get(Control.ACTIVE_GROUPS + Control.ROW_STRIDE * row);
        int ends = siteAt(control, adapter, site) + SITE_INTS;
        int group = 0;
        for (int g = 0; g < active; g++) {
            if (adapter.get(ends + g) <= component) {
                group = g + 1;
            }
        }
        if (group >= active) {
            group = -1;
        }
        return group;
    }
}
