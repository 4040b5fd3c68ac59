package io.chunkwise.model.cpu;

import io.chunkwise.model.format.BlockCodec;
import io.chunkwise.model.format.TensorView;

/**
 * Projections and low-rank updates without vectors. Until the JIT compiler has got hold of it, a vector kernel is about a thousand
 * times slower than a plain loop; with a small model, a whole text would be written by then.
 */
final class PlainKernels {

    private PlainKernels() {
    }

    /**
     * out[r, o] = Σ_i weight[o, i] · in[r, i], for outputs [from, to); added to out where {@code accumulate}
     *
     * @param in      in         [rows, inputs]
     * @param decoded scratch    [inputs]
     * @param out     out/in+out [rows, weight.rows()]
     */
    static void project(TensorView weight, float[] in, int inputs, int rows, boolean accumulate, float[] decoded, float[] out, int from,
            int to) {
        int outputs = weight.rows();
        for (int o = from; o < to; o++) {
            BlockCodec.decode(weight.type(), weight.data(), (long) o * inputs, decoded, 0, inputs);
            for (int row = 0; row < rows; row++) {
                float sum = sumOfProducts(decoded, 0, in, row * inputs, inputs);
                int at = row * outputs + o;
                out[at] = accumulate ? out[at] + sum : sum;
            }
        }
    }

    /**
     * hidden[r, k] = Σ_i down[k, i] · in[r, i], for components [from, to)
     *
     * @param in      in      [rows, inputs]
     * @param decoded scratch [inputs]
     * @param hidden  out     [rows, rank]
     */
    static void projectDown(AttachedPair pair, float[] in, int rows, float[] decoded, float[] hidden, int from, int to) {
        int inputs = pair.inputs();
        for (int k = from; k < to; k++) {
            BlockCodec.decode(pair.type(), pair.down(), (long) k * inputs, decoded, 0, inputs);
            for (int row = 0; row < rows; row++) {
                hidden[row * pair.rank() + k] = sumOfProducts(decoded, 0, in, row * inputs, inputs);
            }
        }
    }

    /**
     * out[r, o] += Σ_{k < activeRank} hidden[r, k] · up[k, o], for the tile of outputs that begins at {@code first}
     *
     * @param hidden  in      [rows, rank], gains applied
     * @param decoded scratch [AttachedPair.TILE]
     * @param out     in+out  [rows, outputs]
     */
    static void addUp(AttachedPair pair, float[] hidden, int rows, int activeRank, float[] decoded, float[] out, int first) {
        int width = Math.min(AttachedPair.TILE, pair.outputs() - first);
        for (int k = 0; k < activeRank; k++) {
            BlockCodec.decode(pair.type(), pair.up(), pair.tileAt(first) + (long) k * width, decoded, 0, width);
            for (int row = 0; row < rows; row++) {
                float h = hidden[row * pair.rank() + k];
                int at = row * pair.outputs() + first;
                for (int o = 0; o < width; o++) {
                    out[at + o] += h * decoded[o];
                }
            }
        }
    }

    // Four sums hide the latency of an addition.
    private static float sumOfProducts(float[] a, int aAt, float[] b, int bAt, int count) {
        float s0 = 0;
        float s1 = 0;
        float s2 = 0;
        float s3 = 0;
        int i = 0;
        for (; i <= count - 4; i += 4) {
            s0 += a[aAt + i] * b[bAt + i];
            s1 += a[aAt + i + 1] * b[bAt + i + 1];
            s2 += a[aAt + i + 2] * b[bAt + i + 2];
            s3 += a[aAt + i + 3] * b[bAt + i + 3];
        }
        for (; i < count; i++) {
            s0 += a[aAt + i] * b[bAt + i];
        }
        return (s0 + s1) + (s2 + s3);
    }
}
