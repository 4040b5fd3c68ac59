package io.chunkwise.model.cpu;

/** The low-rank update of an adapter (arXiv:2106.09685) with a gain per row and component group. */
final class LowRankKernels {

    private LowRankKernels() {
    }

    /**
     * hidden[r, k] = gain[r, group(k)] · Σ_i down[k, i] · in[r, i], for components [from, to)
     *
     * @param down      in  [rank, inputs]
     * @param in        in  [rows, inputs]
     * @param component in  [rows, rank] gain of each component
     * @param hidden    out [rows, rank]
     */
    static void projectDown(float[] down, float[] in, float[] componentGain, float[] hidden, int rows, int inputs, int rank, int from, int to) {
        for (int row = 0; row < rows; row++) {
            for (int k = from; k < to; k++) {
                float gain = componentGain[row * rank + k];
                float sum = 0;
                if (gain != 0) {
                    for (int i = 0; i < inputs; i++) {
                        sum += down[k * inputs + i] * in[row * inputs + i];
                    }
                }
                hidden[row * rank + k] = gain * sum;
            }
        }
    }

    /**
     * out[r, o] += Σ_k hidden[r, k] · up[k, o], for outputs [from, to)
     *
     * @param up     in     [rank, outputs]
     * @param hidden in     [rows, rank]
     * @param out    in+out [rows, outputs]
     */
    static void addUp(float[] up, float[] hidden, float[] out, int rows, int outputs, int rank, int from, int to) {
        for (int row = 0; row < rows; row++) {
            for (int k = 0; k < rank; k++) {
                float h = hidden[row * rank + k];
                if (h != 0) {
                    for (int o = from; o < to; o++) {
                        out[row * outputs + o] += h * up[k * outputs + o];
                    }
                }
            }
        }
    }
}
