package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Multiplication with the normalised Hadamard matrix, by the fast Walsh-Hadamard transform. */
public final class HadamardKernels {

    private HadamardKernels() {
    }

    /**
     * x[r, h, b] := H · x[r, h, b] / √block for every block b of a head, H[i, j] = (−1)^(bits that i and j share); one thread per row
     * and head.
     *
     * @param control in     rows
     * @param x       in+out [rowCapacity, heads, headDim]
     * @param block   the largest power of two that divides {@code headDim}
     */
    public static void transformHeads(IntArray control, FloatArray x, int heads, int headDim, int block) {
        int count = control.get(Control.ROWS) * heads;
        float norm = 1f / TornadoMath.sqrt((float) block);
        for (@Parallel int index = 0; index < count; index++) {
            int at = index * headDim;
            for (int stride = 1; stride < block; stride *= 2) {
                for (int pair = 0; pair < headDim / 2; pair++) {
                    int a = at + pair / stride * 2 * stride + pair % stride;
                    float first = x.get(a);
                    float second = x.get(a + stride);
                    x.set(a, first + second);
                    x.set(a + stride, first - second);
                }
            }
            for (int i = 0; i < headDim; i++) {
                x.set(at + i, x.get(at + i) * norm);
            }
        }
    }

    /** As {@link #transformHeads}, one group of {@code lanes} threads per row and head. */
    public static void transformHeadsGrouped(KernelContext context, IntArray control, FloatArray x, int heads, int headDim, int block,
            int lanes) {
        int index = context.groupIdx;
        int lane = context.localIdx;
        if (index >= control.get(Control.ROWS) * heads) {
            return;
        }
        float[] head = context.allocateFloatLocalArray(headDim);
        for (int i = lane; i < headDim; i += lanes) {
            head[i] = x.get(index * headDim + i);
        }
        context.localBarrier();
        for (int stride = 1; stride < block; stride *= 2) {
            for (int pair = lane; pair < headDim / 2; pair += lanes) {
                int a = pair / stride * 2 * stride + pair % stride;
                float first = head[a];
                float second = head[a + stride];
                head[a] = first + second;
                head[a + stride] = first - second;
            }
            context.localBarrier();
        }
        float norm = 1f / TornadoMath.sqrt((float) block);
        for (int i = lane; i < headDim; i += lanes) {
            x.set(index * headDim + i, head[i] * norm);
        }
    }
}
