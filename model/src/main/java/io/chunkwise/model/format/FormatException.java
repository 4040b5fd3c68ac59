package io.chunkwise.model.format;

/**
 * A file that is malformed, or has something that is not supported. The message is one line for the person at the
 * terminal: which file, where in it, what is wrong, and what to do.
 *
 * <p>Example: {@code adapter_model.safetensors: 'layers.3.self_attn.q_proj.lora_A.weight' is [16, 2048], expected
 * [16, 4096]. The adapter belongs to another base model; see base_model_name_or_path in adapter_config.json.}
 *
 * <p>Messages quote what malformed files contain. Control characters and line breaks in them are shown as U+FFFD, and
 * a message longer than {@value #LONGEST_MESSAGE} characters is cut.
 */
public final class FormatException extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private static final int LONGEST_MESSAGE = 1000;

    /**
     * @param file    name (or path as the user gave it) of the file
     * @param problem what is wrong and where, and what to do; one line
     */
    public FormatException(String file, String problem) {
        super(oneLine(file + ": " + problem));
    }

    public FormatException(String file, String problem, Throwable cause) {
        super(oneLine(file + ": " + problem), cause);
    }

    private static String oneLine(String message) {
        String shown = message.length() <= LONGEST_MESSAGE ? message : message.substring(0, LONGEST_MESSAGE - 1) + '…';
        return shown.replaceAll("[\\p{Cntrl}\\x{80}-\\x{9F}\\x{2028}\\x{2029}\\x{202A}-\\x{202E}]", "\uFFFD");
    }
}
