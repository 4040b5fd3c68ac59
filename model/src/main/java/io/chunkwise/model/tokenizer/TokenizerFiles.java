package io.chunkwise.model.tokenizer;

import io.chunkwise.model.format.FormatException;
import io.chunkwise.model.format.gguf.GgufFile;
import java.nio.file.Files;
import java.nio.file.Path;

/** Finds the tokenizer of a model. */
public final class TokenizerFiles {

    private TokenizerFiles() {
    }

    /** The tokenizer beside a model. */
    public static Tokenizer ofDirectory(Path modelDirectory) {
        if (!Files.exists(modelDirectory.resolve("tokenizer.json")) && !Files.exists(modelDirectory.resolve("tokenizer.model"))) {
            throw new FormatException(modelDirectory.toString(), "has neither tokenizer.json nor tokenizer.model");
        }
        return new Unread(0);
    }

    /** The tokenizer inside a GGUF file. */
    public static Tokenizer ofGguf(GgufFile file) {
        return new Unread(file.strings("tokenizer.ggml.tokens")
                .orElseThrow(() -> new FormatException(file.name(), "'tokenizer.ggml.tokens' is missing")).size());
    }

    private record Unread(int vocabSize) implements Tokenizer {

        @Override
        public int[] encode(String text, boolean addSpecial) {
            throw new UnsupportedOperationException();
        }

        @Override
        public String decode(int[] ids) {
            throw new UnsupportedOperationException();
        }

        @Override
        public String piece(int id) {
            throw new UnsupportedOperationException();
        }
    }
}
