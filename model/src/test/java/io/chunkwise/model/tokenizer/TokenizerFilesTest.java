package io.chunkwise.model.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenizerFilesTest {
    @TempDir
    private Path directory;

    @Test
    void aDirectoryWithoutTokenizerIsRefusedNamingBothFiles() {
        TokenizerVectors.assertRefused("neither tokenizer.json nor tokenizer.model", () -> TokenizerFiles.ofDirectory(directory));
        TokenizerVectors.assertRefused("neither tokenizer.json nor tokenizer.model", () ->
                TokenizerFiles.ofDirectory(directory.resolve("nowhere")));
    }

    @Test
    void tokenizerJsonGoesBeforeTokenizerModel() throws IOException {
        Files.copy(TokenizerVectors.resource("spm-llama.model"), directory.resolve("tokenizer.model"));
        assertInstanceOf(SentencePieceTokenizer.class, TokenizerFiles.ofDirectory(directory));
        Files.copy(TokenizerVectors.resource("llama3/tokenizer.json"), directory.resolve("tokenizer.json"));
        assertInstanceOf(JsonTokenizer.class, TokenizerFiles.ofDirectory(directory));
    }

    @Test
    void tokenizerConfigDecidesAboutSpecialTokensOfATokenizerModel() throws IOException {
        Files.copy(TokenizerVectors.resource("spm-llama.model"), directory.resolve("tokenizer.model"));
        int[] withBos = TokenizerFiles.ofDirectory(directory).encode("Hello", true);
        Path config = directory.resolve("tokenizer_config.json");
        Files.writeString(config, "{\"add_bos_token\": false, \"add_eos_token\": true, \"bos_token\": {\"content\": \"<s>\"}}");
        int[] withEos = TokenizerFiles.ofDirectory(directory).encode("Hello", true);
        assertEquals(1, withBos[0]);
        assertNotEquals(1, withEos[0]);
        assertEquals(2, withEos[withEos.length - 1]);
        Files.writeString(config, "{\"add_bos_token\": null}");
        assertArrayEquals(withBos, TokenizerFiles.ofDirectory(directory).encode("Hello", true));
        Files.writeString(config, "{\"add_bos_token\": 1}");
        TokenizerVectors.assertRefused("'add_bos_token' is not true or false", () -> TokenizerFiles.ofDirectory(directory));
        Files.writeString(config, "{\"bos_token\": [1]}");
        TokenizerVectors.assertRefused("'bos_token' is not a text", () -> TokenizerFiles.ofDirectory(directory));
        Files.writeString(config, "{\"add");
        TokenizerVectors.assertRefused("is not valid JSON", () -> TokenizerFiles.ofDirectory(directory));
        Files.write(config, new byte[] {'{', '"', (byte) 0xFF, '"', '}'});
        TokenizerVectors.assertRefused("tokenizer_config.json: is not UTF-8", () -> TokenizerFiles.ofDirectory(directory));
        Files.write(config, new byte[0]);
        TokenizerVectors.assertRefused("not a JSON object", () -> TokenizerFiles.ofDirectory(directory));
    }

    @Test
    void unreadableAndHugeFilesAreRefused() throws IOException {
        Path json = directory.resolve("tokenizer.json");
        Files.createDirectory(json);
        TokenizerVectors.assertRefused("is a directory", () -> TokenizerFiles.ofDirectory(directory));
        Files.delete(json);
        try (RandomAccessFile sparse = new RandomAccessFile(json.toFile(), "rw")) {
            sparse.setLength(1L << 40);
        }
        TokenizerVectors.assertRefused("more than any tokenizer has", () -> TokenizerFiles.ofDirectory(directory));
    }
}
