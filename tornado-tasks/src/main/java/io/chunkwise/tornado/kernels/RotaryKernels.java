package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Rotary position embedding (arXiv:2104.09864). */
public final class RotaryKernels {

    private RotaryKernels() {
    }

    /**
     * (x[r, h, a], x[r, h, b]) turned by the angle of position p + r and pair i, with a = i · pairStep, b = a + pairGap:
     * step 1 and gap headDim/2 rotate halves, step 2 and gap 1 rotate neighbours.
     *
     * @param control in     rows, position p of row 0
     * @param angles  in     [positions, headDim / 2, 2]   cosine, sine
     * @param x       in+out [rowCapacity, heads, headDim]
     */
    public static void rotateHeads(IntArray control, FloatArray angles, FloatArray x,
            int heads, int headDim, int pairStep, int pairGap) {
        int pairs = headDim / 2;
        int rowPairs = heads * pairs;
        int position = control.get(Control.POSITION);
        int count = control.get(Control.ROWS) * rowPairs;
        for (@Parallel int index = 0; index < count; index++) {
            int row = index / rowPairs;
            int head = (index - row * rowPairs) / pairs;
            int pair = index % pairs;
            int angle = (position + row) * pairs + pair;
            int a = (row * heads + head) * headDim + pair * pairStep;
            int b = a + pairGap;
            float first = x.get(a);
            float second = x.get(b);
            float cos = angles.get(angle * 2);
            float sin = angles.get(angle * 2 + 1);
            x.set(a, first * cos - second * sin);
            x.set(b, first * sin + second * cos);
        }
    }
}
