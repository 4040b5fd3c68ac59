package io.chunkwise.model.tokenizer;

import io.chunkwise.model.format.FormatException;
import io.chunkwise.model.format.MappedFile;
import io.chunkwise.model.format.gguf.GgufFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Opens the tokenizer of a model. */
public final class TokenizerFiles {
    private static final long MAX_BYTES = 256L << 20; // the largest in use have some 30 MB

    private TokenizerFiles() {
    }

    /**
     * The tokenizer of a model directory: {@code tokenizer.json}, else {@code tokenizer.model}. Which special tokens go
     * around a text is taken from {@code tokenizer_config.json} where the tokenizer file leaves it open.
     *
     * @throws FormatException if there is neither file, or it is malformed or of an unsupported kind
     */
    public static Tokenizer ofDirectory(Path modelDirectory) {
        Path json = modelDirectory.resolve("tokenizer.json");
        Path sentencePiece = modelDirectory.resolve("tokenizer.model");
        TokenizerConfig config = TokenizerConfig.ofDirectory(modelDirectory);
        if (Files.exists(json)) {
            return JsonTokenizer.of(json.toString(), TokenizerJson.read(json.toString(), content(json), config));
        }
        if (Files.exists(sentencePiece)) {
            String file = sentencePiece.toString();
            return new SentencePieceTokenizer(file, SentencePieceFile.read(file, content(sentencePiece),
                    config.addBos().orElse(true), config.addEos().orElse(false)));
        }
        throw new FormatException(modelDirectory.toString(),
                "has neither tokenizer.json nor tokenizer.model. Copy the tokenizer of the model there.");
    }

    /**
     * The tokenizer whose vocabulary is inside a GGUF file.
     *
     * @throws FormatException if there is none, or it is malformed or of an unsupported kind
     */
    public static Tokenizer ofGguf(GgufFile file) {
        return GgufVocabulary.tokenizer(file);
    }

    /** @throws FormatException if the file cannot be read or is larger than any tokenizer */
    static byte[] content(Path file) {
        MappedFile.requireRegular(file);
        try {
            long size = Files.size(file);
            if (size > MAX_BYTES) {
                throw new FormatException(file.toString(), "is " + size + " bytes, more than any tokenizer has (" + MAX_BYTES + ")");
            }
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new FormatException(file.toString(), "cannot be read (" + e.getClass().getSimpleName() + ")", e);
        }
    }
}
