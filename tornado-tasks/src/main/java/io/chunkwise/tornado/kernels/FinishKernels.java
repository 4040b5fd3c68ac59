package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;

/**
 * What stands between two projections, in one task: the up halves of low-rank updates, what is done to single heads or elements, and
 * the down half of the next projection's update, each thread or group for its part of the input.
 */
public final class FinishKernels {
    /** Threads of a group that has a head, in the grouped form. */
    public static final int HEAD_LANES = 64;
    /** Parts of an input at most, in the threaded form: what shares the work of one row among threads. */
    private static final int PARTS = 8;
    /** Elements of a part in the grouped form. */
    private static final int GROUP_SLICE = 512;
    private static final int LANES = ProjectionKernels.LANES;
    private static final int THREADS = ProjectionKernels.THREADS;
    private static final int TILE = RowTile.SIZE;

    private FinishKernels() {
    }

    /**
     * Makes query, keys and values of the stack of their projections: adds the up halves of their low-rank updates and the biases, rotates
     * queries and keys by their position ({@link RotaryKernels}), transforms all by Hadamard ({@link HadamardKernels}), and writes queries
     * to {@code query}, keys and values to their pages, and the last queries to {@code probes} ({@link PageKernels}). One thread per row
     * and head of the stack.
     *
     * @param control   in     rows, position, layer, pages, active groups of each row
     * @param projected in+out [rowCapacity, heads + 2 kvHeads, headDim]
     * @param hidden    in     [rowCapacity, SITES, reserved rank]
     * @param adapter   in     table of the adapter
     * @param upCodes   in     of the adapter
     * @param upFloats  in     of the adapter
     * @param bias      in     [layers, heads + 2 kvHeads, headDim]; one element where there are none
     * @param angles    in     [positions, headDim / 2, 2]   cosine, sine
     * @param table     in     [layers, pages], see {@link Page}
     * @param query     out    [rowCapacity, heads, headDim]
     * @param keys      out    [slots, TOKENS, kvHeads, headDim]
     * @param values    out    [slots, TOKENS, kvHeads, headDim]
     * @param halves    out    [slots, 2, TOKENS, kvHeads, headDim], instead where full pages are of F16
     * @param probes    out    [layers, PROBES, heads, headDim]
     * @param pairStep  1 rotates halves, 2 neighbours
     * @param block     the largest power of two that divides {@code headDim}; 0 for no Hadamard
     */
    public static void finishHeads(IntArray control, FloatArray projected, FloatArray hidden, IntArray adapter, IntArray upCodes,
            FloatArray upFloats, FloatArray bias, FloatArray angles, IntArray table, FloatArray query, FloatArray keys,
            FloatArray values, ShortArray halves, FloatArray probes, int heads, int kvHeads, int headDim, int pairStep, int block) {
        int stack = heads + 2 * kvHeads;
        int rows = control.get(Control.ROWS);
        int layer = control.get(Control.LAYER);
        int count = rows * stack;
        for (@Parallel int index = 0; index < count; index++) {
            int row = index / stack;
            int head = index - row * stack;
            int at = index * headDim;
            int site = siteOf(head, heads, kvHeads);
            int output = (head - firstOf(site, heads, kvHeads)) * headDim;
            float[] components = new float[TILE];
            float[] sums = new float[LowRankKernels.BLOCK];
            UpHalves.addToRow(projected, at, output, headDim, components, sums, control, hidden, adapter, site, row, upCodes, upFloats);
            int biases = biased(bias, headDim);
            for (int i = 0; i < biases; i++) {
                projected.set(at + i, projected.get(at + i) + bias.get((layer * stack + head) * headDim + i));
            }
            int position = control.get(Control.POSITION) + row;
            int pairs = LaneDots.within(head, heads + kvHeads, headDim / 2);
            for (int pair = 0; pair < pairs; pair++) {
                int a = at + pair * pairStep;
                int b = a + gapOf(pairStep, headDim);
                float first = projected.get(a);
                float second = projected.get(b);
                float cos = angles.get((position * (headDim / 2) + pair) * 2);
                float sin = angles.get((position * (headDim / 2) + pair) * 2 + 1);
                projected.set(a, first * cos - second * sin);
                projected.set(b, first * sin + second * cos);
            }
            for (int stride = 1; stride < block; stride *= 2) {
                for (int pair = 0; pair < headDim / 2; pair++) {
                    int a = at + pair / stride * 2 * stride + pair % stride;
                    float first = projected.get(a);
                    float second = projected.get(a + stride);
                    projected.set(a, first + second);
                    projected.set(a + stride, first - second);
                }
            }
            float norm = normOf(block);
            int page = position / Page.TOKENS;
            int token = position - page * Page.TOKENS;
            int entry = table.get(layer * control.get(Control.PAGES) + page);
            int kvHead = head - heads - site / 2 * kvHeads;
            int to = (Page.place(entry, site / 2, Page.TOKENS * kvHeads) + token * kvHeads + kvHead) * headDim;
            int probe = layer * Page.PROBES + position % Page.PROBES;
            int queries = LaneDots.within(head, heads, headDim);
            for (int i = 0; i < queries; i++) {
                query.set((row * heads + head) * headDim + i, projected.get(at + i) * norm);
            }
            int probed = LaneDots.within(rows - 1 - row, Page.PROBES, queries);
            for (int i = 0; i < probed; i++) {
                probes.set((probe * heads + head) * headDim + i, projected.get(at + i) * norm);
            }
            int keyed = LaneDots.within(head - heads, kvHeads, keptAsFloats(halves, headDim));
            for (int i = 0; i < keyed; i++) {
                keys.set(to + i, projected.get(at + i) * norm);
            }
            int valued = LaneDots.within(head - heads - kvHeads, kvHeads, keptAsFloats(halves, headDim));
            for (int i = 0; i < valued; i++) {
                values.set(to + i, projected.get(at + i) * norm);
            }
            int halved = keptAsHalves(halves, headDim);
            int half = orAside(head - heads, to, halves, headDim);
            for (int i = 0; i < halved; i++) {
                halves.set(half + i, Halves.of(projected.get(at + i) * norm));
            }
        }
    }

