package io.chunkwise.model.forward;

/** How activations meet quantized base weights and components while text is decoded. */
public enum ActivationFormat {
    /** What an executor is fastest with: integers where it has them, floats otherwise. */
    AUTO,
    /** As they are: the model agrees with exact arithmetic on its weights up to float rounding. */
    FLOAT,
    /**
     * Rounded to integers of 8 bits, a scale for each block of 32, beside Q8_0 and Q4_0. Faster, and about as exact as other
     * engines that round activations. Such weights are copied into an order of their own when a model is opened, and what they were
     * copied from is not read again. Floats all the same: prompts, and models so small that they run without vectors.
     */
    INTEGER
}
