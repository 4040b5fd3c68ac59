package io.chunkwise.model.cpu;

import static io.chunkwise.model.cpu.Lanes.COUNT;
import static io.chunkwise.model.cpu.Lanes.FLOATS;
import static io.chunkwise.model.cpu.TileProjection.DEPTH;
import static io.chunkwise.model.cpu.TileProjection.OUTPUTS;
import static io.chunkwise.model.cpu.TileProjection.PANEL;
import static io.chunkwise.model.cpu.TileProjection.TILE;

import jdk.incubator.vector.FloatVector;

/**
 * The inner loops of {@link TileProjection}, for weights in either order: {@link TileProjection#OUTPUTS} outputs of one panel. Written out
 * for five and for eight of them, and twice each, for the compiler wants every step between weights to be a constant.
 *
 * <p>Two inputs per iteration halve the work of counting. The store to {@code guard} between them keeps the compiler from loading
 * all weights of an iteration first, for which there are not enough registers.
 */
final class TileKernels {

    private TileKernels() {
    }

    /**
     * sums[j, l] += Σ_i weights[j, i] · panel[i, l], for OUTPUTS outputs j and one panel
     *
     * @param weights in     [OUTPUTS, depth] from {@code w}, DEPTH floats from output to output
     * @param panel   in     [depth, PANEL] from {@code x}
     * @param depth          even
     * @param sums    in+out [OUTPUTS, PANEL] from {@code s}, {@code width} floats from output to output; and a float at {@code guard}
     */
    static void multiply(float[] weights, int w, float[] panel, int x, int depth, float[] sums, int s, int width, int guard) {
        if (OUTPUTS == 8) {
            multiplyEight(weights, w, panel, x, depth, sums, s, width, guard);
        } else {
            multiplyFive(weights, w, panel, x, depth, sums, s, width, guard);
        }
    }

    /**
     * sums[j, l] += Σ_i weights[i, j] · panel[i, l], for OUTPUTS outputs j and one panel
     *
     * @param weights in     [depth, OUTPUTS] from {@code w}, TILE floats from input to input
     * @param panel   in     [depth, PANEL] from {@code x}
     * @param depth          even
     * @param sums    in+out [OUTPUTS, PANEL] from {@code s}, {@code width} floats from output to output; and a float at {@code guard}
     */
    static void multiplyTurned(float[] weights, int w, float[] panel, int x, int depth, float[] sums, int s, int width, int guard) {
        if (OUTPUTS == 8) {
            multiplyEightTurned(weights, w, panel, x, depth, sums, s, width, guard);
        } else {
            multiplyFiveTurned(weights, w, panel, x, depth, sums, s, width, guard);
        }
    }

