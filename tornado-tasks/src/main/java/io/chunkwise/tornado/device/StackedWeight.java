package io.chunkwise.tornado.device;

import io.chunkwise.model.format.TensorView;
import java.util.List;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/** One kind of weight of all layers in one array, [layers, outputs, inputs], in the number format of the file. */
public sealed interface StackedWeight {

    /**
     * Stacks the matrices of all layers; copied.
     *
     * @param name in errors
     * @throws io.chunkwise.model.forward.ExecutorException if their number formats differ, or the stack is too large
     */
    static StackedWeight of(String name, List<TensorView> layers, WeightLayout layout) {
        StackedWeight weight = new WeightStacking(layout).matrices(name, layers);
        WeightStacking.fill(weight, layers);
        return weight;
    }

    /** What is uploaded. */
    List<TornadoNativeArray> arrays();

    record F32(FloatArray values) implements StackedWeight {
        @Override
        public List<TornadoNativeArray> arrays() {
            return List.of(values);
        }
    }

    /**
     * F16 or BF16.
     *
     * @param table        [2^(16 - mantissaBits)] sign · 2^(exponent - bias - mantissaBits)
     * @param mantissaBits 10 or 7
     */
    record F16(ShortArray bits, FloatArray table, int mantissaBits) implements StackedWeight {
        @Override
        public List<TornadoNativeArray> arrays() {
            return List.of(bits, table);
        }
    }

    /** F16 for kernels in grouped form of devices that have a half type. */
    record NativeF16(HalfFloatArray values) implements StackedWeight {
        @Override
        public List<TornadoNativeArray> arrays() {
            return List.of(values);
        }
    }

    /**
     * @param quants [layers, outputs, inputs / 4], eight ints per block: int j has elements j, j + 8, j + 16 and j + 24, the first in its
     *               lowest byte, so that the same byte of eight ints are neighbours
     * @param scales [layers, outputs, inputs / 32]
     */
    record Q8(IntArray quants, FloatArray scales) implements StackedWeight {
        @Override
        public List<TornadoNativeArray> arrays() {
            return List.of(quants, scales);
        }
    }

    /**
     * Q4_0 for kernels in threaded form.
     *
     * @param nibbles [layers, outputs, inputs / 2], 16 bytes per block: byte i has elements i and i + 16, each plus 8, the first in its
     *                lower half
     * @param scales  [layers, outputs, inputs / 32]
     */
    record Q4(ByteArray nibbles, FloatArray scales) implements StackedWeight {
        @Override
        public List<TornadoNativeArray> arrays() {
            return List.of(nibbles, scales);
        }
    }

    /**
     * Q4_0 for kernels in grouped form.
     *
     * @param quants [layers, outputs, inputs / 8], four ints per block: int j has elements j, j + 4, …, j + 28, each plus 8, the first in
     *               its lowest four bits
     * @param scales [layers, outputs, inputs / 32]
     */
    record PackedQ4(IntArray quants, FloatArray scales) implements StackedWeight {
        @Override
        public List<TornadoNativeArray> arrays() {
            return List.of(quants, scales);
        }
    }
}