    /**
     * As {@link #finishHeads}, one group of {@link #HEAD_LANES} threads per row and head of the stack; {@code projected} stays as it is.
     */
    public static void finishHeadsGrouped(KernelContext context, IntArray control, FloatArray projected, FloatArray hidden,
            IntArray adapter, IntArray upCodes, FloatArray upFloats, FloatArray bias, FloatArray angles, IntArray table,
            FloatArray query, FloatArray keys, FloatArray values, ShortArray halves, FloatArray probes, int heads, int kvHeads,
            int headDim, int pairStep, int block) {
        int stack = heads + 2 * kvHeads;
        int rows = control.get(Control.ROWS);
        int layer = control.get(Control.LAYER);
        int index = context.groupIdx;
        int lane = context.localIdx;
        if (index >= rows * stack) {
            return;
        }
        int row = index / stack;
        int head = index - row * stack;
        int site = siteOf(head, heads, kvHeads);
        int output = (head - firstOf(site, heads, kvHeads)) * headDim;
        int activeRank = LowRankKernels.activeRank(control, adapter, site, row);
        int h = LowRankKernels.hiddenAt(adapter, site, row);
        int biases = biased(bias, 1);
        float[] x = context.allocateFloatLocalArray(headDim);
        for (int i = lane; i < headDim; i += HEAD_LANES) {
            float element = projected.get(index * headDim + i);
            element += LowRankKernels.upOf(adapter, hidden, h, upCodes, upFloats, LowRankKernels.upAt(control, adapter, site, output + i),
                    activeRank);
            for (int once = 0; once < biases; once++) {
                element += bias.get((layer * stack + head) * headDim + i);
            }
            x[i] = element;
        }
        context.localBarrier();
        int position = control.get(Control.POSITION) + row;
        int pairs = LaneDots.within(head, heads + kvHeads, headDim / 2);
        for (int pair = lane; pair < pairs; pair += HEAD_LANES) {
            int a = pair * pairStep;
            int b = a + gapOf(pairStep, headDim);
            float first = x[a];
            float second = x[b];
            float cos = angles.get((position * (headDim / 2) + pair) * 2);
            float sin = angles.get((position * (headDim / 2) + pair) * 2 + 1);
            x[a] = first * cos - second * sin;
            x[b] = first * sin + second * cos;
        }
        context.localBarrier();
        for (int stride = 1; stride < block; stride *= 2) {
            for (int pair = lane; pair < headDim / 2; pair += HEAD_LANES) {
                int a = pair / stride * 2 * stride + pair % stride;
                float first = x[a];
                float second = x[a + stride];
                x[a] = first + second;
                x[a + stride] = first - second;
            }
            context.localBarrier();
        }
        float norm = normOf(block);
        int page = position / Page.TOKENS;
        int token = position - page * Page.TOKENS;
        int entry = table.get(layer * control.get(Control.PAGES) + page);
        int probe = layer * Page.PROBES + position % Page.PROBES;
        int kvHead = head - heads - site / 2 * kvHeads;
        int to = (Page.place(entry, site / 2, Page.TOKENS * kvHeads) + token * kvHeads + kvHead) * headDim;
        int queries = LaneDots.within(head, heads, headDim);
        int probed = LaneDots.within(rows - 1 - row, Page.PROBES, queries);
        int keyed = LaneDots.within(head - heads, kvHeads, keptAsFloats(halves, headDim));
        int valued = LaneDots.within(head - heads - kvHeads, kvHeads, keptAsFloats(halves, headDim));
        int halved = keptAsHalves(halves, headDim);
        int half = orAside(head - heads, to, halves, headDim);
        for (int i = lane; i < queries; i += HEAD_LANES) {
            query.set((row * heads + head) * headDim + i, x[i] * norm);
        }
        for (int i = lane; i < probed; i += HEAD_LANES) {
            probes.set((probe * heads + head) * headDim + i, x[i] * norm);
        }
        for (int i = lane; i < keyed; i += HEAD_LANES) {
            keys.set(to + i, x[i] * norm);
        }
        for (int i = lane; i < valued; i += HEAD_LANES) {
            values.set(to + i, x[i] * norm);
        }
        for (int first = 0; first < halved; first += HEAD_LANES) {
            int i = TornadoMath.min(first + lane, headDim - 1);
            halves.set(half + i, Halves.of(x[i] * norm));
        }
    }

