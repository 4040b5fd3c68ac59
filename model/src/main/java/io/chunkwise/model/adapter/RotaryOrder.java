package io.chunkwise.model.adapter;

import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.RotaryPairing;

/**
 * The order of the rows that the query and key projections put out. Files disagree on it ({@link RotaryPairing}), and an
 * adapter has to follow its base: with heads of width d, element i of half j of a head is row {@code j · d/2 + i} in
 * HALVES order and row {@code 2i + j} in NEIGHBOURS order.
 */
public final class RotaryOrder {

    private RotaryOrder() {
    }

    /**
     * A pair with its output rows in another order. Only {@code up} changes, and only at query and key sites; otherwise
     * the pair itself is returned.
     */
    public static LowRankPair reorder(AdapterSite site, LowRankPair pair, LlamaConfig config, RotaryPairing from, RotaryPairing to) {
        if (from == to) {
            return pair;
        }
        return switch (site.role()) {
            case QUERY, KEY -> new LowRankPair(pair.rank(), pair.inputs(), pair.outputs(), pair.down(),
                    reorderRows(pair.up(), pair.rank(), config.headDim(), to), pair.groupEnd());
            case VALUE, ATTENTION_OUTPUT, GATE, UP, DOWN, EMBEDDING, ATTENTION_NORM, QUERY_BIAS, KEY_BIAS, VALUE_BIAS, FFN_NORM,
                    FINAL_NORM, OUTPUT -> pair;
        };
    }

    // rows: [heads * headDim, width] in the other order than the one wanted
    private static float[] reorderRows(float[] rows, int width, int headDim, RotaryPairing to) {
        float[] out = new float[rows.length];
        int half = headDim / 2;
        for (int head = 0; head < rows.length / width; head += headDim) {
            for (int j = 0; j < 2; j++) {
                for (int i = 0; i < half; i++) {
                    int inHalves = head + j * half + i;
                    int inNeighbours = head + 2 * i + j;
                    switch (to) {
                        case HALVES -> System.arraycopy(rows, inNeighbours * width, out, inHalves * width, width);
                        case NEIGHBOURS -> System.arraycopy(rows, inHalves * width, out, inNeighbours * width, width);
                    }
                }
            }
        }
        return out;
    }
}
