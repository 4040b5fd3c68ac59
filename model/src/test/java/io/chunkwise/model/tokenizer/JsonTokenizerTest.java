package io.chunkwise.model.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.chunkwise.model.format.FormatException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonTokenizerTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final byte[] VALID = TokenizerFiles.content(TokenizerVectors.resource("llama3/tokenizer.json"));

    @ParameterizedTest
    @ValueSource(strings = {"llama3", "qwen2", "llama2"})
    void idsAndTextsAreThoseOfTheOriginalLibrary(String name) {
        TokenizerVectors.assertAll(TokenizerVectors.read(name), TokenizerFiles.ofDirectory(TokenizerVectors.resource(name)));
    }

    @Test
    void piecesAreThoseOfTheFileAddedTokensIncluded() {
        Tokenizer tokenizer = read(VALID);
        assertEquals(703, tokenizer.vocabSize());
        assertEquals("<|begin_of_text|>", tokenizer.piece(700));
        assertEquals("", tokenizer.decode(new int[] {700, 701}));
        assertThrows(IllegalArgumentException.class, () -> tokenizer.piece(703));
        assertThrows(IllegalArgumentException.class, () -> tokenizer.decode(new int[] {5, -1}));
    }

    @Test
    void byteLevelTextsSurviveEncodingAndDecoding() {
        Tokenizer tokenizer = read(VALID);
        Random random = new Random(10);
        for (int trial = 0; trial < 300; trial++) {
            String text = RandomTexts.text(random, random.nextInt(40));
            assertEquals(text, tokenizer.decode(tokenizer.encode(text, true)), "trial " + trial);
        }
        assertEquals("a\uFFFDb \uD83D\uDE00", tokenizer.decode(tokenizer.encode("a\uD83Db \uD83D\uDE00", false)), "lone surrogate");
        String longText = RandomTexts.words(random, 300_000);
        assertEquals(longText, tokenizer.decode(tokenizer.encode(longText, false)), "nothing is truncated");
    }

    @Test
    void truncationAndPaddingThatTheFileAsksForAreNotApplied() {
        Tokenizer tokenizer = read(edited(root -> {
            root.putObject("truncation").put("direction", "Right").put("max_length", 3).put("strategy", "LongestFirst").put("stride", 0);
            root.putObject("padding").put("direction", "Right").put("pad_id", 0).put("pad_type_id", 0).put("pad_token", "!")
                    .putNull("pad_to_multiple_of").putObject("strategy").put("Fixed", 50);
        }));
        String text = "Hello, this is a longer text";
        assertArrayEquals(read(VALID).encode(text, true), tokenizer.encode(text, true));
    }

    @Test
    void specialTokensComeFromTheConfigurationWhereTheFileLeavesThemOpen() {
        byte[] open = edited(root -> root.putNull("post_processor"));
        TokenizerConfig config = new TokenizerConfig(Optional.of(true), Optional.of(true),
                Optional.of("<|begin_of_text|>"), Optional.of("<|end_of_text|>"));
        int[] plain = read(open).encode("Hello", false);
        assertArrayEquals(plain, read(open).encode("Hello", true), "no configuration");
        int[] expected = new int[plain.length + 2];
        expected[0] = 700;
        System.arraycopy(plain, 0, expected, 1, plain.length);
        expected[plain.length + 1] = 701;
        assertArrayEquals(expected, JsonTokenizer.of("f", TokenizerJson.read("f", open, config)).encode("Hello", true));
        assertArrayEquals(plain, JsonTokenizer.of("f", TokenizerJson.read("f", open, config)).encode("Hello", false));
        assertArrayEquals(read(VALID).encode("Hello", true),
                JsonTokenizer.of("f", TokenizerJson.read("f", VALID, config)).encode("Hello", true),
                "a file with its own template keeps it");
        TokenizerConfig nameless = new TokenizerConfig(Optional.of(true), Optional.empty(), Optional.of("<nope>"), Optional.empty());
        TokenizerVectors.assertRefused("'<nope>' is not in the vocabulary", () -> TokenizerJson.read("f", open, nameless));
    }

    @Test
    void filesThatAreNotCompleteJsonAreRefused() {
        assertRefused("not a JSON object", "");
        assertRefused("not a JSON object", "[]");
        assertRefused("not a JSON object", "null");
        assertRefused("no 'model'", "{}");
        assertRefused("goes on", new String(VALID, StandardCharsets.UTF_8) + "{}");
        assertRefused("not a complete JSON file", "[".repeat(100_000).replaceFirst("\\[", "{\"a\":"));
        assertRefused("not a complete JSON file", "{\"model\":{\"x\":" + "{\"a\":".repeat(100_000));
        TokenizerVectors.assertRefused("not UTF-8", () -> read(new byte[] {'{', '"', (byte) 0xFF, '"'}));
        for (int length = 1; length < VALID.length - 1; length += 211) {
            byte[] cut = Arrays.copyOf(VALID, length);
            TokenizerVectors.assertRefused("f: ", () -> read(cut));
        }
    }

    @Test
    void partsOfAnotherTypeAreRefused() {
        assertRefused("'model' is not a JSON object", root -> root.put("model", 7));
        assertRefused("'model' is not a JSON object", root -> root.putNull("model"));
        assertRefused("needs an object 'vocab'", root -> model(root).putArray("vocab").add(1));
        assertRefused("needs an object 'vocab'", root -> model(root).remove("vocab"));
        assertRefused("needs an object 'vocab'", root -> model(root).put("merges", "a b"));
        assertRefused("the vocabulary is empty", root -> model(root).putObject("vocab"));
        assertRefused("not a whole number", root -> ((ObjectNode) model(root).get("vocab")).put("!", "0"));
        assertRefused("not a whole number", root -> ((ObjectNode) model(root).get("vocab")).put("!", 1.5));
        assertRefused("outside [0, ", root -> ((ObjectNode) model(root).get("vocab")).put("!", -1));
        assertRefused("outside [0, ", root -> ((ObjectNode) model(root).get("vocab")).put("!", 1L << 40));
        assertRefused("outside [0, ", root -> ((ObjectNode) model(root).get("vocab")).put("!", Integer.MAX_VALUE));
        assertRefused("'merges' has an entry", root -> model(root).putArray("merges").add(3));
        assertRefused("'merges' has an entry", root -> model(root).putArray("merges").addArray().add("a"));
        assertRefused("'merges' has an entry", root -> model(root).putArray("merges").addArray().add("a").add("b").add("c"));
        assertRefused("refuses it", root -> model(root).putArray("merges").add("zzzz qqqq"));
        assertRefused("refuses it", root -> model(root).putArray("merges").add("nospace"));
        assertRefused("'WordPiece'", root -> model(root).put("type", "WordPiece"));
        assertRefused("'dropout'", root -> model(root).put("dropout", 0.1));
        assertRefused("'continuing_subword_prefix'", root -> model(root).put("continuing_subword_prefix", "####"));
        assertRefused("'end_of_word_suffix'", root -> model(root).put("end_of_word_suffix", "</w>"));
        assertRefused("'unk_token'", root -> model(root).put("unk_token", "<nope>"));
        assertRefused("refuses it", root -> model(root).put("byte_fallback", "yes"));
        assertRefused("'added_tokens' is not an array", root -> root.put("added_tokens", 3));
        assertRefused("'added_tokens' has an entry", root -> root.putArray("added_tokens").add(3));
        assertRefused("claims id 9999", root -> ((ObjectNode) root.get("added_tokens").get(0)).put("id", 9999));
        assertRefused("'normalizer' has type 'Precompiled'", root -> root.putObject("normalizer").put("type", "Precompiled"));
        assertRefused("'pre_tokenizer' has type ''", root -> root.put("pre_tokenizer", 3));
        assertRefused("Sequence without", root -> root.putObject("decoder").put("type", "Sequence"));
        assertRefused("refuses it", root -> root.putObject("decoder").put("type", "Strip"));
        assertRefused("refuses it", root -> ((ObjectNode) root.at("/pre_tokenizer/pretokenizers/0/pattern")).put("Regex", "((("));
        assertRefused("adds token 700", root -> root.remove("added_tokens"));
    }

    @Test
    void partsThatTheNativeLibraryWouldAbortOnAreRefused() {
        assertRefused("not a complete JSON file", root -> {
            ObjectNode part = root.putObject("decoder");
            for (int depth = 0; depth < 130; depth++) {
                part = part.putObject("a");
            }
        });
        for (String section : List.of("decoder", "normalizer", "pre_tokenizer", "post_processor")) {
            for (String value : List.of("1e400", "-1e400", "1e40", "\"\\ud800\"")) {
                assertRefused("'" + section + "' has a ", "{\"" + section + "\": [" + value + "], "
                        + new String(VALID, StandardCharsets.UTF_8).substring(1));
            }
        }
        assertRefused("repeats a repetition", root ->
                ((ObjectNode) root.at("/pre_tokenizer/pretokenizers/0/pattern")).put("Regex", "(x+x+)+y"));
        assertThrows(IllegalArgumentException.class, () -> read(VALID).encode(" ".repeat(10_000_000), false));
        assertRefused("Broken surrogate pair", "{\"decoder\": {\"\\ud800\": 1}, " + new String(VALID, StandardCharsets.UTF_8).substring(1));
        assertRefused("uses '<nope>'", root -> ((ObjectNode) template(root).at("/single/0/SpecialToken")).put("id", "<nope>"));
        assertRefused("uses ''", root -> ((ObjectNode) template(root)).putArray("single").add("$A"));
        assertRefused("no array 'pair'", root -> ((ObjectNode) template(root)).remove("pair"));
        assertRefused("which is not in the vocabulary", root -> ((ObjectNode) template(root).at("/special_tokens/<|begin_of_text|>"))
                .putArray("ids").add(5000));
        assertRefused("as many 'ids'", root -> ((ObjectNode) template(root).at("/special_tokens/<|begin_of_text|>")).putArray("ids"));
    }

    /** An abort of the native library would end this JVM, and the build would say so. */
    @Test
    void randomDamageIsReadOrRefusedButNeverMore() {
        Random random = new Random(11);
        String text = new String(VALID, StandardCharsets.UTF_8);
        String[] tokens = {"null", "0", "-1", "\"\"", "[]", "{}", "true", "\"ByteLevel\"", "4294967296", "\"Sequence\""};
        for (int trial = 0; trial < 600; trial++) {
            StringBuilder damaged = new StringBuilder(text);
            int at = random.nextInt(3) == 0 ? random.nextInt(text.length()) : random.nextInt(2500);
            switch (random.nextInt(3)) {
                case 0 -> damaged.setCharAt(at, (char) (32 + random.nextInt(95)));
                case 1 -> damaged.delete(at, Math.min(damaged.length(), at + 1 + random.nextInt(20)));
                default -> { // another value after a colon
                    int colon = text.indexOf(':', at);
                    int end = colon + 1;
                    while (colon > 0 && end < text.length() && ",}]".indexOf(text.charAt(end)) < 0) {
                        end++;
                    }
                    damaged.replace(colon + 1, end, tokens[random.nextInt(tokens.length)]);
                }
            }
            try {
                Tokenizer tokenizer = read(damaged.toString().getBytes(StandardCharsets.UTF_8));
                tokenizer.decode(tokenizer.encode("Hello 123 <|eot_id|> 🦙", true));
            } catch (FormatException e) {
                assertEquals(1, e.getMessage().lines().count(), e.getMessage());
            }
        }
    }

    @Test
    void severalThreadsMayUseOneTokenizer() throws InterruptedException {
        Tokenizer tokenizer = read(VALID);
        int[] expected = tokenizer.encode("Hello world, twice", true);
        boolean[] same = new boolean[4];
        Thread[] threads = new Thread[same.length];
        for (int i = 0; i < threads.length; i++) {
            int thread = i;
            threads[i] = Thread.ofPlatform().start(() -> {
                boolean all = true;
                for (int round = 0; round < 200; round++) {
                    all &= Arrays.equals(expected, tokenizer.encode("Hello world, twice", true));
                }
                same[thread] = all;
            });
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertArrayEquals(new boolean[] {true, true, true, true}, same);
    }

    private static Tokenizer read(byte[] content) {
        return JsonTokenizer.of("f", TokenizerJson.read("f", content, TokenizerConfig.EMPTY));
    }

    private static ObjectNode model(ObjectNode root) {
        return (ObjectNode) root.get("model");
    }

    private static JsonNode template(ObjectNode root) {
        return root.at("/post_processor/processors/1");
    }

    private static byte[] edited(Consumer<ObjectNode> edit) {
        try {
            ObjectNode root = (ObjectNode) JSON.readTree(VALID);
            edit.accept(root);
            return JSON.writeValueAsBytes(root);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void assertRefused(String words, Consumer<ObjectNode> edit) {
        TokenizerVectors.assertRefused(words, () -> read(edited(edit)).encode("Hello", true));
    }

    private static void assertRefused(String words, String content) {
        TokenizerVectors.assertRefused(words, () -> read(content.getBytes(StandardCharsets.UTF_8)));
    }
}
