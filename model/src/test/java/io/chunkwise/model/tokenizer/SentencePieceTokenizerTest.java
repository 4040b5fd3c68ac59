package io.chunkwise.model.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.chunkwise.model.fixtures.SharedData;
import io.chunkwise.model.format.gguf.GgufFile;
import io.chunkwise.model.tokenizer.SentencePieceVocabulary.Piece;
import io.chunkwise.model.tokenizer.SentencePieceVocabulary.PieceType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SentencePieceTokenizerTest {

    @Test
    void llamaCppsVectorsOfLlama2PassAndDecodeToTheirTexts() throws IOException {
        List<TokenizerVectors.Vector> vectors = TokenizerVectors.readLlamaCpp("ggml-vocab-llama-spm");
        try (Arena memory = Arena.ofConfined()) {
            Tokenizer tokenizer = TokenizerFiles.ofGguf(GgufFile.open(SharedData.assumePresent("tokenizer/ggml-vocab-llama-spm.gguf"),
                    memory));
            assertEquals(32_000, tokenizer.vocabSize());
            TokenizerVectors.assertAll(vectors, tokenizer);
            assertArrayEquals(new int[] {1, 15043}, tokenizer.encode("Hello", true), "BOS goes first");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"spm-llama", "spm-no-prefix", "spm-tidy-spaces", "spm-user-defined"})
    void idsAndTextsAreThoseOfTheOriginalLibrary(String name) {
        TokenizerVectors.assertAll(TokenizerVectors.read(name), model(name));
    }

    @Test
    void withoutByteEntriesARunOfUnknownCharactersIsOneUnknownToken() {
        Tokenizer tokenizer = model("spm-no-bytes");
        for (TokenizerVectors.Vector vector : TokenizerVectors.read("spm-no-bytes")) {
            assertArrayEquals(vector.ids(), tokenizer.encode(vector.text(), false), vector.text());
        }
    }

    @Test
    void promptOfTheGoldenFileHasItsIds() throws IOException {
        JsonNode golden = new ObjectMapper().readTree(SharedData.assumePresent("stories260K-golden.json").toFile());
        Tokenizer tokenizer = TokenizerFiles.ofDirectory(SharedData.assumePresent("stories260K"));
        int[] ids = new ObjectMapper().treeToValue(golden.get("prompt_ids"), int[].class);
        assertArrayEquals(ids, tokenizer.encode(golden.get("prompt").textValue(), true));
        assertEquals(golden.get("prompt").textValue(), tokenizer.decode(ids));
    }

    @Test
    void everyTextWithoutTidyingSurvivesEncodingAndDecoding() {
        Random random = new Random(5);
        for (String name : List.of("spm-llama", "spm-no-prefix", "spm-user-defined")) {
            Tokenizer tokenizer = model(name);
            for (int trial = 0; trial < 300; trial++) {
                String text = RandomTexts.text(random, random.nextInt(40)).replace('\u2581', '_'); // stands for a space
                assertEquals(text, tokenizer.decode(tokenizer.encode(text, true)), name + ", trial " + trial);
            }
        }
    }

    @Test
    void specialTokensInATextAreText() {
        Tokenizer tokenizer = model("spm-llama");
        assertEquals(1, tokenizer.encode("", true)[0]);
        assertEquals(0, Arrays.stream(tokenizer.encode("<s></s><unk>", false)).filter(id -> id < 3).count());
        assertEquals("", tokenizer.decode(new int[] {0, 1, 2}));
    }

    @Test
    void aMillionCharactersTakeNoQuadraticTime() {
        Random random = new Random(6);
        String text = RandomTexts.words(random, 1_000_000) + "a".repeat(100_000) + " ".repeat(100_000);
        Tokenizer tokenizer = model("spm-llama");
        assertEquals(text, tokenizer.decode(tokenizer.encode(text, false)));
    }

    @Test
    void loneSurrogatesBecomeReplacementCharacters() {
        Tokenizer tokenizer = model("spm-llama");
        assertEquals("a\uFFFDb \uD83D\uDE00 \uFFFD", tokenizer.decode(tokenizer.encode("a\uD83Db \uD83D\uDE00 \uDE00", false)));
    }

    @Test
    void bytesThatAreNotUtf8BecomeReplacementCharacters() {
        Tokenizer tokenizer = model("spm-llama");
        assertEquals("\uFFFD", tokenizer.decode(new int[] {3 + 0xFF}));
        assertEquals("\u00E9", tokenizer.decode(new int[] {3 + 0xC3, 3 + 0xA9}));
    }

    @Test
    void idsOutsideTheVocabularyAreRefused() {
        Tokenizer tokenizer = model("spm-llama");
        assertThrows(IllegalArgumentException.class, () -> tokenizer.decode(new int[] {-1}));
        assertThrows(IllegalArgumentException.class, () -> tokenizer.piece(tokenizer.vocabSize()));
    }

    @Test
    void vocabulariesThatCannotWriteEveryTextAreRefused() {
        List<Piece> pieces = new ArrayList<>(List.of(new Piece("a", 0, PieceType.NORMAL)));
        TokenizerVectors.assertRefused("neither byte entries", () -> vocabulary(pieces));
        pieces.add(new Piece("<0x41>", 0, PieceType.BYTE));
        TokenizerVectors.assertRefused("1 byte entries, expected 256", () -> vocabulary(pieces));
        pieces.set(1, new Piece("<0xG1>", 0, PieceType.BYTE));
        TokenizerVectors.assertRefused("expected <0x00> to <0xFF>", () -> vocabulary(pieces));
        pieces.set(1, new Piece("<unk>", Float.NaN, PieceType.UNKNOWN));
        TokenizerVectors.assertRefused("not a number", () -> vocabulary(pieces));
        pieces.set(1, new Piece("<unk>", 0, PieceType.UNKNOWN));
        pieces.add(new Piece("a", 0, PieceType.NORMAL));
        TokenizerVectors.assertRefused("0 and 2 are both 'a'", () -> new SentencePieceTokenizer("f", vocabulary(pieces)));
        TokenizerVectors.assertRefused("empty", () -> vocabulary(List.of()));
    }

    private static SentencePieceVocabulary vocabulary(List<Piece> pieces) {
        return new SentencePieceVocabulary(pieces, true, false, -1, -1).checkedFor("f");
    }

    private static Tokenizer model(String name) {
        String file = name + ".model";
        return new SentencePieceTokenizer(file,
                SentencePieceFile.read(file, TokenizerFiles.content(TokenizerVectors.resource(file)), true, false));
    }
}
