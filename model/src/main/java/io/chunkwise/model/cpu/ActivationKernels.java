package io.chunkwise.model.cpu;

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
        for (int i = from; i < to; i++) {
            float x = gate[i];
            gate[i] = x / (1 + (float) Math.exp(-x)) * up[i];
        }
    }
}
