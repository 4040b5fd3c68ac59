package io.chunkwise.model.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import io.chunkwise.model.format.FormatException;
import io.chunkwise.model.format.JsonFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * What {@code tokenizer_config.json} says about special tokens around a text; empty where it says nothing.
 *
 * @param addBos   whether {@code bosToken} goes before a text
 * @param addEos   whether {@code eosToken} goes after it
 * @param bosToken as text
 * @param eosToken as text
 */
record TokenizerConfig(Optional<Boolean> addBos, Optional<Boolean> addEos, Optional<String> bosToken, Optional<String> eosToken) {
    static final TokenizerConfig EMPTY = new TokenizerConfig(Optional.empty(), Optional.empty(), Optional.empty(), Optional.empty());

    /** @throws FormatException if the file is there and malformed */
    static TokenizerConfig ofDirectory(Path modelDirectory) {
        Path path = modelDirectory.resolve("tokenizer_config.json");
        if (!Files.exists(path)) {
            return EMPTY;
        }
        String file = path.toString();
        JsonNode config = JsonFile.readObject(path);
        return new TokenizerConfig(flag(file, config, "add_bos_token"), flag(file, config, "add_eos_token"),
                token(file, config, "bos_token"), token(file, config, "eos_token"));
    }

    private static Optional<Boolean> flag(String file, JsonNode config, String name) {
        JsonNode value = config.path(name);
        if (value.isMissingNode() || value.isNull()) {
            return Optional.empty();
        }
        if (!value.isBoolean()) {
            throw new FormatException(file, "'" + name + "' is not true or false");
        }
        return Optional.of(value.booleanValue());
    }

    // A token is a string, or an object whose content is one.
    private static Optional<String> token(String file, JsonNode config, String name) {
        JsonNode value = config.path(name);
        if (value.isObject()) {
            value = value.path("content");
        }
        if (value.isMissingNode() || value.isNull()) {
            return Optional.empty();
        }
        if (!value.isTextual()) {
            throw new FormatException(file, "'" + name + "' is not a text");
        }
        return Optional.of(value.textValue());
    }
}
