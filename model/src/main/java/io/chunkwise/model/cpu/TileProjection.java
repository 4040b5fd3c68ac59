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
 * and its sums fit into the second cache level, and what one inner loop reads into the first.
 *
 * <p>A tile adds up any number of products before it is stored: a base projection and the second half of its low-rank update.
 */
final class TileProjection {
    /** Rows per panel. */
    static final int PANEL = 2 * COUNT;
    /** Outputs per inner loop: two vectors each take 10 of the 16 vector registers that AVX2 has. With 12, the compiler spills. */
    static final int OUTPUTS = 5;
    /** Outputs per tile. */
    static final int TILE = 8 * OUTPUTS;
    /** Inputs per tile; whole quantization blocks. */
    static final int DEPTH = 256;
    /** Inputs of a tile that {@link Weights} may turn around at a time. */
    static final int TURNED = 32;
    /** Where scratch memory for it, [TURNED, AttachedPair.TILE], begins: behind the tile. */
    static final int TURNED_AT = TILE * DEPTH;
    private static final int SUMS = TURNED_AT + TURNED * AttachedPair.TILE;
    private static final int PACKED = 64; // inputs whose part of a panel stays in the first cache level while all rows come into it
    private static final int CACHE_LINE = 64; // bytes
    private static final int GUARD = COUNT; // floats of scratch memory that nobody reads

    private TileProjection() {
    }

    /** Gives weights as floats. */
    @FunctionalInterface
    interface Weights {
        /**
         * tile[o, i] = weight[first + o, begin + i]
         *
         * @param begin a multiple of DEPTH
         * @param tile  out [outputs, count], DEPTH floats from output to output; scratch memory from TURNED_AT on
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
        scratch[TURNED_AT] = sum;
    }

    /**
     * One of the products that are added up: Σ_i weight[o, i] · panel[p, i, l].
     *
     * @param weights [outputs, inputs]
     * @param panel   [panels, even(inputs), PANEL]
     * @param depth   [panels] leading inputs that count, the others being 0; null where all of them do
     * @param ready   returns once {@code panel} may be read
     */
    record Product(Weights weights, int inputs, float[] panel, int[] depth, Runnable ready) {