    /**
     * Transforms what was attended by Hadamard, back from how values are kept, and sums up the down half of the output projection's
     * low-rank update over part p of the heads: parts[r, p, k] = gain[r, group(k)] · Σ_{i in p} down[s, k, i] · attended[r, i]. One thread
     * per row and part, which is some heads: as many parts as {@link DownHalves#partsOf} says, the last ones may be empty.
     *
     * @param control  in     rows, layer, groups per row, active rank, active groups of each row
     * @param attended in+out [rowCapacity, heads, headDim]
     * @param gains    in     [rows, groups]
     * @param adapter  in     table of the adapter
     * @param codes    in     of the adapter's down halves
     * @param floats   in     of the adapter's down halves
     * @param parts    out    [rowCapacity, mostParts, reserved rank]
     * @param block    as in {@link #finishHeads}
     * @param site     of the output projection
     */
    public static void finishAttended(IntArray control, FloatArray attended, FloatArray gains, IntArray adapter, IntArray codes,
            FloatArray floats, FloatArray parts, int heads, int headDim, int mostParts, int block, int site) {
        int partCount = DownHalves.partsOf(control, mostParts);
        int partHeads = (heads + partCount - 1) / partCount;
        int count = control.get(Control.ROWS) * partCount;
        int width = heads * headDim;
        for (@Parallel int index = 0; index < count; index++) {
            int row = index / partCount;
            int part = index - row * partCount;
            int first = part * partHeads * headDim;
            int inputs = TornadoMath.min(partHeads * headDim, width - first);
            int at = row * width + first;
            for (int stride = 1; stride < block; stride *= 2) {
                for (int pair = 0; pair < inputs / 2; pair++) {
                    int a = at + pair / stride * 2 * stride + pair % stride;
                    float before = attended.get(a);
                    float second = attended.get(a + stride);
                    attended.set(a, before + second);
                    attended.set(a + stride, before - second);
                }
            }
            float norm = normOf(block);
            for (int i = 0; i < inputs; i++) {
                attended.set(at + i, attended.get(at + i) * norm);
            }
            float[] tile = new float[TILE];
            DownHalves.projectPart(parts, (row * mostParts + part) * adapter.get(LowRankKernels.RESERVED_RANK), tile, attended, at, first,
                    inputs, control, gains, adapter, codes, floats, site, row, width);
        }
    }

