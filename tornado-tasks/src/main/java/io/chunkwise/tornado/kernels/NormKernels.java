package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Root-mean-square norm. */
public final class NormKernels {

    private NormKernels() {
    }

    /**
     * out[r, i] = in[f + r, i] · gain[l, i] / √(mean_i(in[f + r, i]²) + ε), with f the first row and l the layer; one
     * thread per row.
     *
     * @param control     in  rows, first row, layer
     * @param in          in  [rowCapacity, width]
     * @param gain        in  [layers, width]
     * @param out         out [rowCapacity, width]
     * @param layerStride elements between two layers of {@code gain}; 0 if there is one for all
     */
    public static void normalizeRows(IntArray control, FloatArray in, FloatArray gain, FloatArray out,
            int width, float epsilon, int layerStride) {
        int rows = control.get(Control.ROWS);
        int first = control.get(Control.FIRST_ROW);
        int gains = control.get(Control.LAYER) * layerStride;
        for (@Parallel int row = 0; row < rows; row++) {
            int from = (first + row) * width;
            float squares = 0f;
            for (int i = 0; i < width; i++) {
                float value = in.get(from + i);
                squares += value * value;
            }
            float inverse = 1f / TornadoMath.sqrt(squares / width + epsilon);
            for (int i = 0; i < width; i++) {
                out.set(row * width + i, in.get(from + i) * inverse * gain.get(gains + i));
            }
        }
    }

    /** As {@link #normalizeRows}, one group of {@code lanes} threads (a power of two) per row. */
    public static void normalizeRowsGrouped(KernelContext context, IntArray control, FloatArray in, FloatArray gain, FloatArray out,
            int width, float epsilon, int layerStride, int lanes) {
        int row = context.groupIdx;
        int lane = context.localIdx;
        if (row >= control.get(Control.ROWS)) {
            return;
        }
        int from = (control.get(Control.FIRST_ROW) + row) * width;
        int gains = control.get(Control.LAYER) * layerStride;
        float[] partial = context.allocateFloatLocalArray(lanes);
        float squares = 0f;
        for (int i = lane; i < width; i += lanes) {
            float value = in.get(from + i);
            squares += value * value;
        }
        partial[lane] = squares;
        for (int stride = lanes / 2; stride > 0; stride /= 2) {
            context.localBarrier();
            if (lane < stride) {
                partial[lane] += partial[lane + stride];
            }
        }
        context.localBarrier();
        float inverse = 1f / TornadoMath.sqrt(partial[0] / width + epsilon);
        for (int i = lane; i < width; i += lanes) {
            out.set(row * width + i, in.get(from + i) * inverse * gain.get(gains + i));
        }
    }
}
