package io.chunkwise.model.forward;

import io.chunkwise.model.llama.LlamaConfig;
import java.util.List;

/** The place of a weight in the model. Projections are [outputs, inputs], biases and norms are [width]. */
public enum WeightRole {
    EMBEDDING, // [vocab, hidden]
    ATTENTION_NORM, QUERY, QUERY_BIAS, KEY, KEY_BIAS, VALUE, VALUE_BIAS, ATTENTION_OUTPUT,
    FFN_NORM, GATE, UP, DOWN,
    FINAL_NORM,
    OUTPUT; // [vocab, hidden]; the embedding again where the model ties them

    /** The seven projections that an adapter may attach to, in the order of the forward pass. */
    public static final List<WeightRole> ADAPTABLE = List.of(QUERY, KEY, VALUE, ATTENTION_OUTPUT, GATE, UP, DOWN);

    /** Whether there is one per layer (else one per model, stored as layer 0). */
    public boolean isPerLayer() {
        return switch (this) {
            case EMBEDDING, FINAL_NORM, OUTPUT -> false;
            case ATTENTION_NORM, QUERY, QUERY_BIAS, KEY, KEY_BIAS, VALUE, VALUE_BIAS, ATTENTION_OUTPUT, FFN_NORM, GATE, UP, DOWN -> true;
        };
    }

    /** Shape in the given model, row-major, slowest first; one entry for norms and biases. */
    public List<Long> shape(LlamaConfig config) {
        long hidden = config.hiddenSize();
        return switch (this) {
            case EMBEDDING, OUTPUT -> List.of((long) config.vocabSize(), hidden);
            case ATTENTION_NORM, FFN_NORM, FINAL_NORM -> List.of(hidden);
            case QUERY -> List.of((long) config.queryDim(), hidden);
            case KEY, VALUE -> List.of((long) config.kvDim(), hidden);
            case QUERY_BIAS -> List.of((long) config.queryDim());
            case KEY_BIAS, VALUE_BIAS -> List.of((long) config.kvDim());
            case ATTENTION_OUTPUT -> List.of(hidden, (long) config.queryDim());
            case GATE, UP -> List.of((long) config.ffnSize(), hidden);
            case DOWN -> List.of(hidden, (long) config.ffnSize());
        };
    }

    /** Whether the given model has this weight as a tensor of its own. */
    public boolean isPresent(LlamaConfig config) {
        return switch (this) {
            case QUERY_BIAS, KEY_BIAS, VALUE_BIAS -> config.biasedQkv();
            case OUTPUT -> !config.tiedOutput();
            case EMBEDDING, ATTENTION_NORM, QUERY, KEY, VALUE, ATTENTION_OUTPUT, FFN_NORM, GATE, UP, DOWN, FINAL_NORM -> true;
        };
    }
}
