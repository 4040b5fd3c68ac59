package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.vectors.Float8;
import uk.ac.manchester.tornado.api.types.vectors.Int8;

/**
 * Up halves of low-rank updates as one thread adds them: neighbouring outputs at a time, in registers over all components, so that
 * nothing but the up half itself is read in the inner loop. Components come from memory of the thread.
 */
final class UpHalves {
    private static final int BLOCK = LowRankKernels.BLOCK;

    private UpHalves() {
    }

    /**
     * sums[o] += Σ_{k < count} components[k] · up[k, o] for the {@link LowRankKernels#BLOCK} outputs of a tile.
     *
     * @param at where the tile begins, with the first of these components, see {@link LowRankKernels#upAt}
     */
    static void addTile(float[] sums, float[] components, IntArray adapter, IntArray codes, FloatArray floats, int at, int count) {
        Float8 first = Eights.zeros();
        Float8 second = Eights.zeros();
        Float8 third = Eights.zeros();
        Float8 fourth = Eights.zeros();
        int block = at / BLOCK;
        int coded = LowRankKernels.coded(adapter, count);
        for (int k = 0; k < coded; k++) {
            Int8 bytes = Eights.of(codes, (block + k) * 8);
            Float8 component = Eights.splat(components[k] * floats.get(block + k) * Eights.BYTE);
            first = Float8.add(first, Float8.mult(Eights.firstBytes(bytes), component));
            second = Float8.add(second, Float8.mult(Eights.secondBytes(bytes), component));
            third = Float8.add(third, Float8.mult(Eights.thirdBytes(bytes), component));
            fourth = Float8.add(fourth, Float8.mult(Eights.fourthBytes(bytes), component));
        }
        int uncoded = LowRankKernels.uncoded(adapter, count);
        for (int k = 0; k < uncoded; k++) {
            Float8 component = Eights.splat(components[k]);
            int from = at + k * BLOCK;
            first = Float8.add(first, Float8.mult(Eights.of(floats, from), component));
            second = Float8.add(second, Float8.mult(Eights.of(floats, from + 8), component));
            third = Float8.add(third, Float8.mult(Eights.of(floats, from + 16), component));
            fourth = Float8.add(fourth, Float8.mult(Eights.of(floats, from + 24), component));
        }
        addEight(sums, 0, first);
        addEight(sums, 8, second);
        addEight(sums, 16, third);
        addEight(sums, 24, fourth);
    }

    /** The same for {@link ProjectionKernels#CHUNK} outputs, half a tile, whose first one begins at {@code at}. */
    static void addHalfTile(float[] sums, float[] components, IntArray adapter, IntArray codes, FloatArray floats, int at, int count) {
        Float8 low = Eights.zeros();
        Float8 high = Eights.zeros();
        int block = at / BLOCK;
        int bit = (at - block * BLOCK) / 8 * 8;
        int coded = LowRankKernels.coded(adapter, count);
        for (int k = 0; k < coded; k++) {
            Int8 bytes = Eights.of(codes, (block + k) * 8);
            Float8 component = Eights.splat(components[k] * floats.get(block + k) * Eights.BYTE);
            low = Float8.add(low, Float8.mult(Eights.bytesAt(bytes, bit), component));
            high = Float8.add(high, Float8.mult(Eights.bytesAt(bytes, bit + 8), component));
        }
        int uncoded = LowRankKernels.uncoded(adapter, count);
        for (int k = 0; k < uncoded; k++) {
            Float8 component = Eights.splat(components[k]);
            low = Float8.add(low, Float8.mult(Eights.of(floats, at + k * BLOCK), component));
            high = Float8.add(high, Float8.mult(Eights.of(floats, at + k * BLOCK + 8), component));
        }
        addEight(sums, 0, low);
        addEight(sums, 8, high);
    }

    /**
     * out[at + i] += Σ_{k < activeRank[r]} hidden[r, s, k] · up[s, k, output + i] for i < count; the first output may be anywhere in a
     * tile.
     *
     * @param components memory of the thread: {@link RowTile#SIZE}
     * @param sums       memory of the thread: {@link LowRankKernels#BLOCK}
     */
    static void addToRow(FloatArray out, int at, int output, int count, float[] components, float[] sums, IntArray control,
            FloatArray hidden, IntArray adapter, int site, int row, IntArray codes, FloatArray floats) {
        int activeRank = LowRankKernels.activeRank(control, adapter, site, row);
        int h = LowRankKernels.hiddenAt(adapter, site, row);
        for (int k = 0; k < activeRank; k += RowTile.SIZE) {
            int some = TornadoMath.min(RowTile.SIZE, activeRank - k);
            RowTile.load(components, hidden, h + k, some);
            for (int o = output / BLOCK * BLOCK; o < output + count; o += BLOCK) {
                RowTile.clear(sums, BLOCK);
                addTile(sums, components, adapter, codes, floats, LowRankKernels.upAt(control, adapter, site, o) + k * BLOCK, some);
                int end = TornadoMath.min(o + BLOCK, output + count);
                for (int i = TornadoMath.max(o, output); i < end; i++) {
                    out.set(at + i - output, out.get(at + i - output) + sums[i - o]);
                }
            }
        }
    }

    /**
     * sums[o] += Σ_{k < activeRank[r]} (Σ_p parts[r, p, k]) · up[s, k, first + o] for {@link ProjectionKernels#CHUNK} outputs; nothing
     * where there is no site.
     *
     * @param components memory of the thread: {@link RowTile#SIZE}
     */
    static void addParts(float[] sums, float[] components, IntArray control, IntArray adapter, FloatArray parts, int partCount, int site,
            int row, int first, IntArray codes, FloatArray floats) {
        int activeRank = LowRankKernels.activeRank(control, adapter, site, row);
        int rank = adapter.get(LowRankKernels.RESERVED_RANK);
        for (int k = 0; k < activeRank; k += RowTile.SIZE) {
            int some = TornadoMath.min(RowTile.SIZE, activeRank - k);
            RowTile.load(components, parts, row * partCount * rank + k, some);
            int count = DownHalves.partsOf(control, partCount);
            for (int part = 1; part < count; part++) {
                RowTile.add(components, parts, (row * partCount + part) * rank + k, some);
            }
            addHalfTile(sums, components, adapter, codes, floats, LowRankKernels.upAt(control, adapter, site, first) + k * BLOCK, some);
        }
    }

    private static void addEight(float[] sums, int at, Float8 more) {
        sums[at] += more.getS0();
        sums[at + 1] += more.getS1();
        sums[at + 2] += more.getS2();
        sums[at + 3] += more.getS3();
        sums[at + 4] += more.getS4();
        sums[at + 5] += more.getS5();
        sums[at + 6] += more.getS6();
        sums[at + 7] += more.getS7();
    }
}
