package io.chunkwise.model.forward;

import io.chunkwise.model.llama.LlamaConfig;

/** The buffers of a pass, each [rows, width(config)] floats, row-major. */
public enum Activation {
    /** The residual stream: what every block adds to. */
    RESIDUAL,
    NORMED,
    QUERY,
    KEY,
    VALUE,
    ATTENDED,
    GATE,
    UP,
    /** Next-token logits; filled for the rows whose logits were asked for. */
    LOGITS;

    public int width(LlamaConfig config) {
        return switch (this) {
            case RESIDUAL, NORMED -> config.hiddenSize();
            case QUERY, ATTENDED -> config.queryDim();
            case KEY, VALUE -> config.kvDim();
            case GATE, UP -> config.ffnSize();
            case LOGITS -> config.vocabSize();
        };
    }
}
