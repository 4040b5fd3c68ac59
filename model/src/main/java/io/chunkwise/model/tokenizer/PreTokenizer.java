package io.chunkwise.model.tokenizer;

import io.chunkwise.model.format.FormatException;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * How a byte-level BPE vocabulary cuts a text into words before merging, by the name that GGUF files give it
 * ({@code tokenizer.ggml.pre}). Patterns are those of the models' published tokenizer.json files; "default" is
 * llama.cpp's.
 *
 * @param names        of models that cut like this
 * @param patterns     applied one after the other; what a pattern matches, and what is between matches, are pieces
 * @param composes     the text is brought into Unicode form NFC first
 * @param ignoreMerges a word that is in the vocabulary is that token, whatever the merges say
 * @param addBos       whether BOS goes before a text where the file does not say
 */
record PreTokenizer(List<String> names, List<String> patterns, boolean composes, boolean ignoreMerges, boolean addBos) {
    private static final String GPT2_WORDS = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
    private static final String DIGIT_GROUPS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"
            + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    private static final String SINGLE_DIGITS = DIGIT_GROUPS.replace("{1,3}", "");
    private static final String TEKKEN_LETTERS = "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
    private static final String TEKKEN = TEKKEN_LETTERS + "*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+|" + TEKKEN_LETTERS
            + "+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

    private static final List<PreTokenizer> KNOWN = List.of(
            new PreTokenizer(List.of("llama-bpe", "llama3", "llama-v3"), List.of(DIGIT_GROUPS), false, true, true),
            new PreTokenizer(List.of("qwen2", "deepseek-r1-qwen"), List.of(SINGLE_DIGITS), true, false, false),
            new PreTokenizer(List.of("gpt-2"), List.of(GPT2_WORDS), false, false, false),
            new PreTokenizer(List.of("smollm"), List.of("\\p{N}", GPT2_WORDS), false, false, false),
            new PreTokenizer(List.of("tekken"), List.of(TEKKEN), false, true, true),
            new PreTokenizer(List.of("default"), List.of("[\\p{P}\\$\\+<=>\\^~\\|]+", GPT2_WORDS, "\\p{N}+", "[0-9][0-9][0-9]"),
                    false, false, false));

    /** @throws FormatException if the name is not known */
    static PreTokenizer named(String file, String name) {
        return KNOWN.stream().filter(known -> known.names().contains(name)).findFirst()
                .orElseThrow(() -> new FormatException(file, "the pre-tokenizer '" + name
                        + "' (tokenizer.ggml.pre) is not supported; supported: "
                        + KNOWN.stream().flatMap(known -> known.names().stream())
                        .collect(Collectors.collectingAndThen(Collectors.toCollection(TreeSet::new), known -> String.join(", ", known)))));
    }
}
