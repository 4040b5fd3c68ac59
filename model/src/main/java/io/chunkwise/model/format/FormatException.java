package io.chunkwise.model.format;

/**
 * A file that is malformed, or has something that is not supported. The message is one line for the person at the
 * terminal: which file, where in it, what is wrong, and what to do.
 *
 * <p>Example: {@code adapter_model.safetensors: 'layers.3.self_attn.q_proj.lora_A.weight' is [16, 2048], expected
 * [16, 4096]. The adapter belongs to another base model; see base_model_name_or_path in adapter_config.json.}
 */
public final class FormatException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /**
     * @param file    name (or path as the user gave it) of the file
     * @param problem what is wrong and where, and what to do; one line
     */
    public FormatException(String file, String problem) {
        super(file + ": " + problem);
    }

    public FormatException(String file, String problem, Throwable cause) {
        super(file + ": " + problem, cause);
    }
}
