package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Down halves of low-rank updates as one thread sums them up, from its own copy of the inputs ({@link RowTile}). */
final class DownHalves {

    private DownHalves() {
    }

    /**
     * sums[to + d] += Σ_{i < used} down[d, t + i] · tile[i] for rows d of the down halves in a stack.
     *
     * @param weights of the stack
     * @param used    elements of the tile, which are inputs {@code t} and on
     */
    static void addToStack(float[] sums, int to, int start, int end, float[] tile, int t, int used, IntArray control, IntArray adapter,
            IntArray codes, FloatArray floats, int weights, int row, int inputs) {
        for (int d = start; d < end; d++) {
            int site = LowRankKernels.siteInStack(control, weights, d);
            int component = LowRankKernels.componentInStack(control, d);
            int read = LowRankKernels.usedInputs(LowRankKernels.groupOf(control, adapter, site, row, component), used);
            int at = LowRankKernels.downAt(control, adapter, site, component, inputs) + t;
            sums[to + d] += dot(tile, adapter, codes, floats, at, read);
        }
    }

    /** hidden[r, s, k] = gain[r, group(k)] · inverse · sums[from + d] for rows d of the down halves in a stack. */
    static void storeOfStack(float[] sums, int from, int start, int end, float inverse, IntArray control, FloatArray gains,
            IntArray adapter, FloatArray hidden, int weights, int row) {
        for (int d = start; d < end; d++) {
            int site = LowRankKernels.siteInStack(control, weights, d);
            int component = LowRankKernels.componentInStack(control, d);
            int group = LowRankKernels.groupOf(control, adapter, site, row, component);
            hidden.set(LowRankKernels.hiddenAt(adapter, site, row) + component,
                    LowRankKernels.gainOf(control, gains, row, group) * inverse * sums[from + d]);
        }
    }

    /**
     * parts[to + k] = gain[r, group(k)] · Σ_{i < count} down[s, k, first + i] · in[x + i] for the components that the row uses; 0 where
     * there are no inputs.
     *
     * @param tile  memory of the thread: {@link RowTile#SIZE}
     * @param width inputs of the site
     */
    static void projectPart(FloatArray parts, int to, float[] tile, FloatArray in, int x, int first, int count, IntArray control,
            FloatArray gains, IntArray adapter, IntArray codes, FloatArray floats, int site, int row, int width) {
        int active = control.get(Control.ACTIVE_GROUPS + Control.ROW_STRIDE * row);
        int ends = LowRankKernels.siteAt(control, adapter, site) + LowRankKernels.SITE_INTS;
        int activeRank = LowRankKernels.activeRank(control, adapter, site, row);
        for (int k = 0; k < activeRank; k++) {
            parts.set(to + k, 0f);
        }
        int end = TornadoMath.min(count, count * activeRank);
        for (int t = 0; t < end; t += RowTile.SIZE) {
            int some = TornadoMath.min(RowTile.SIZE, count - t);
            RowTile.load(tile, in, x + t, some);
            int k = 0;
            for (int group = 0; group < active; group++) {
                float gain = LowRankKernels.gainOf(control, gains, row, group);
                int groupEnd = adapter.get(ends + group);
                for (; k < groupEnd; k++) {
                    int at = LowRankKernels.downAt(control, adapter, site, k, width) + first + t;
                    parts.set(to + k, parts.get(to + k) + gain * dot(tile, adapter, codes, floats, at, some));
                }
            }
        }
    }

    /** {@link FinishKernels#partsOf} of the rows of the pass. */
    static int partsOf(IntArray control, int most) {
        return FinishKernels.partsOf(LowRankKernels.rowsDivisor(control), most);
    }

    private static float dot(float[] tile, IntArray adapter, IntArray codes, FloatArray floats, int at, int count) {
        return TileDots.dotF32(tile, floats, at, LowRankKernels.uncoded(adapter, count))
                + TileDots.dotQ8(tile, codes, floats, at, LowRankKernels.coded(adapter, count));
    }
}
