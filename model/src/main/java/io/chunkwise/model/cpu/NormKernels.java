package io.chunkwise.model.cpu;

import static io.chunkwise.model.cpu.Lanes.COUNT;
import static io.chunkwise.model.cpu.Lanes.FLOATS;

import jdk.incubator.vector.FloatVector;

/** Root-mean-square normalisation (arXiv:1910.07467) and biases. */
final class NormKernels {

    private NormKernels() {
    }

    /**
     * out[r, i] = in[r, i] · gain[i] / √(mean_i(in[r, i]²) + ε), for rows [from, to)
     *
     * @param in   in  [rows, width]
     * @param gain in  [width]
     * @param out  out [rows, width]
     */
    static void normalize(float[] in, float[] gain, float[] out, int from, int to, int width, float epsilon) {
        int whole = Lanes.roundDown(width);
        for (int row = from; row < to; row++) {
            int at = row * width;
            FloatVector squares = FloatVector.zero(FLOATS);
            for (int i = 0; i < whole; i += COUNT) {
                FloatVector x = FloatVector.fromArray(FLOATS, in, at + i);
                squares = x.fma(x, squares);
            }
            float sum = Lanes.sum(squares);
            for (int i = whole; i < width; i++) {
                sum += in[at + i] * in[at + i];
            }
            float scale = (float) (1 / Math.sqrt(sum / width + epsilon));
            for (int i = 0; i < whole; i += COUNT) {
                FloatVector.fromArray(FLOATS, in, at + i).mul(scale).mul(FloatVector.fromArray(FLOATS, gain, i)).intoArray(out, at + i);
            }
            for (int i = whole; i < width; i++) {
                out[at + i] = in[at + i] * scale * gain[i];
            }
        }
    }

    /**
     * out[r, o] += bias[o]
     *
     * @param bias in     [width]
     * @param out  in+out [rows, width]
     */
    static void addBias(float[] bias, float[] out, int rows) {
        for (int row = 0; row < rows; row++) {
            for (int i = 0; i < bias.length; i++) {
                out[row * bias.length + i] += bias[i];
            }
        }
    }
}
