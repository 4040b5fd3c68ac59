package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * The low-rank update of a projection (arXiv:2106.09685): down to the adapter's components, gains applied, then up again. Other kernels
 * do both halves beside their own work with what is here; the kernels here do nothing else. All sites of all layers are stacked; the
 * adapter's table says where each begins. A site without a pair has rank 0. For a row without active components no term is added, so
 * that it equals the base bit for bit.
 *
 * <p>The table has a header of {@link #HEADER} ints (reserved rank, group capacity, whether there are codes), then for each layer and
 * site: offset in the down halves, offset in the up halves, rank, and the end of each component group ([group capacity]).
 *
 * <p>Of a site, the down half is [rank, inputs] and the up half [tiles of 32 outputs, rank, 32], so that neighbouring outputs are
 * neighbours and all that is added to them lies behind each other. Both lie in a pair of arrays: values in {@code floats}, or signed
 * bytes in {@code codes}, four to an int as {@link QuantizedProjectionKernels#projectRowsQ8} reads them, and the scales of blocks of 32
 * in {@code floats}. The table says which: conditions that are constant to the compiler can make it fail.
 */
public final class LowRankKernels {
    /** Sites per layer. */
    public static final int SITES = 7;
    public static final int HEADER = 3;
    public static final int RESERVED_RANK = 0;
    public static final int GROUP_CAPACITY = 1;
    /** 1 where components are codes with scales. */
    public static final int CODED = 2;
    /** Ints of a site before its group ends. */
    public static final int SITE_INTS = 3;
    public static final int DOWN_OFFSET = 0;
    public static final int UP_OFFSET = 1;
    public static final int RANK = 2;
    /** Elements of a block of codes; outputs of a tile of the up half. */
    public static final int BLOCK = 32;
    private static final int LANES = ProjectionKernels.LANES;

    private LowRankKernels() {
    }

    /**
     * hidden[r, s, k] = gain[r, group(k)] · Σ_i down[s, k, i] · in[r, i], for the components k of site s that are in one of row r's
     * active groups. One thread per row and component below the pass's active rank.
     *
     * @param control in  rows, layer, groups per row, active rank, active groups of each row
     * @param gains   in  [rows, groups]
     * @param in      in  [rowCapacity, inputs]
     * @param adapter in  table of the adapter
     * @param codes   in  of the down halves
     * @param floats  in  of the down halves
     * @param hidden  out [rowCapacity, SITES, reserved rank]
     */
    public static void projectDown(IntArray control, FloatArray gains, FloatArray in, IntArray adapter, IntArray codes, FloatArray floats,
            FloatArray hidden, int inputs, int site) {
        int rank = divisor(control);
        int count = control.get(Control.ROWS) * activeRankOf(control);
        for (@Parallel int index = 0; index < count; index++) {
            int row = index / rank;
            int component = index - row * rank;
            int group = groupOf(control, adapter, site, row, component);
            int at = downAt(control, adapter, site, component, inputs);
            int used = usedInputs(group, inputs);
            float sum = RowDots.dotF32(in, row * inputs, floats, at, uncoded(adapter, used))
                    + RowDots.dotQ8(in, row * inputs, codes, floats, at, coded(adapter, used));
            hidden.set(hiddenAt(adapter, site, row) + component, gainOf(control, gains, row, group) * sum);
        }
    }

    /** As {@link #projectDown}, one group of {@link ProjectionKernels#LANES} threads per row and component. */
    public static void projectDownGrouped(KernelContext context, IntArray control, FloatArray gains, FloatArray in, IntArray adapter,
            IntArray codes, FloatArray floats, FloatArray hidden, int inputs, int site) {
        int index = context.groupIdx;
        int lane = context.localIdx;
        int rank = divisor(control);
        int row = index / rank;
        if (index >= control.get(Control.ROWS) * activeRankOf(control)) {
            return;
        }
        int component = index - row * rank;
        int group = groupOf(control, adapter, site, row, component);
        int at = downAt(control, adapter, site, component, inputs);
        float[] partial = context.allocateFloatLocalArray(LANES);
        partial[lane] = laneDotDown(adapter, in, row * inputs, codes, floats, at, lane, usedInputs(group, inputs));
        for (int stride = LANES / 2; stride > 0; stride /= 2) {
            context.localBarrier();
            if (lane < stride) {
                partial[lane] += partial[lane + stride];
            }
        }
        if (lane == 0) {
            hidden.set(hiddenAt(adapter, site, row) + component, gainOf(control, gains, row, group) * partial[0]);
        }
    }

    /**
     * out[r, o] += Σ_{k < activeRank[r]} hidden[r, s, k] · up[s, k, o]; one thread per row and output.
     *
     * @param control in     rows, layer, active groups of each row
     * @param hidden  in     [rowCapacity, SITES, reserved rank]
     * @param adapter in     table of the adapter
     * @param codes   in     of the up halves
     * @param floats  in     of the up halves
     * @param out     in+out [rowCapacity, outputs]
     */
    public static void addUp(IntArray control, FloatArray hidden, IntArray adapter, IntArray codes, FloatArray floats, FloatArray out,
            int outputs, int site) {
        int count = control.get(Control.ROWS) * outputs;
        for (@Parallel int index = 0; index < count; index++) {
            int row = index / outputs;
            int output = index - row * outputs;
            int activeRank = activeRank(control, adapter, site, row);
            float sum = out.get(index);
            out.set(index, sum + upOf(adapter, hidden, hiddenAt(adapter, site, row), codes, floats, upAt(control, adapter, site, output),
                    activeRank));
        }
    }

    /** The most components that any row of the pass uses. */
    static int activeRankOf(IntArray control) {
        return control.get(Control.ACTIVE_RANK);
    }

    /** The same, but at least 1: a division by 0 kills some drivers, wherever the compiler moves it. */
    static int divisor(IntArray control) {
        int rank = activeRankOf(control);
        if (rank < 1) {
            rank = 1;
        }
        return rank;
    }

    /** Rows of the pass, but at least 1. */
    static int rowsDivisor(IntArray control) {
        int rows = control.get(Control.ROWS);
        if (rows < 1) {
            rows = 1;
        }
        return rows;
    }

    /**
     * {@code value}, which the compiler does not know any more: where it proves a condition, because a bound is a multiple of another or a
     * loop is unrolled, it fails to compile what is left of it.
     */
    static int unknown(IntArray control, int value) {
        return value + TornadoMath.min(control.get(Control.ROWS), 0);
    }

    /** Rows of a stack of two or three weights and the down halves of their updates. */
    static int stacked(IntArray control, int outputsA, int outputsB, int weights) {
        return outputsA + (weights - 1) * outputsB + weights * activeRankOf(control);
    }

    /** The first site of a stack: of query, key and value, or of gate and up. */
    static int firstSite(int weights) {
        int site = 0;
        if (weights < 3) {
            site = 4;
        }
        return site;
    }

    /** The site of row d of the down halves in a stack. */
    static int siteInStack(IntArray control, int weights, int d) {
        return firstSite(weights) + d / divisor(control);
    }

    /** The component of row d of the down halves in a stack. */
    static int componentInStack(IntArray control, int d) {
        int rank = divisor(control);
        return d - d / rank * rank;
    }

    /** Where row r's components of a site begin. */
    static int hiddenAt(IntArray adapter, int site, int row) {
        return (row * SITES + site) * adapter.get(RESERVED_RANK);
    }

    /** Where a component's down half begins. */
    static int downAt(IntArray control, IntArray adapter, int site, int component, int inputs) {
        return adapter.get(siteAt(control, adapter, site) + DOWN_OFFSET) + component * inputs;
    }

    /** Where an output's up half begins, with the first component; the next one is {@link #BLOCK} further. 0 where there is no site. */
    static int upAt(IntArray control, IntArray adapter, int site, int output) {
        int from = 0;
        if (site >= 0) {
            int entry = siteAt(control, adapter, site);
            int tile = output / BLOCK;
            from = adapter.get(entry + UP_OFFSET) + tile * adapter.get(entry + RANK) * BLOCK + output - tile * BLOCK;
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

    /** {@code inputs}; 0, a loop of no iterations, for a component that a row does not use. */
    static int usedInputs(int group, int inputs) {
        int used = inputs;
        if (group < 0) {
            used = 0;
        }
        return used;
    }

    /** The gain of a group in a row; 0 for no group. */
    static float gainOf(IntArray control, FloatArray gains, int row, int group) {
        float gain = 0f;
        if (group >= 0) {
            gain = gains.get(row * control.get(Control.GROUPS) + group);
        }
        return gain;
    }

    /** Component k of a row, of whose down half each part was summed up by another thread or group. Eight are requested at a time. */
    static float sumOfParts(IntArray control, IntArray adapter, FloatArray parts, int row, int k, int partCount) {
        int rank = adapter.get(RESERVED_RANK);
        int count = unknown(control, partCount);
        int at = row * partCount * rank + k;
        float sum = 0f;
        for (int part = 0; part < count; part += 8) {
            sum += ((LaneDots.inside(parts, at, rank, part, count) + LaneDots.inside(parts, at, rank, part + 1, count))
                    + (LaneDots.inside(parts, at, rank, part + 2, count) + LaneDots.inside(parts, at, rank, part + 3, count)))
                    + ((LaneDots.inside(parts, at, rank, part + 4, count) + LaneDots.inside(parts, at, rank, part + 5, count))
                    + (LaneDots.inside(parts, at, rank, part + 6, count) + LaneDots.inside(parts, at, rank, part + 7, count)));
        }
        return sum;
    }

    /** Σ_{k < count} hidden[h + k] · up[k], of the output whose up half begins at {@code at}. */
    static float upOf(IntArray adapter, FloatArray hidden, int h, IntArray codes, FloatArray floats, int at, int count) {
        float sum = 0f;
        int uncoded = uncoded(adapter, count);
        for (int k = 0; k < uncoded; k++) {
            sum += hidden.get(h + k) * floats.get(at + k * BLOCK);
        }
        int coded = coded(adapter, count);
        for (int k = 0; k < coded; k++) {
            sum += hidden.get(h + k) * code(codes, floats, at + k * BLOCK);
        }
        return sum;
    }

    /** An element of codes and scales. */
    static float code(IntArray codes, FloatArray floats, int at) {
        int block = at / BLOCK;
        int i = at - block * BLOCK;
        int lane = i / 8;
        return floats.get(block) * Eights.BYTE * Eights.byteAt(codes.get(block * 8 + i - lane * 8), lane * 8);
    }

    /** An element of a pair of arrays. */
    static float element(IntArray adapter, IntArray codes, FloatArray floats, int at) {
        float value = 0f;
        if (adapter.get(CODED) > 0) {
            value = code(codes, floats, at);
        } else {
            value = floats.get(at);
        }
        return value;
    }

    static float laneDotDown(IntArray adapter, FloatArray in, int x, IntArray codes, FloatArray floats, int at, int lane, int count) {
        return LaneDots.dotF32(in, x, floats, at, lane, uncoded(adapter, count))
                + LaneDots.dotQ8(in, x, codes, floats, at, lane, coded(adapter, count));
    }

    /** As {@link #laneDotDown}, of in[i] · norm[i]. */
    static float laneDotNormedDown(IntArray adapter, FloatArray in, int x, FloatArray norm, int g, IntArray codes, FloatArray floats,
            int at, int lane, int count) {
        return LaneDots.dotNormedF32(in, x, norm, g, floats, at, lane, uncoded(adapter, count))
                + LaneDots.dotNormedQ8(in, x, norm, g, codes, floats, at, lane, coded(adapter, count));
    }

    /** 0 where there are codes, else {@code count}. */
    static int uncoded(IntArray adapter, int count) {
        int uncoded = count;
        if (adapter.get(CODED) > 0) {
            uncoded = 0;
        }
        return uncoded;
    }

    /** {@code count} where there are codes, else 0. */
    static int coded(IntArray adapter, int count) {
        int coded = 0;
        if (adapter.get(CODED) > 0) {
            coded = count;
        }
        return coded;
    }
}
