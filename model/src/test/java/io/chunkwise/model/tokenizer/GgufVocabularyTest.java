package io.chunkwise.model.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.chunkwise.model.fixtures.GgufWriter;
import io.chunkwise.model.fixtures.SharedData;
import io.chunkwise.model.format.gguf.GgufFile;
import io.chunkwise.model.tokenizer.SentencePieceVocabulary.Piece;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GgufVocabularyTest {
    @TempDir
    private Path directory;

    @Test
    void aLlama3VocabularyGivesTheIdsOfItsTokenizerJson() throws IOException {
        Tokenizer tokenizer = open(byteLevel("llama3", "llama-bpe").uint32("tokenizer.ggml.bos_token_id", 700));
        TokenizerVectors.assertAll(TokenizerVectors.read("llama3"), tokenizer);
    }

    @Test
    void aQwen2VocabularyGivesTheIdsOfItsTokenizerJson() throws IOException {
        TokenizerVectors.assertAll(TokenizerVectors.read("qwen2"), open(byteLevel("qwen2", "qwen2")));
    }

    @Test
    void theOtherPreTokenizersEncodeLosslessly() throws IOException {
        for (String pre : List.of("gpt-2", "default", "smollm", "tekken", "llama3")) {
            Tokenizer tokenizer = open(byteLevel("llama3", pre).uint32("tokenizer.ggml.bos_token_id", 700));
            for (TokenizerVectors.Vector vector : TokenizerVectors.read("llama3")) {
                assertEquals(vector.decoded(), tokenizer.decode(tokenizer.encode(vector.text(), true)), pre);
            }
        }
    }

    @Test
    void whatTheFileSaysAboutSpecialTokensGoesBeforeTheModelsHabit() throws IOException {
        Tokenizer both = open(byteLevel("llama3", "llama-bpe").uint32("tokenizer.ggml.bos_token_id", 700)
                .uint32("tokenizer.ggml.eos_token_id", 701).bool("tokenizer.ggml.add_eos_token", true));
        Tokenizer none = open(byteLevel("llama3", "llama-bpe").bool("tokenizer.ggml.add_bos_token", false));
        int[] plain = none.encode("Hello", true);
        int[] surrounded = both.encode("Hello", true);
        assertArrayEquals(plain, Arrays.copyOfRange(surrounded, 1, surrounded.length - 1));
        assertEquals(700, surrounded[0]);
        assertEquals(701, surrounded[surrounded.length - 1]);
        assertEquals(700, none.encode("<|begin_of_text|>", false)[0], "a special token in the text is recognised");
    }

    @Test
    void aSentencePieceVocabularyGivesTheIdsOfItsTokenizerModel() throws IOException {
        TokenizerVectors.assertAll(TokenizerVectors.read("spm-llama"), open(sentencePiece("spm-llama")));
        TokenizerVectors.assertAll(TokenizerVectors.read("spm-no-prefix"),
                open(sentencePiece("spm-no-prefix").bool("tokenizer.ggml.add_space_prefix", false)));
        TokenizerVectors.assertAll(TokenizerVectors.read("spm-tidy-spaces"),
                open(sentencePiece("spm-tidy-spaces").bool("tokenizer.ggml.remove_extra_whitespaces", true)));
    }

    @Test
    void llamaCppsVectorsOfLlama3Pass() throws IOException {
        List<TokenizerVectors.Vector> vectors = TokenizerVectors.readLlamaCpp("ggml-vocab-llama-bpe");
        String named = System.getenv("CHUNKWISE_LLAMA3_VOCAB"); // a GGUF file, or a directory with tokenizer.json
        Path vocabulary = named != null ? Path.of(named) : SharedData.assumePresent("tokenizer/ggml-vocab-llama-bpe.gguf");
        Assumptions.assumeTrue(vocabulary.toFile().exists(), () -> "skipped: no Llama 3 vocabulary at " + vocabulary);
        try (Arena memory = Arena.ofConfined()) {
            TokenizerVectors.assertAll(vectors, vocabulary.toFile().isDirectory()
                    ? TokenizerFiles.ofDirectory(vocabulary) : TokenizerFiles.ofGguf(GgufFile.open(vocabulary, memory)));
        }
    }

    @Test
    void vocabulariesThatAreIncompleteOrUnknownAreRefused() {
        assertRefused("has no tokenizer", file -> file.remove("tokenizer.ggml.model"));
        assertRefused("of kind 'bert'", file -> file.string("tokenizer.ggml.model", "bert"));
        assertRefused("has no vocabulary", file -> file.remove("tokenizer.ggml.tokens"));
        assertRefused("'klingon'", file -> file.string("tokenizer.ggml.pre", "klingon"));
        assertRefused("does not name its pre-tokenizer", file -> file.remove("tokenizer.ggml.pre"));
        assertRefused("has no merges", file -> file.remove("tokenizer.ggml.merges"));
        assertRefused("refuses it", file -> file.strings("tokenizer.ggml.merges", List.of("zzzz qqqq")));
        assertRefused("an array of strings", file -> file.string("tokenizer.ggml.merges", "a b"));
        assertRefused("occurs twice", file -> file.strings("tokenizer.ggml.tokens", List.of("a", "a")).remove("tokenizer.ggml.token_type"));
        assertRefused("one for each", file -> file.int32s("tokenizer.ggml.token_type", new int[] {1}));
        assertRefused("has type 0", file -> file.int32s("tokenizer.ggml.token_type", new int[703]));
        assertRefused("the token -1", file -> file.remove("tokenizer.ggml.bos_token_id"));
        assertRefused("the token 703", file -> file.uint32("tokenizer.ggml.bos_token_id", 703));
        assertRefused("has no scores", file -> file.string("tokenizer.ggml.model", "llama"));
        assertRefused("one for each", file -> file.string("tokenizer.ggml.model", "llama").float32s("tokenizer.ggml.scores", new float[2]));
        assertRefused("rewrites characters", file -> file.string("tokenizer.ggml.model", "llama")
                .float32s("tokenizer.ggml.precompiled_charsmap", new float[2]));
        assertRefused("the vocabulary is empty", file ->
                file.strings("tokenizer.ggml.tokens", List.of()).remove("tokenizer.ggml.token_type")
                .bool("tokenizer.ggml.add_bos_token", false).strings("tokenizer.ggml.merges", List.of()));
    }

    private void assertRefused(String words, UnaryOperator<GgufWriter> edit) {
        TokenizerVectors.assertRefused(words, () -> {
            try {
                open(edit.apply(byteLevel("llama3", "llama-bpe").uint32("tokenizer.ggml.bos_token_id", 700)));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }

    private Tokenizer open(GgufWriter writer) throws IOException {
        Path path = directory.resolve("vocabulary.gguf");
        writer.write(path);
        try (Arena memory = Arena.ofConfined()) {
            return TokenizerFiles.ofGguf(GgufFile.open(path, memory));
        }
    }

    /** The vocabulary of a tokenizer.json as conversion scripts write it. */
    private static GgufWriter byteLevel(String name, String pre) throws IOException {
        JsonNode root = new ObjectMapper().readTree(TokenizerVectors.resource(name + "/tokenizer.json").toFile());
        String[] tokens = new String[root.at("/model/vocab").size() + root.get("added_tokens").size()];
        int[] types = new int[tokens.length];
        Arrays.fill(types, 1);
        root.at("/model/vocab").properties().forEach(entry -> tokens[entry.getValue().intValue()] = entry.getKey());
        root.get("added_tokens").forEach(token -> {
            tokens[token.get("id").intValue()] = token.get("content").textValue();
            types[token.get("id").intValue()] = token.get("special").booleanValue() ? 3 : 4;
        });
        List<String> merges = new ArrayList<>();
        root.at("/model/merges").forEach(pair -> merges.add(pair.get(0).textValue() + " " + pair.get(1).textValue()));
        return new GgufWriter().string("general.architecture", "llama").string("tokenizer.ggml.model", "gpt2")
                .string("tokenizer.ggml.pre", pre)
                .strings("tokenizer.ggml.tokens", Arrays.asList(tokens)).int32s("tokenizer.ggml.token_type", types)
                .strings("tokenizer.ggml.merges", merges);
    }

    private static GgufWriter sentencePiece(String name) {
        String file = name + ".model";
        List<Piece> pieces = SentencePieceFile.read(file, TokenizerFiles.content(TokenizerVectors.resource(file)), true, false).pieces();
        float[] scores = new float[pieces.size()];
        int[] types = new int[pieces.size()];
        for (int id = 0; id < scores.length; id++) {
            scores[id] = pieces.get(id).score();
            types[id] = pieces.get(id).type().ordinal() + 1;
        }
        return new GgufWriter().string("general.architecture", "llama").string("tokenizer.ggml.model", "llama")
                .strings("tokenizer.ggml.tokens", pieces.stream().map(Piece::text).toList())
                .float32s("tokenizer.ggml.scores", scores).int32s("tokenizer.ggml.token_type", types);
    }
}
