package io.chunkwise.model.cpu;

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
        for (int row = from; row < to; row++) {
            int at = row * width;
            float sum = 0;
            for (int i = 0; i < width; i++) {
                sum += in[at + i] * in[at + i];
            }
            float scale = (float) (1 / Math.sqrt(sum / width + epsilon));
            for (int i = 0; i < width; i++) {
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
