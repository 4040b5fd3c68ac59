/**
 * Text to token ids and back: {@code tokenizer.json} (byte-level BPE, through the HuggingFace tokenizers library),
 * SentencePiece BPE ({@code tokenizer.model}), and the vocabularies inside GGUF files. Knows no model and no weights.
 *
 * <p>Special tokens that are typed in a text: a {@code tokenizer.json} (and a GGUF byte-level vocabulary, which becomes
 * one) recognises them, as its library does everywhere, so a chat template can be written out. SentencePiece does not:
 * there {@code <s>} is three characters of text, as in the original library and in llama.cpp with parse_special off;
 * transformers' slow tokenizer differs.
 */
package io.chunkwise.model.tokenizer;