    /**
     * As {@link #finishAttended}, one group of {@link #HEAD_LANES} threads per row and head, which is a part; what was attended is put
     * together from splits first ({@link SplitAttentionKernels#joinSplits}).
     *
     * @param splits   in  [rows, heads, Splits.of(rows, heads), headDim + NOTES]
     * @param softmax  out [rowCapacity, heads, 3]
     * @param attended out [rowCapacity, heads, headDim]
     */
    public static void finishAttendedGrouped(KernelContext context, IntArray control, FloatArray splits, FloatArray softmax,
            FloatArray attended, FloatArray gains, IntArray adapter, IntArray codes, FloatArray floats, FloatArray parts, int heads,
            int headDim, int block, int site) {
        int index = context.groupIdx;
        int thread = context.localIdx;
        if (index >= control.get(Control.ROWS) * heads) {
            return;
        }
        int row = index / heads;
        int head = index - row * heads;
        int lane = LaneDots.laneOf(thread);
        float[] x = context.allocateFloatLocalArray(headDim);
        float[] partial = context.allocateFloatLocalArray(HEAD_LANES);
        for (int first = 0; first < headDim; first += HEAD_LANES) {
            int i = TornadoMath.min(first + thread, headDim - 1);
            x[i] = Splits.element(control, splits, index, heads, headDim, i);
        }
        Splits.describe(control, splits, softmax, index, heads, headDim, thread);
        context.localBarrier();
        for (int stride = 1; stride < block; stride *= 2) {
            for (int pair = thread; pair < headDim / 2; pair += HEAD_LANES) {
                int a = pair / stride * 2 * stride + pair % stride;
                float first = x[a];
                float second = x[a + stride];
                x[a] = first + second;
                x[a + stride] = first - second;
            }
            context.localBarrier();
        }
        float norm = normOf(block);
        for (int i = thread; i < headDim; i += HEAD_LANES) {
            attended.set(index * headDim + i, x[i] * norm);
        }
        context.globalBarrier();
        int rank = LowRankKernels.activeRankOf(control);
        for (int first = 0; first < rank; first += HEAD_LANES / LANES) {
            int k = first + thread / LANES;
            int group = LowRankKernels.groupOf(control, adapter, site, row, k);
            int inputs = LowRankKernels.usedInputs(group, LaneDots.within(k, rank, headDim));
            int down = LowRankKernels.downAt(control, adapter, site, k, heads * headDim) + head * headDim;
            float mine = LowRankKernels.laneDotDown(adapter, attended, index * headDim, codes, floats, down, lane, inputs);
            context.localBarrier();
            partial[thread] = mine;
            for (int stride = LANES / 2; stride > 0; stride /= 2) {
                context.localBarrier();
                if (lane < stride) {
                    partial[thread] += partial[thread + stride];
                }
            }
            if (lane == 0) {
                if (k < rank) {
                    parts.set(index * adapter.get(LowRankKernels.RESERVED_RANK) + k,
                            LowRankKernels.gainOf(control, gains, row, group) * partial[thread]);
                }
            }
        }
    }

