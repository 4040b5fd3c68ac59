package io.chunkwise.model.cpu;

import static io.chunkwise.model.cpu.Lanes.COUNT;
import static io.chunkwise.model.cpu.Lanes.FLOATS;

import jdk.incubator.vector.FloatVector;

/** The gated activation of the feed-forward block (arXiv:2002.05202). */
final class ActivationKernels {

    private ActivationKernels() {
    }

    /**
     * gate[i] = silu(gate[i]) · up[i], for elements [from, to) of all rows together
     *
     * @param gate in+out [rows, width]
     * @param up   in     [rows, width]
     */
    static void swiGlu(float[] gate, float[] up, int from, int to) {
        int whole = from + Lanes.roundDown(to - from);
        for (int i = from; i < whole; i += COUNT) {
            FloatVector x = FloatVector.fromArray(FLOATS, gate, i);
            x.div(VectorMath.exp(x.neg()).add(1)).mul(FloatVector.fromArray(FLOATS, up, i)).intoArray(gate, i);
        }
        for (int i = whole; i < to; i++) {
            gate[i] = gate[i] / (1 + (float) Math.exp(-gate[i])) * up[i];
        }
    }
}
