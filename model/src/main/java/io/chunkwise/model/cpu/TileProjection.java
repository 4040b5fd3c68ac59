package io.chunkwise.model.cpu;

import static io.chunkwise.model.cpu.Lanes.COUNT;
import static io.chunkwise.model.cpu.Lanes.FLOATS;

import io.chunkwise.model.format.TensorType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import jdk.incubator.vector.FloatVector;

/**
 * Matrices of weights times many rows of activations: what prefill spends its time on.
 *
 * <p>Rows are the lanes: activations are packed into panels of {@link #PANEL} rows, and {@link #OUTPUTS} outputs at a
 * time are kept in registers for one panel while a weight is multiplied with a whole panel by one broadcast. So sums need
 * no reduction over lanes, and row counts and widths need no special cases, for panels are padded with zeros.
 * Weights are decoded to float once per tile of {@link #TILE} outputs and {@link #DEPTH} inputs; panels of that depth, the tile
 * and its sums fit into the second cache level, and what one inner loop reads into the first (40 KB with vectors of 512 bits, 21 KB else).
 *
 * <p>A tile adds up any number of products before it is stored: a base projection and the second half of its low-rank update.
 */
final class TileProjection {
    /** Rows per panel. */
    static final int PANEL = 2 * COUNT;
    /**
     * Outputs per inner loop. Two vectors each take 10 of the 16 vector registers that AVX2 has; with 12, the compiler spills. Vectors of
     * 512 bits have 32 registers: the more outputs share what is loaded of a panel, the better.
     */
    static final int OUTPUTS = COUNT >= 16 ? 8 : 5;
    /** Outputs per tile: whole groups of OUTPUTS, however many these are. */
    static final int TILE = 40;
    /** Inputs per tile: a group of packed weights. */
    static final int DEPTH = PackedWeights.BLOCKS * 32;
    /** Floats of scratch memory that {@link Weights} may use. */
    static final int SPARE = 32 * AttachedPair.TILE;
    /** Where they begin: behind the tile. */
    static final int SPARE_AT = TILE * DEPTH;
    private static final int SUMS = SPARE_AT + SPARE;
    private static final int PACKED = 64; // inputs whose part of a panel stays in the first cache level while all rows come into it
    private static final int CACHE_LINE = 64; // bytes
    private static final int GUARD = COUNT; // floats of scratch memory that nobody reads

    private TileProjection() {
    }

    /** Gives weights as floats. */
    @FunctionalInterface
    interface Weights {
        /**
         * tile[o, i] = weight[first + o, begin + i]; or tile[i, o], where a product says that its weights are turned
         *
         * @param begin a multiple of DEPTH
         * @param tile  out [outputs, count], DEPTH floats from output to output; or [count, outputs], TILE floats from input to input.
         *              Scratch memory of SPARE floats from SPARE_AT on
         */
        void read(int first, int outputs, int begin, int count, float[] tile);
    }

    static Weights stored(TensorType type, MemorySegment data, int inputs) {
        return (first, outputs, begin, count, tile) -> {
            if (begin == 0) {
                touch(data, type.bytesFor((long) first * inputs), type.bytesFor((long) (first + outputs) * inputs), tile);
            }
            for (int o = 0; o < outputs; o++) {
                WeightDecoder.decode(type, data, (long) (first + o) * inputs + begin, tile, o * DEPTH, count);
            }
        };
    }

    /** The same of a weight in another order. */
    static Weights packed(PackedWeights weights) {
        return (first, outputs, begin, count, tile) -> {
            if (begin == 0) {
                touch(weights.data(), weights.quantsAt(first, 0), weights.quantsAt(first + outputs, 0), tile);
            }
            int[] quants = new int[PackedWeights.scratchSize()];
            for (int o = 0; o < outputs; o++) {
                weights.decode(first + o, begin / DEPTH, quants, tile, o * DEPTH, count);
            }
        };
    }

    /**
     * Has bytes [from, to) brought into the caches. In the order of memory that happens at its bandwidth; pieces of rows, as they are
     * decoded, would be waited for one by one.
     *
     * @param scratch a sum that nobody wants is stored in it
     */
    private static void touch(MemorySegment data, long from, long to, float[] scratch) {
        int sum = 0;
        for (long at = from; at < to; at += CACHE_LINE) {
            sum += data.get(ValueLayout.JAVA_BYTE, at);
        }
        scratch[SPARE_AT] = sum;
    }

    /**
     * One of the products that are added up: Σ_i weight[o, i] · panel[p, i, l].
     *
     * @param weights [outputs, inputs]
     * @param turned  whether a tile of them comes as [inputs, outputs]
     * @param panel   [panels, even(inputs), PANEL]
     * @param depth   [panels] leading inputs that count, the others being 0; null where all of them do
     * @param ready   returns once {@code panel} may be read
     */
    record Product(Weights weights, boolean turned, int inputs, float[] panel, int[] depth, Runnable ready) {

        /** Of weights that are not turned and a panel that is there already. */
        Product(Weights weights, int inputs, float[] panel, int[] depth) {
            this(weights, false, inputs, panel, depth, () -> { });
        }

        private int depth(int p) {
            return depth == null ? inputs : depth[p];
        }

        private int largestDepth() {
            return depth == null ? inputs : Arrays.stream(depth).max().orElse(0);
        }
    }

    /** Floats of scratch memory for {@link #project} and {@link #projectToPanels}. */
    static int scratchSize(int rows) {
        return SUMS + TILE * panels(rows) * PANEL + GUARD;
    }

    static int panels(int rows) {
        return (rows + PANEL - 1) / PANEL;
    }