    /**
     * gate[r, i] = silu(g[r, i]) · u[r, i] with silu(x) = x / (1 + e⁻ˣ), of the stack (g, u) of projections to which it adds the up halves
     * of their low-rank updates first; and the down half of the next projection's update over part p of the elements, see
     * {@link #finishAttended}. One thread per row and part, which is some blocks of elements.
     *
     * @param control    in     rows, layer, groups per row, active rank, active groups of each row
     * @param projected  in+out [rowCapacity, 2, width]
     * @param hidden     in     [rowCapacity, SITES, reserved rank]
     * @param gains      in     [rows, groups]
     * @param adapter    in     table of the adapter
     * @param upCodes    in     of the adapter
     * @param upFloats   in     of the adapter
     * @param downCodes  in     of the adapter
     * @param downFloats in     of the adapter
     * @param gate       out    [rowCapacity, width]
     * @param parts      out    [rowCapacity, mostParts, reserved rank]
     * @param site       of gate; up and the next projection follow
     */
    public static void multiplySiluAndProjectDown(IntArray control, FloatArray projected, FloatArray hidden, FloatArray gains,
            IntArray adapter, IntArray upCodes, FloatArray upFloats, IntArray downCodes, FloatArray downFloats, FloatArray gate,
            FloatArray parts, int width, int mostParts, int site) {
        int partCount = DownHalves.partsOf(control, mostParts);
        int slice = (width + partCount * LowRankKernels.BLOCK - 1) / (partCount * LowRankKernels.BLOCK) * LowRankKernels.BLOCK;
        int count = control.get(Control.ROWS) * partCount;
        for (@Parallel int index = 0; index < count; index++) {
            int row = index / partCount;
            int part = index - row * partCount;
            int first = part * slice;
            int inputs = TornadoMath.min(slice, width - first);
            int out = row * width + first;
            float[] tile = new float[TILE];
            float[] sums = new float[LowRankKernels.BLOCK];
            int halves = LowRankKernels.unknown(control, 2);
            for (int half = 0; half < halves; half++) {
                UpHalves.addToRow(projected, (row * 2 + half) * width + first, first, inputs, tile, sums, control, hidden, adapter,
                        site + half, row, upCodes, upFloats);
            }
            for (int i = 0; i < inputs; i++) {
                float value = projected.get(row * 2 * width + first + i);
                gate.set(out + i, value / (1f + TornadoMath.exp(-value)) * projected.get((row * 2 + 1) * width + first + i));
            }
            DownHalves.projectPart(parts, (row * mostParts + part) * adapter.get(LowRankKernels.RESERVED_RANK), tile, gate, out, first,
                    inputs, control, gains, adapter, downCodes, downFloats, site + 2, row, width);
        }
    }

    /**
     * As {@link #multiplySiluAndProjectDown}, one group of {@link ProjectionKernels#THREADS} threads per row and part of {@code slice}
     * elements.
     */
    public static void multiplySiluAndProjectDownGrouped(KernelContext context, IntArray control, FloatArray projected, FloatArray hidden,
            FloatArray gains, IntArray adapter, IntArray upCodes, FloatArray upFloats, IntArray downCodes, FloatArray downFloats,
            FloatArray gate, FloatArray parts, int width, int slice, int site) {
        int partCount = (width + slice - 1) / slice;
        int index = context.groupIdx;
        int thread = context.localIdx;
        if (index >= control.get(Control.ROWS) * partCount) {
            return;
        }
        int row = index / partCount;
        int first = (index - row * partCount) * slice;
        int inputs = TornadoMath.min(slice, width - first);
        int lane = LaneDots.laneOf(thread);
        float[] partial = context.allocateFloatLocalArray(THREADS);
        int gateRank = LowRankKernels.activeRank(control, adapter, site, row);
        int upRank = LowRankKernels.activeRank(control, adapter, site + 1, row);
        int gateHidden = LowRankKernels.hiddenAt(adapter, site, row);
        int upHidden = LowRankKernels.hiddenAt(adapter, site + 1, row);
        for (int i = thread; i < inputs; i += THREADS) {
            float value = projected.get(row * 2 * width + first + i);
            value += LowRankKernels.upOf(adapter, hidden, gateHidden, upCodes, upFloats,
                    LowRankKernels.upAt(control, adapter, site, first + i), gateRank);
            float factor = projected.get((row * 2 + 1) * width + first + i);
            factor += LowRankKernels.upOf(adapter, hidden, upHidden, upCodes, upFloats,
                    LowRankKernels.upAt(control, adapter, site + 1, first + i), upRank);
            gate.set(row * width + first + i, value / (1f + TornadoMath.exp(-value)) * factor);
        }
        context.globalBarrier();
        int rank = LowRankKernels.activeRankOf(control);
        for (int start = 0; start < rank; start += THREADS / LANES) {
            int k = start + thread / LANES;
            int group = LowRankKernels.groupOf(control, adapter, site + 2, row, k);
            int used = LowRankKernels.usedInputs(group, LaneDots.within(k, rank, inputs));
            int down = LowRankKernels.downAt(control, adapter, site + 2, k, width) + first;
            float mine = LowRankKernels.laneDotDown(adapter, gate, row * width + first, downCodes, downFloats, down, lane, used);
            context.localBarrier();
            partial[thread] = mine;
            for (int stride = LANES / 2; stride > 0; stride /= 2) {
                context.localBarrier();
                if (lane < stride) {
                    partial[thread] += partial[thread + stride];
                }
            }
            if (lane == 0) {
                if (k < rank) {
                    parts.set(index * adapter.get(LowRankKernels.RESERVED_RANK) + k,
                            LowRankKernels.gainOf(control, gains, row, group) * partial[thread]);
                }
            }
        }
    }

