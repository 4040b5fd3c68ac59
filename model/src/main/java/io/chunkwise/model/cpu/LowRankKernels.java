package io.chunkwise.model.cpu;

import static io.chunkwise.model.cpu.Lanes.COUNT;
import static io.chunkwise.model.cpu.Lanes.FLOATS;

import jdk.incubator.vector.FloatVector;

/** The low-rank update of an adapter (arXiv:2106.09685) for one row. */
final class LowRankKernels {

    private LowRankKernels() {
    }

    /**
     * hidden[k] = Σ_i down[k, i] · in[i], for components [from, to)
     *
     * @param down   in  [rank, inputs]
     * @param in     in  [inputs] from {@code inAt}
     * @param hidden out [rank] from {@code hiddenAt}
     */
    static void projectDown(float[] down, float[] in, int inAt, int inputs, float[] hidden, int hiddenAt, int from, int to) {
        int whole = Lanes.roundDown(inputs);
        for (int k = from; k < to; k += 2) {
            int last = Math.min(k + 1, to - 1); // the same component twice where their number is odd
            int p = k * inputs;
            int r = last * inputs;
            FloatVector one = FloatVector.zero(FLOATS);
            FloatVector two = FloatVector.zero(FLOATS);
            for (int i = 0; i < whole; i += COUNT) {
                FloatVector x = FloatVector.fromArray(FLOATS, in, inAt + i);
                one = FloatVector.fromArray(FLOATS, down, p + i).fma(x, one);
                two = FloatVector.fromArray(FLOATS, down, r + i).fma(x, two);
            }
            float first = Lanes.sum(one);
            float second = Lanes.sum(two);
            for (int i = whole; i < inputs; i++) {
                first += down[p + i] * in[inAt + i];
                second += down[r + i] * in[inAt + i];
            }
            hidden[hiddenAt + k] = first;
            hidden[hiddenAt + last] = second;
        }
    }

    /**
     * out[o] += Σ_{k < rank} hidden[k] · up[k, o], for outputs [from, to)
     *
     * @param hidden in     [rank] from {@code hiddenAt}, gains applied
     * @param up     in     [rank, outputs]
     * @param out    in+out [outputs] from {@code outAt}
     */
    static void addUp(float[] up, int outputs, float[] hidden, int hiddenAt, int rank, float[] out, int outAt, int from, int to) {
        int o = from;
        for (; o <= to - 4 * COUNT; o += 4 * COUNT) {
            FloatVector a = FloatVector.fromArray(FLOATS, out, outAt + o);
            FloatVector b = FloatVector.fromArray(FLOATS, out, outAt + o + COUNT);
            FloatVector c = FloatVector.fromArray(FLOATS, out, outAt + o + 2 * COUNT);
            FloatVector d = FloatVector.fromArray(FLOATS, out, outAt + o + 3 * COUNT);
            for (int k = 0; k < rank; k++) {
                FloatVector h = FloatVector.broadcast(FLOATS, hidden[hiddenAt + k]);
                a = FloatVector.fromArray(FLOATS, up, k * outputs + o).fma(h, a);
                b = FloatVector.fromArray(FLOATS, up, k * outputs + o + COUNT).fma(h, b);
                c = FloatVector.fromArray(FLOATS, up, k * outputs + o + 2 * COUNT).fma(h, c);
                d = FloatVector.fromArray(FLOATS, up, k * outputs + o + 3 * COUNT).fma(h, d);
            }
            a.intoArray(out, outAt + o);
            b.intoArray(out, outAt + o + COUNT);
            c.intoArray(out, outAt + o + 2 * COUNT);
            d.intoArray(out, outAt + o + 3 * COUNT);
        }
        for (; o < to; o++) {
            float sum = 0;
            for (int k = 0; k < rank; k++) {
                sum += hidden[hiddenAt + k] * up[k * outputs + o];
            }
            out[outAt + o] += sum;
        }
    }

    /**
     * {@link #addUp} for four rows that are neighbours, so that {@code up} is loaded once for all of them. Outputs are
     * whole vectors here; the rest is left to {@link #addUp}.
     *
     * @param hidden in     [4, width] from {@code hiddenAt}
     * @param out    in+out [4, outputs] from {@code outAt}
     */
    static void addUpToFour(float[] up, int outputs, float[] hidden, int hiddenAt, int width, int rank, float[] out, int outAt,
            int from, int to) {
        for (int o = from; o < to; o += 2 * COUNT) {
            int at = outAt + o;
            FloatVector a0 = FloatVector.fromArray(FLOATS, out, at);
            FloatVector b0 = FloatVector.fromArray(FLOATS, out, at + COUNT);
            FloatVector a1 = FloatVector.fromArray(FLOATS, out, at + outputs);
            FloatVector b1 = FloatVector.fromArray(FLOATS, out, at + outputs + COUNT);
            FloatVector a2 = FloatVector.fromArray(FLOATS, out, at + 2 * outputs);
            FloatVector b2 = FloatVector.fromArray(FLOATS, out, at + 2 * outputs + COUNT);
            FloatVector a3 = FloatVector.fromArray(FLOATS, out, at + 3 * outputs);
            FloatVector b3 = FloatVector.fromArray(FLOATS, out, at + 3 * outputs + COUNT);
            for (int k = 0; k < rank; k++) {
                FloatVector ua = FloatVector.fromArray(FLOATS, up, k * outputs + o);
                FloatVector ub = FloatVector.fromArray(FLOATS, up, k * outputs + o + COUNT);
                FloatVector h = FloatVector.broadcast(FLOATS, hidden[hiddenAt + k]);
                a0 = ua.fma(h, a0);
                b0 = ub.fma(h, b0);
                h = FloatVector.broadcast(FLOATS, hidden[hiddenAt + width + k]);
                a1 = ua.fma(h, a1);
                b1 = ub.fma(h, b1);
                h = FloatVector.broadcast(FLOATS, hidden[hiddenAt + 2 * width + k]);
                a2 = ua.fma(h, a2);
                b2 = ub.fma(h, b2);
                h = FloatVector.broadcast(FLOATS, hidden[hiddenAt + 3 * width + k]);
                a3 = ua.fma(h, a3);
                b3 = ub.fma(h, b3);
            }
            a0.intoArray(out, at);
            b0.intoArray(out, at + COUNT);
            a1.intoArray(out, at + outputs);
            b1.intoArray(out, at + outputs + COUNT);
            a2.intoArray(out, at + 2 * outputs);
            b2.intoArray(out, at + 2 * outputs + COUNT);
            a3.intoArray(out, at + 3 * outputs);
            b3.intoArray(out, at + 3 * outputs + COUNT);
        }
    }
}
