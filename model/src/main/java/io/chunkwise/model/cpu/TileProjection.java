package io.chunkwise.model.cpu;

import static io.chunkwise.model.cpu.Lanes.COUNT;
import static io.chunkwise.model.cpu.Lanes.FLOATS;

import io.chunkwise.model.format.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * A matrix of weights times many rows of activations: what prefill spends its time on.
 *
 * <p>Rows are the lanes: activations are packed into panels of {@link #PANEL} rows, and {@link #OUTPUTS} outputs at a
 * time are kept in registers for one panel while a weight is multiplied with a whole panel by one broadcast. So sums need
 * no reduction over lanes, and row counts and widths need no special cases, for panels are padded with zeros.
 * Weights are decoded to float once per tile of {@link #TILE} outputs and {@link #DEPTH} inputs; a tile and a panel of
 * that depth fit into the first two cache levels.
 */
final class TileProjection {
    /** Rows per panel. */
    static final int PANEL = 2 * COUNT;
    /** Outputs per inner loop: with two vectors each they fill 12 of the 16 vector registers that AVX2 has. */
    static final int OUTPUTS = 6;
    /** Outputs per tile. */
    static final int TILE = 4 * OUTPUTS;
    /** Inputs per tile; whole quantization blocks. */
    static final int DEPTH = 256;

    private TileProjection() {
    }

    /** Gives weights as floats. */
    @FunctionalInterface
    interface WeightRows {
        /** weight[output, inputs [first, first + count)] to {@code out} from {@code at}; {@code first} is a multiple of DEPTH. */
        void read(int output, int first, int count, float[] out, int at);
    }

    static WeightRows stored(TensorType type, MemorySegment data, int inputs) {
        return (output, first, count, out, at) -> WeightDecoder.decode(type, data, (long) output * inputs + first, out, at, count);
    }

    /** Floats of scratch memory for {@link #project}. */
    static int scratchSize(int rows) {
        return TILE * DEPTH + TILE * panels(rows) * PANEL;
    }

    static int panels(int rows) {
        return (rows + PANEL - 1) / PANEL;
    }

    /**
     * panel[p, i, l] = in[p · PANEL + l, i], 0 beyond the last row; for panels [from, to)
     *
     * @param in    in  [rows, inputs]
     * @param panel out [panels, inputs, PANEL]
     */
    static void pack(float[] in, int rows, int inputs, float[] panel, int from, int to) {
        for (int p = from; p < to; p++) {
            int here = Math.min(PANEL, rows - p * PANEL);
            if (here < PANEL) {
                Arrays.fill(panel, p * inputs * PANEL, (p + 1) * inputs * PANEL, 0);
            }
            for (int l = 0; l < here; l++) {
                int row = (p * PANEL + l) * inputs;
                int at = p * inputs * PANEL + l;
                for (int i = 0; i < inputs; i++) {
                    panel[at + i * PANEL] = in[row + i];
                }
            }
        }
    }

    /**
     * out[r, o] = Σ_i weight[o, i] · in[r, i], for outputs [from, to); added to out where {@code accumulate}
     *
     * @param weights    in         [outputs, inputs]
     * @param panel      in         [panels, inputs, PANEL], from {@link #pack}
     * @param firstPanel            rows before this panel are left alone
     * @param endPanel              rows from this panel on are left alone
     * @param scratch    scratch    [scratchSize(rows)]
     * @param out        out/in+out [rows, outputs]
     */
    static void project(WeightRows weights, int inputs, float[] panel, int firstPanel, int endPanel, int rows, boolean accumulate,
            float[] scratch, float[] out, int outputs, int from, int to) {
        int width = (endPanel - firstPanel) * PANEL;
        int sums = TILE * DEPTH; // where they begin in scratch: [TILE, width]
        for (int first = from; first < to; first += TILE) {
            int here = Math.min(TILE, to - first);
            int groups = (here + OUTPUTS - 1) / OUTPUTS;
            Arrays.fill(scratch, sums, sums + groups * OUTPUTS * width, 0);
            for (int begin = 0; begin < inputs; begin += DEPTH) {
                int depth = Math.min(DEPTH, inputs - begin);
                for (int o = 0; o < here; o++) {
                    weights.read(first + o, begin, depth, scratch, o * DEPTH);
                }
                for (int p = firstPanel; p < endPanel; p++) {
                    for (int g = 0; g < groups; g++) {
                        // The last group may have left-over weights of another tile in it; nobody reads those sums.
                        multiply(scratch, g * OUTPUTS * DEPTH, panel, (p * inputs + begin) * PANEL, depth,
                                scratch, sums + g * OUTPUTS * width + (p - firstPanel) * PANEL, width);
                    }
                }
            }
            int firstRow = firstPanel * PANEL;
            for (int row = firstRow; row < Math.min(rows, endPanel * PANEL); row++) {
                store(scratch, sums + row - firstRow, width, here, accumulate, out, row * outputs + first);
            }
        }
    }

    private static void store(float[] sums, int from, int width, int count, boolean accumulate, float[] out, int at) {
        for (int o = 0; o < count; o++) {
            float sum = sums[from + o * width];
            out[at + o] = accumulate ? out[at + o] + sum : sum;
        }
    }

    /**
     * sums[j, l] += Σ_i weights[j, i] · panel[i, l], for 6 outputs j and one panel
     *
     * @param weights in     [6, depth] from {@code w}, DEPTH floats from output to output
     * @param panel   in     [depth, PANEL] from {@code x}
     * @param sums    in+out [6, PANEL] from {@code s}, {@code width} floats from output to output
     */
    private static void multiply(float[] weights, int w, float[] panel, int x, int depth, float[] sums, int s, int width) {
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
        FloatVector a5 = FloatVector.fromArray(FLOATS, sums, s + 5 * width);
        FloatVector b5 = FloatVector.fromArray(FLOATS, sums, s + 5 * width + COUNT);
        for (int i = 0; i < depth; i++) {
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
            weight = FloatVector.broadcast(FLOATS, weights[w + 5 * DEPTH + i]);
            a5 = weight.fma(xa, a5);
            b5 = weight.fma(xb, b5);
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
        a5.intoArray(sums, s + 5 * width);
        b5.intoArray(sums, s + 5 * width + COUNT);
    }
}