    /** The most parts, in the threaded form, of an input of so many heads or blocks. */
    public static int mostParts(int pieces) {
        return TornadoMath.min(PARTS, pieces);
    }

    /**
     * Parts of a row in a pass of so many rows, in the threaded form: where there are other rows for other threads there are fewer, for
     * every thread of the next projection adds them up.
     *
     * @param most parts of a row that is alone
     */
    public static int partsOf(int rows, int most) {
        return (most + rows - 1) / rows;
    }

    /** Elements of a part, in the grouped form. */
    public static int groupSlice() {
        return GROUP_SLICE;
    }

    /** The most parts of {@code width} elements in any form. */
    public static int mostPartsInAnyForm(int width) {
        return TornadoMath.max(PARTS, (width + GROUP_SLICE - 1) / GROUP_SLICE);
    }

    /** 0 for a query head of the stack, 1 for a key head, 2 for a value head: the order of sites, too. */
    private static int siteOf(int head, int heads, int kvHeads) {
        int site = 0;
        if (head >= heads) {
            site = 1;
        }
        if (head >= heads + kvHeads) {
            site = 2;
        }
        return site;
    }

    /** The first head of a site in the stack. */
    private static int firstOf(int site, int heads, int kvHeads) {
        int first = 0;
        if (site > 0) {
            first = heads + (site - 1) * kvHeads;
        }
        return first;
    }

    private static int gapOf(int pairStep, int headDim) {
        int gap = 1;
        if (pairStep == 1) {
            gap = headDim / 2;
        }
        return gap;
    }

    /** {@code count} where there are biases, else 0. Without a condition: one on a size is a constant, which TornadoVM fails to compile. */
    private static int biased(FloatArray bias, int count) {
        return TornadoMath.min(bias.getSize() - 1, 1) * count;
    }

    /** {@code count} where full pages are floats, else 0: the other pool has one element. A constant, see {@link #biased}. */
    private static int keptAsFloats(ShortArray halves, int count) {
        return (1 - TornadoMath.min(halves.getSize() - 1, 1)) * count;
    }

    /**
     * {@code to}, or the head behind all pages for a query. Every group writes a head, and every thread of it an element, because OpenCL
     * drivers drop conditions of loops with such a body.
     */
    private static int orAside(int key, int to, ShortArray halves, int headDim) {
        int place = to;
        if (key < 0) {
            place = halves.getSize() - headDim;
        }
        return place;
    }

    /** {@code count} where full pages are F16, else 0. */
    private static int keptAsHalves(ShortArray halves, int count) {
        return TornadoMath.min(halves.getSize() - 1, 1) * count;
    }

    /** 1 / √block; 1 without Hadamard. */
    private static float normOf(int block) {
        return 1f / TornadoMath.sqrt(TornadoMath.max((float) block, 1f));
    }
}
