package io.chunkwise.model.tokenizer;

/** Text to token ids and back, exactly as the model was trained with. Safe for use by several threads. */
public interface Tokenizer {

    /** Number of ids; a model's embedding may have more rows (padding), never fewer. */
    int vocabSize();

    /**
     * The ids of a text.
     *
     * @param addSpecial put the special tokens around it that the model expects around a text (usually BOS first)
     */
    int[] encode(String text, boolean addSpecial);

    /**
     * The text of some ids, special tokens left out. Bytes that are not UTF-8 become U+FFFD.
     *
     * @throws IllegalArgumentException on an id outside the vocabulary
     */
    String decode(int[] ids);

    /** The vocabulary entry of an id as it is stored, for tables and traces ("▁the", "Ġthe"). */
    String piece(int id);
}