        /** Of a panel that is there already. */
        Product(Weights weights, int inputs, float[] panel, int[] depth) {
            this(weights, inputs, panel, depth, () -> { });
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
        for (int first = from; first < to; first += TILE) {
            int here = Math.min(TILE, to - first);
            sum(products, first, here, panels, null, scratch);
            int width = panels * PANEL;
            int[] steps = new int[COUNT]; // from output to output
            Arrays.setAll(steps, o -> o * width);
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
        Arrays.fill(scratch, SUMS, SUMS + groups * OUTPUTS * width, 0);
        for (Product product : products) {
            product.ready().run();
            int end = product.largestDepth();
            for (int begin = 0; begin < end; begin += DEPTH) {
                int count = Math.min(DEPTH, product.inputs() - begin);
                product.weights().read(first, here, begin, count, scratch);
                padToEven(scratch, here, count);
                for (int p = 0; p < panels; p++) {
                    int depth = even(Math.min(count, product.depth(p) - begin));
                    if (depth <= 0 || wanted != null && wanted[p] <= first) {
                        continue;
                    }
                    int x = (p * even(product.inputs()) + begin) * PANEL;
                    for (int g = 0; g < groups; g++) {
                        // The last group may have left-over weights of another tile in it; nobody reads those sums.
                        multiply(scratch, g * OUTPUTS * DEPTH, product.panel(), x, depth,
                                scratch, SUMS + g * OUTPUTS * width + p * PANEL, width, SUMS + TILE * width);
                    }
                }
            }
        }
    }

    private static void padToEven(float[] tile, int outputs, int count) {
        for (int o = 0; o < outputs && count % 2 == 1; o++) {
            tile[o * DEPTH + count] = 0;
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

    /**
     * sums[j, l] += Σ_i weights[j, i] · panel[i, l], for 5 outputs j and one panel
     *
     * <p>Two inputs per iteration halve the work of counting. The store to {@code guard} between them keeps the compiler from loading
     * all weights of an iteration first, for which there are not enough registers.
     *
     * @param weights in     [5, depth] from {@code w}, DEPTH floats from output to output
     * @param panel   in     [depth, PANEL] from {@code x}
     * @param depth          even
     * @param sums    in+out [5, PANEL] from {@code s}, {@code width} floats from output to output; and a float at {@code guard}
     */
    private static void multiply(float[] weights, int w, float[] panel, int x, int depth, float[] sums, int s, int width, int guard) {
        FloatVector a0 = FloatVector.fromArray(FLOATS, sums, s);
        FloatVector b0 = FloatVector.fromArray(FLOATS, sums, s + COUNT);
        FloatVector a1 = FloatVector.fromArray(FLOATS, sums, s + width);
        FloatVector b1 = FloatVector.fromArray(FLOATS, sums, s + width + COUNT);
        FloatVector a2 = FloatVector.fromArray(FLOATS, sums, s + 2 * width);
        FloatVector b2 = FloatVector.fromArray(FLOATS, sums, s + 2 * width + COUNT);
        FloatVector a3 = FloatVector.fromArray(FLOATS, sums, s + 3 * width);
        FloatVector b3 = FloatVector.fromArray(FLOATS, sums, s + 3 * width + COUNT);
        FloatVector a4 = FloatVector.fromArray(FLOATS, sums, s + 4 * width);
        FloatVector b4 = FloatVector.fromArray(FLOATS, sums, s + 4 * width + COUNT);
        for (int i = 0; i < depth; i += 2) {
            FloatVector xa = FloatVector.fromArray(FLOATS, panel, x + i * PANEL);
            FloatVector xb = FloatVector.fromArray(FLOATS, panel, x + i * PANEL + COUNT);
            FloatVector weight = FloatVector.broadcast(FLOATS, weights[w + i]);
            a0 = weight.fma(xa, a0);
            b0 = weight.fma(xb, b0);
            weight = FloatVector.broadcast(FLOATS, weights[w + DEPTH + i]);
            a1 = weight.fma(xa, a1);
            b1 = weight.fma(xb, b1);
            weight = FloatVector.broadcast(FLOATS, weights[w + 2 * DEPTH + i]);
            a2 = weight.fma(xa, a2);
            b2 = weight.fma(xb, b2);
            weight = FloatVector.broadcast(FLOATS, weights[w + 3 * DEPTH + i]);
            a3 = weight.fma(xa, a3);
            b3 = weight.fma(xb, b3);
            weight = FloatVector.broadcast(FLOATS, weights[w + 4 * DEPTH + i]);
            a4 = weight.fma(xa, a4);
            b4 = weight.fma(xb, b4);
            sums[guard] = 0;
            xa = FloatVector.fromArray(FLOATS, panel, x + i * PANEL + PANEL);
            xb = FloatVector.fromArray(FLOATS, panel, x + i * PANEL + PANEL + COUNT);
            weight = FloatVector.broadcast(FLOATS, weights[w + i + 1]);
            a0 = weight.fma(xa, a0);
            b0 = weight.fma(xb, b0);
            weight = FloatVector.broadcast(FLOATS, weights[w + DEPTH + i + 1]);
            a1 = weight.fma(xa, a1);
            b1 = weight.fma(xb, b1);
            weight = FloatVector.broadcast(FLOATS, weights[w + 2 * DEPTH + i + 1]);
            a2 = weight.fma(xa, a2);
            b2 = weight.fma(xb, b2);
            weight = FloatVector.broadcast(FLOATS, weights[w + 3 * DEPTH + i + 1]);
            a3 = weight.fma(xa, a3);
            b3 = weight.fma(xb, b3);
            weight = FloatVector.broadcast(FLOATS, weights[w + 4 * DEPTH + i + 1]);
            a4 = weight.fma(xa, a4);
            b4 = weight.fma(xb, b4);
        }
        a0.intoArray(sums, s);
        b0.intoArray(sums, s + COUNT);
        a1.intoArray(sums, s + width);
        b1.intoArray(sums, s + width + COUNT);
        a2.intoArray(sums, s + 2 * width);
        b2.intoArray(sums, s + 2 * width + COUNT);
        a3.intoArray(sums, s + 3 * width);
        b3.intoArray(sums, s + 3 * width + COUNT);
        a4.intoArray(sums, s + 4 * width);
        b4.intoArray(sums, s + 4 * width + COUNT);
    }
}
