package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Writes to the key/value cache. */
public final class KvKernels {

    private KvKernels() {
    }

    /**
     * keys[l, p + r, i] = key[r, i]; values[l, p + r, i] = value[r, i], with l the layer and p the position of row 0
     *
     * @param control in  rows, position, layer
     * @param key     in  [rowCapacity, kvDim]
     * @param value   in  [rowCapacity, kvDim]
     * @param keys    out [layers, context, kvDim]
     * @param values  out [layers, context, kvDim]
     */
    public static void appendToCache(IntArray control, FloatArray key, FloatArray value, FloatArray keys, FloatArray values,
            int kvDim, int context) {
        int count = control.get(Control.ROWS) * kvDim;
        int to = (control.get(Control.LAYER) * context + control.get(Control.POSITION)) * kvDim;
        for (@Parallel int index = 0; index < count; index++) {
            keys.set(to + index, key.get(index));
            values.set(to + index, value.get(index));
        }
    }
}
