package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Entropies of rows in two stages: parts of the vocabulary first, then rows. */
public final class StatisticsKernels {
    /** Floats per row and part: the largest logit m, Σ e^(x − m), Σ e^(x − m) · (x − m). */
    public static final int PART = 3;
    /** Floats per row that come back: entropy of the next token, of attention. */
    public static final int RESULT = 2;

    private StatisticsKernels() {
    }

    /**
     * sums[r, t] = largest, total and weighted sum of logits[r, i] with i ≡ t modulo {@code parts}; one thread per row and part.
     *
     * @param control in  rows
     * @param logits  in  [rows, vocab]
     * @param sums    out [rows, parts, PART]
     */
    public static void sumPartsOfVocabulary(IntArray control, FloatArray logits, FloatArray sums, int vocab, int parts) {
        int count = control.get(Control.ROWS) * parts;
        for (@Parallel int index = 0; index < count; index++) {
            int row = index / parts;
            int part = index - row * parts;
            float largest = -1e30f;
            for (int id = part; id < vocab; id += parts) {
                largest = TornadoMath.max(largest, logits.get(row * vocab + id));
            }
            float total = 0f;
            float weighted = 0f;
            for (int id = part; id < vocab; id += parts) {
                float lower = logits.get(row * vocab + id) - largest;
                float weight = TornadoMath.exp(lower);
                total += weight;
                weighted += weight * lower;
            }
            sums.set(index * PART, largest);
            sums.set(index * PART + 1, total);
            sums.set(index * PART + 2, weighted);
        }
    }

    /**
     * result[r] = entropy of softmax(logits[r]) over ln(vocab); mean over heads of the entropies in softmax[f + r], with f the first
     * row. One thread per row.
     *
     * @param control in  rows, first row
     * @param sums    in  [rows, parts, PART]
     * @param softmax in  [rowCapacity, heads, 3]   of {@link AttentionKernels#attendPages}
     * @param result  out [rows, RESULT]
     */
    public static void describeRows(IntArray control, FloatArray sums, FloatArray softmax, FloatArray result, int vocab, int parts,
            int heads) {
        int rows = control.get(Control.ROWS);
        int first = control.get(Control.FIRST_ROW);
        for (@Parallel int row = 0; row < rows; row++) {
            float largest = -1e30f;
            for (int part = 0; part < parts; part++) {
                largest = TornadoMath.max(largest, sums.get((row * parts + part) * PART));
            }
            float total = 0f;
            float weighted = 0f;
            for (int part = 0; part < parts; part++) {
                int at = (row * parts + part) * PART;
                // A part without tokens has total 0 and the lowest maximum.
                float lower = sums.get(at) - largest;
                float shrink = TornadoMath.exp(lower);
                float partTotal = sums.get(at + 1);
                total += partTotal * shrink;
                weighted += (sums.get(at + 2) + partTotal * lower) * shrink;
            }
            float attention = 0f;
            for (int head = 0; head < heads; head++) {
                attention += softmax.get(((first + row) * heads + head) * Page.SOFTMAX + Page.ENTROPY);
            }
            result.set(row * RESULT, AttentionKernels.relativeEntropy(total, weighted, vocab));
            result.set(row * RESULT + 1, attention / heads);
        }
    }
}
