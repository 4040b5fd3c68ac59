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

    /**
     * Turns the keys of a page back by a position's angles: (a·cos + b·sin, b·cos − a·sin).
     *
     * @param keys in+out [kvHeads, headDim, TOKENS]
     */
    static void turnBack(float[] keys, RotaryTable table, RotaryPairing pairing, int position, int kvHeads, int headDim) {
        int half = headDim / 2;
        int step = pairing == RotaryPairing.HALVES ? 1 : 2;
        int apart = pairing == RotaryPairing.HALVES ? half : 1;
        for (int head = 0; head < kvHeads; head++) {
            for (int i = 0; i < half; i++) {
                float cosine = table.cosine()[position * half + i];
                float sine = table.sine()[position * half + i];
                int first = (head * headDim + i * step) * PageShape.TOKENS;
                int second = first + apart * PageShape.TOKENS;
                for (int p = 0; p < PageShape.TOKENS; p++) {
                    float a = keys[first + p];
                    float b = keys[second + p];
                    keys[first + p] = a * cosine + b * sine;
                    keys[second + p] = b * cosine - a * sine;
                }
            }
        }
    }
}
