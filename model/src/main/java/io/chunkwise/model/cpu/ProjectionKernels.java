package io.chunkwise.model.cpu;

import io.chunkwise.model.format.BlockCodec;
import io.chunkwise.model.format.TensorView;

/** Products of activations with base weights, which stay in the number format and place they are mapped in. */
final class ProjectionKernels {

    private ProjectionKernels() {
    }

    /**
     * out[r, o] = Σ_i weight[o, i] · in[r, i], for outputs [from, to); added to out where {@code accumulate}
     *
     * @param weight in         [outputs, inputs]
     * @param in     in         [rows, inputs]
     * @param out    out/in+out [rows, outputs]
     */
    static void project(TensorView weight, float[] in, float[] out, boolean accumulate, int rows, int from, int to) {
        int inputs = weight.columns();
        int outputs = weight.rows();
        float[] decoded = new float[inputs];
        for (int o = from; o < to; o++) {
            BlockCodec.decode(weight.type(), weight.data(), (long) o * inputs, decoded, 0, inputs);
            for (int row = 0; row < rows; row++) {
                float sum = 0;
                for (int i = 0; i < inputs; i++) {
                    sum += decoded[i] * in[row * inputs + i];
                }
                out[row * outputs + o] = accumulate ? out[row * outputs + o] + sum : sum;
            }
        }
    }
}