    private static void multiplyFive(float[] weights, int w, float[] panel, int x, int depth, float[] sums, int s, int width, int guard) {
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

    private static void multiplyFiveTurned(float[] weights, int w, float[] panel, int x, int depth, float[] sums, int s, int width,
            int guard) {
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
            int v = w + i * TILE;
            FloatVector xa = FloatVector.fromArray(FLOATS, panel, x + i * PANEL);
            FloatVector xb = FloatVector.fromArray(FLOATS, panel, x + i * PANEL + COUNT);
            FloatVector weight = FloatVector.broadcast(FLOATS, weights[v]);
            a0 = weight.fma(xa, a0);
            b0 = weight.fma(xb, b0);
            weight = FloatVector.broadcast(FLOATS, weights[v + 1]);
            a1 = weight.fma(xa, a1);
            b1 = weight.fma(xb, b1);
            weight = FloatVector.broadcast(FLOATS, weights[v + 2]);
            a2 = weight.fma(xa, a2);
            b2 = weight.fma(xb, b2);
            weight = FloatVector.broadcast(FLOATS, weights[v + 3]);
            a3 = weight.fma(xa, a3);
            b3 = weight.fma(xb, b3);
            weight = FloatVector.broadcast(FLOATS, weights[v + 4]);
            a4 = weight.fma(xa, a4);
            b4 = weight.fma(xb, b4);
            sums[guard] = 0;
            xa = FloatVector.fromArray(FLOATS, panel, x + i * PANEL + PANEL);
            xb = FloatVector.fromArray(FLOATS, panel, x + i * PANEL + PANEL + COUNT);
            weight = FloatVector.broadcast(FLOATS, weights[v + TILE]);
            a0 = weight.fma(xa, a0);
            b0 = weight.fma(xb, b0);
            weight = FloatVector.broadcast(FLOATS, weights[v + TILE + 1]);
            a1 = weight.fma(xa, a1);
            b1 = weight.fma(xb, b1);
            weight = FloatVector.broadcast(FLOATS, weights[v + TILE + 2]);
            a2 = weight.fma(xa, a2);
            b2 = weight.fma(xb, b2);
            weight = FloatVector.broadcast(FLOATS, weights[v + TILE + 3]);
            a3 = weight.fma(xa, a3);
            b3 = weight.fma(xb, b3);
            weight = FloatVector.broadcast(FLOATS, weights[v + TILE + 4]);
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

    private static void multiplyEight(float[] weights, int w, float[] panel, int x, int depth, float[] sums, int s, int width, int guard) {
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
        FloatVector a6 = FloatVector.fromArray(FLOATS, sums, s + 6 * width);
        FloatVector b6 = FloatVector.fromArray(FLOATS, sums, s + 6 * width + COUNT);
        FloatVector a7 = FloatVector.fromArray(FLOATS, sums, s + 7 * width);
        FloatVector b7 = FloatVector.fromArray(FLOATS, sums, s + 7 * width + COUNT);
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
            weight = FloatVector.broadcast(FLOATS, weights[w + 5 * DEPTH + i]);
            a5 = weight.fma(xa, a5);
            b5 = weight.fma(xb, b5);
            weight = FloatVector.broadcast(FLOATS, weights[w + 6 * DEPTH + i]);
            a6 = weight.fma(xa, a6);
            b6 = weight.fma(xb, b6);
            weight = FloatVector.broadcast(FLOATS, weights[w + 7 * DEPTH + i]);
            a7 = weight.fma(xa, a7);
            b7 = weight.fma(xb, b7);
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
            weight = FloatVector.broadcast(FLOATS, weights[w + 5 * DEPTH + i + 1]);
            a5 = weight.fma(xa, a5);
            b5 = weight.fma(xb, b5);
            weight = FloatVector.broadcast(FLOATS, weights[w + 6 * DEPTH + i + 1]);
            a6 = weight.fma(xa, a6);
            b6 = weight.fma(xb, b6);
            weight = FloatVector.broadcast(FLOATS, weights[w + 7 * DEPTH + i + 1]);
            a7 = weight.fma(xa, a7);
            b7 = weight.fma(xb, b7);
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
        a6.intoArray(sums, s + 6 * width);
        b6.intoArray(sums, s + 6 * width + COUNT);
        a7.intoArray(sums, s + 7 * width);
        b7.intoArray(sums, s + 7 * width + COUNT);
    }

    private static void multiplyEightTurned(float[] weights, int w, float[] panel, int x, int depth, float[] sums, int s, int width,
            int guard) {
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
        FloatVector a6 = FloatVector.fromArray(FLOATS, sums, s + 6 * width);
        FloatVector b6 = FloatVector.fromArray(FLOATS, sums, s + 6 * width + COUNT);
        FloatVector a7 = FloatVector.fromArray(FLOATS, sums, s + 7 * width);
        FloatVector b7 = FloatVector.fromArray(FLOATS, sums, s + 7 * width + COUNT);
        for (int i = 0; i < depth; i += 2) {
            int v = w + i * TILE;
            FloatVector xa = FloatVector.fromArray(FLOATS, panel, x + i * PANEL);
            FloatVector xb = FloatVector.fromArray(FLOATS, panel, x + i * PANEL + COUNT);
            FloatVector weight = FloatVector.broadcast(FLOATS, weights[v]);
            a0 = weight.fma(xa, a0);
            b0 = weight.fma(xb, b0);
            weight = FloatVector.broadcast(FLOATS, weights[v + 1]);
            a1 = weight.fma(xa, a1);
            b1 = weight.fma(xb, b1);
            weight = FloatVector.broadcast(FLOATS, weights[v + 2]);
            a2 = weight.fma(xa, a2);
            b2 = weight.fma(xb, b2);
            weight = FloatVector.broadcast(FLOATS, weights[v + 3]);
            a3 = weight.fma(xa, a3);
            b3 = weight.fma(xb, b3);
            weight = FloatVector.broadcast(FLOATS, weights[v + 4]);
            a4 = weight.fma(xa, a4);
            b4 = weight.fma(xb, b4);
            weight = FloatVector.broadcast(FLOATS, weights[v + 5]);
            a5 = weight.fma(xa, a5);
            b5 = weight.fma(xb, b5);
            weight = FloatVector.broadcast(FLOATS, weights[v + 6]);
            a6 = weight.fma(xa, a6);
            b6 = weight.fma(xb, b6);
            weight = FloatVector.broadcast(FLOATS, weights[v + 7]);
            a7 = weight.fma(xa, a7);
            b7 = weight.fma(xb, b7);
            sums[guard] = 0;
            xa = FloatVector.fromArray(FLOATS, panel, x + i * PANEL + PANEL);
            xb = FloatVector.fromArray(FLOATS, panel, x + i * PANEL + PANEL + COUNT);
            weight = FloatVector.broadcast(FLOATS, weights[v + TILE]);
            a0 = weight.fma(xa, a0);
            b0 = weight.fma(xb, b0);
            weight = FloatVector.broadcast(FLOATS, weights[v + TILE + 1]);
            a1 = weight.fma(xa, a1);
            b1 = weight.fma(xb, b1);
            weight = FloatVector.broadcast(FLOATS, weights[v + TILE + 2]);
            a2 = weight.fma(xa, a2);
            b2 = weight.fma(xb, b2);
            weight = FloatVector.broadcast(FLOATS, weights[v + TILE + 3]);
            a3 = weight.fma(xa, a3);
            b3 = weight.fma(xb, b3);
            weight = FloatVector.broadcast(FLOATS, weights[v + TILE + 4]);
            a4 = weight.fma(xa, a4);
            b4 = weight.fma(xb, b4);
            weight = FloatVector.broadcast(FLOATS, weights[v + TILE + 5]);
            a5 = weight.fma(xa, a5);
            b5 = weight.fma(xb, b5);
            weight = FloatVector.broadcast(FLOATS, weights[v + TILE + 6]);
            a6 = weight.fma(xa, a6);
            b6 = weight.fma(xb, b6);
            weight = FloatVector.broadcast(FLOATS, weights[v + TILE + 7]);
            a7 = weight.fma(xa, a7);
            b7 = weight.fma(xb, b7);
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
        a6.intoArray(sums, s + 6 * width);
        b6.intoArray(sums, s + 6 * width + COUNT);
        a7.intoArray(sums, s + 7 * width);
        b7.intoArray(sums, s + 7 * width + COUNT);
    }
}
