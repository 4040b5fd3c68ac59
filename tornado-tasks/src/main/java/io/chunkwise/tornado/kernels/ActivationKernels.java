package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Element-wise kernels. */
public final class ActivationKernels {

    private ActivationKernels() {
    }

    /**
     * gate[r, i] = silu(gate[r, i]) · up[r, i], with silu(x) = x / (1 + e⁻ˣ)
     *
     * @param control in     rows
     * @param up      in     [rowCapacity, width]
     * @param gate    in+out [rowCapacity, width]
     */
    public static void multiplySilu(IntArray control, FloatArray up, FloatArray gate, int width) {
        int count = control.get(Control.ROWS) * width;
        for (@Parallel int index = 0; index < count; index++) {
            float value = gate.get(index);
            gate.set(index, value / (1f + TornadoMath.exp(-value)) * up.get(index));
        }
    }

    /**
     * out[r, i] += bias[l, i], with l the layer
     *
     * @param control in     rows, layer
     * @param bias    in     [layers, width]
     * @param out     in+out [rowCapacity, width]
     */
    public static void addBias(IntArray control, FloatArray bias, FloatArray out, int width) {
        int count = control.get(Control.ROWS) * width;
        int from = control.get(Control.LAYER) * width;
        for (@Parallel int index = 0; index < count; index++) {
            out.set(index, out.get(index) + bias.get(from + index % width));
        }
    }
}
