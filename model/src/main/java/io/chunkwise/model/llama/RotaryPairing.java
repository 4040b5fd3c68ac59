package io.chunkwise.model.llama;

/** Which two elements of a head are rotated together. It follows from the file, not from the model. */
public enum RotaryPairing {
    /** Elements i and i + headDim/2: Hugging Face files, and Qwen2 in GGUF. */
    HALVES,
    /** Elements 2i and 2i + 1: llama-architecture GGUF files, whose query and key rows are permuted for it. */
    NEIGHBOURS
}
