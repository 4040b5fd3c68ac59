package io.chunkwise.model.llama;

/** The architectures of the LLaMA family that the forward pass describes; they differ in biases and defaults only. */
public enum LlamaArchitecture {
    /** Llama 1, 2, 3, 3.1, 3.2. */
    LLAMA,
    /** Mistral; optionally with sliding-window attention. */
    MISTRAL,
    /** Qwen2 and Qwen2.5: biases on the query, key and value projections. */
    QWEN2
}