    /** Inputs come in pairs: the last one of a panel may be padding. */
    static int even(int inputs) {
        return inputs + inputs % 2;
    }

    /**
     * panel[p, i, l] = in[p · PANEL + l, i], 0 beyond the last row and the last input; for panels [from, to)
     *
     * @param in    in  [rows, inputs]
     * @param panel out [panels, even(inputs), PANEL]
     */
    static void pack(float[] in, int rows, int inputs, float[] panel, int from, int to) {
        int size = even(inputs) * PANEL;
        for (int p = from; p < to; p++) {
            int here = Math.min(PANEL, rows - p * PANEL);
            if (here < PANEL) {
                Arrays.fill(panel, p * size, (p + 1) * size, 0);
            }
            Arrays.fill(panel, p * size + inputs * PANEL, (p + 1) * size, 0);
            for (int begin = 0; begin < inputs; begin += PACKED) {
                int count = Math.min(PACKED, inputs - begin);
                for (int l = 0; l < here; l++) {
                    int row = (p * PANEL + l) * inputs + begin;
                    int at = p * size + begin * PANEL + l;
                    for (int i = 0; i < count; i++) {
                        panel[at + i * PANEL] = in[row + i];
                    }
                }
            }
        }
    }

    /**
     * out[r, o] = Σ of products, for outputs [from, to); added to out where {@code accumulate}
     *
     * @param scratch scratch    [scratchSize(rows)]
     * @param out     out/in+out [rows, outputs]
     */
    static void project(List<Product> products, int rows, boolean accumulate, float[] scratch, float[] out, int outputs, int from, int to) {
        int panels = panels(rows);
        int width = panels * PANEL;
        int[] steps = new int[COUNT]; // from output to output
        Arrays.setAll(steps, o -> o * width);
        for (int first = from; first < to; first += TILE) {
            int here = Math.min(TILE, to - first);
            sum(products, first, here, panels, null, scratch);
            for (int row = 0; row < rows; row++) {
                store(scratch, SUMS + row, width, steps, here, accumulate, out, row * outputs + first);
            }
        }
    }

    /**
     * panel[p, o, l] = Σ of products, for outputs [from, to): the input of another projection.
     *
     * @param wanted  in      [panels] leading outputs that are wanted; others may be 0
     * @param scratch scratch [scratchSize(panels · PANEL)]
     * @param panel   out     [panels, even(outputs), PANEL]
     */
    static void projectToPanels(List<Product> products, int panels, int[] wanted, float[] scratch, float[] panel, int outputs,
            int from, int to) {
        int size = even(outputs) * PANEL;
        for (int first = from; first < to; first += TILE) {
            int here = Math.min(TILE, to - first);
            sum(products, first, here, panels, wanted, scratch);
            for (int p = 0; p < panels; p++) {
                for (int o = 0; o < here; o++) {
                    System.arraycopy(scratch, SUMS + (o * panels + p) * PANEL, panel, p * size + (first + o) * PANEL, PANEL);
                }
            }
        }
    }

    /** Leaves the sums of a tile, [here, panels, PANEL], in scratch from SUMS on. */
    private static void sum(List<Product> products, int first, int here, int panels, int[] wanted, float[] scratch) {
        int width = panels * PANEL;
        int groups = (here + OUTPUTS - 1) / OUTPUTS;
        int guard = SUMS + TILE * width;
        Arrays.fill(scratch, SUMS, SUMS + groups * OUTPUTS * width, 0);
        for (Product product : products) {
            product.ready().run();
            int end = product.largestDepth();
            for (int begin = 0; begin < end; begin += DEPTH) {
                int count = Math.min(DEPTH, product.inputs() - begin);
                product.weights().read(first, here, begin, count, scratch);
                padToEven(product, scratch, here, count);
                for (int p = 0; p < panels; p++) {
                    int depth = even(Math.min(count, product.depth(p) - begin));
                    if (depth <= 0 || wanted != null && wanted[p] <= first) {
                        continue;
                    }
                    int x = (p * even(product.inputs()) + begin) * PANEL;
                    for (int g = 0; g < groups; g++) {
                        // The last group may have left-over weights of another tile in it; nobody reads those sums.
                        int at = SUMS + g * OUTPUTS * width + p * PANEL;
                        if (product.turned()) {
                            TileKernels.multiplyTurned(scratch, g * OUTPUTS, product.panel(), x, depth, scratch, at, width, guard);
                        } else {
                            TileKernels.multiply(scratch, g * OUTPUTS * DEPTH, product.panel(), x, depth, scratch, at, width, guard);
                        }
                    }
                }
            }
        }
    }

    private static void padToEven(Product product, float[] tile, int outputs, int count) {
        for (int o = 0; o < outputs && count % 2 == 1; o++) {
            tile[product.turned() ? count * TILE + o : o * DEPTH + count] = 0;
        }
    }

    /** out[o] = sums[o · width] (+ out[o]) for a row. */
    private static void store(float[] sums, int from, int width, int[] steps, int count, boolean accumulate, float[] out, int at) {
        int whole = Lanes.roundDown(count);
        for (int o = 0; o < whole; o += COUNT) {
            FloatVector sum = FloatVector.fromArray(FLOATS, sums, from + o * width, steps, 0);
            (accumulate ? FloatVector.fromArray(FLOATS, out, at + o).add(sum) : sum).intoArray(out, at + o);
        }
        for (int o = whole; o < count; o++) {
            float sum = sums[from + o * width];
            out[at + o] = accumulate ? out[at + o] + sum : sum;
        }
    }
}
