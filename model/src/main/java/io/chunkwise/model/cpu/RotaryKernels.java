package io.chunkwise.model.cpu;

import io.chunkwise.model.llama.RotaryPairing;
import io.chunkwise.model.llama.RotaryTable;

/** Rotary position embedding (arXiv:2104.09864). */
final class RotaryKernels {

    private RotaryKernels() {
    }

    /**
     * Turns each pair (a, b) of every head by its position's angle: (a·cos − b·sin, a·sin + b·cos), for rows [from, to).
     *
     * @param queryOrKey in+out [rows, heads · headDim]
     * @param position   of row 0
     */
    static void turn(float[] queryOrKey, RotaryTable table, RotaryPairing pairing, int position, int from, int to, int heads, int headDim) {
        float[] cosine = table.cosine();
        float[] sine = table.sine();
        int half = headDim / 2;
        // Pair i is the elements i · step and i · step + apart of a head.
        int step = pairing == RotaryPairing.HALVES ? 1 : 2;
        int apart = pairing == RotaryPairing.HALVES ? half : 1;
        for (int row = from; row < to; row++) {
            int angles = (position + row) * half;
            for (int head = row * heads; head < (row + 1) * heads; head++) {
                for (int i = 0; i < half; i++) {
                    int at = head * headDim + i * step;
                    float a = queryOrKey[at];
                    float b = queryOrKey[at + apart];
                    queryOrKey[at] = a * cosine[angles + i] - b * sine[angles + i];
                    queryOrKey[at + apart] = a * sine[angles + i] + b * cosine[angles + i];
                }
            }
        }
    }
}
