package io.chunkwise.model.cpu;

/** The fast Walsh-Hadamard transform of heads. */
final class HadamardKernels {

    private HadamardKernels() {
    }

    /**
     * Multiplies blocks of every head by the normalised Hadamard matrix, for rows [from, to). Blocks are as long as the largest
     * power of two that divides the head dimension.
     *
     * @param values in+out [rows, heads · headDim]
     */
    static void multiply(float[] values, int from, int to, int width, int headDim) {
        int block = Integer.lowestOneBit(headDim);
        float norm = (float) (1 / Math.sqrt(block));
        for (int at = from * width; at < to * width; at += block) {
            for (int half = 1; half < block; half *= 2) {
                for (int pair = at; pair < at + block; pair += 2 * half) {
                    for (int i = pair; i < pair + half; i++) {
                        float a = values[i];
                        float b = values[i + half];
                        values[i] = a + b;
                        values[i + half] = a - b;
                    }
                }
            }
            for (int i = at; i < at + block; i++) {
                values[i] *= norm;
            }
        }
    }
}
