package io.chunkwise.model.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.chunkwise.model.format.FormatException;
import io.chunkwise.model.fixtures.SharedData;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Assertions;

/** Texts with the ids that the original libraries give them: resources of tools/make_tokenizer_vectors.py, and llama.cpp's. */
final class TokenizerVectors {

    /**
     * @param idsWithSpecial null where the origin has none
     * @param decoded        what the origin decodes {@code ids} to
     */
    record Vector(String text, int[] ids, int[] idsWithSpecial, String decoded) {
    }

    private TokenizerVectors() {
    }

    static Path resource(String name) {
        try {
            return Path.of(TokenizerVectors.class.getResource("/tokenizer/" + name).toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    static List<Vector> read(String name) {
        try {
            List<Vector> vectors = new ArrayList<>();
            for (JsonNode entry : new ObjectMapper().readTree(resource(name + ".json").toFile())) {
                vectors.add(new Vector(entry.get("text").textValue(), ids(entry.get("ids")),
                        entry.has("ids_with_special") ? ids(entry.get("ids_with_special")) : null, entry.get("decoded").textValue()));
            }
            return vectors;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static int[] ids(JsonNode array) {
        int[] ids = new int[array.size()];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = array.get(i).intValue();
        }
        return ids;
    }

    /** llama.cpp's files: texts separated by a line, ids of one text per line. Skips the test without them. */
    static List<Vector> readLlamaCpp(String name) throws IOException {
        String[] texts = Files.readString(SharedData.assumePresent("tokenizer/" + name + ".gguf.inp")).split("\n__ggml_vocab_test__\n", -1);
        List<String> lines = Files.readAllLines(SharedData.assumePresent("tokenizer/" + name + ".gguf.out"));
        Assertions.assertEquals("", texts[texts.length - 1].strip(), "every text ends in a separator");
        texts = Arrays.copyOf(texts, texts.length - 1);
        Assertions.assertEquals(texts.length, lines.size(), "as many texts as lines of ids");
        List<Vector> vectors = new ArrayList<>();
        for (int i = 0; i < texts.length; i++) {
            String line = lines.get(i).trim();
            int[] ids = line.isEmpty() ? new int[0] : Arrays.stream(line.split(" +")).mapToInt(Integer::parseInt).toArray();
            vectors.add(new Vector(texts[i], ids, null, texts[i]));
        }
        return vectors;
    }

    /** Every text is encoded to its ids, with and without special tokens, and decoded to what the origin decodes it to. */
    static void assertAll(List<Vector> vectors, Tokenizer tokenizer) {
        for (Vector vector : vectors) {
            String what = "of '" + vector.text() + "'";
            assertIds(vector.ids(), tokenizer.encode(vector.text(), false), tokenizer, "ids " + what);
            if (vector.idsWithSpecial() != null) {
                assertIds(vector.idsWithSpecial(), tokenizer.encode(vector.text(), true), tokenizer, "ids with special tokens " + what);
            }
            Assertions.assertEquals(vector.decoded(), tokenizer.decode(vector.ids()), "decoded ids " + what);
        }
    }

    private static void assertIds(int[] expected, int[] actual, Tokenizer tokenizer, String what) {
        int at = Arrays.mismatch(expected, actual);
        if (at >= 0) {
            Assertions.fail(what + " differ at index " + at + ": expected " + at(expected, at, tokenizer) + ", was "
                    + at(actual, at, tokenizer)
                    + "\nexpected " + Arrays.toString(expected) + "\nwas      " + Arrays.toString(actual));
        }
    }

    private static String at(int[] ids, int index, Tokenizer tokenizer) {
        return index < ids.length ? ids[index] + " '" + tokenizer.piece(ids[index]) + "'" : "the end";
    }

    /** The action fails with a {@link FormatException} of one line that has the given words. */
    static String assertRefused(String words, Runnable action) {
        FormatException e = Assertions.assertThrows(FormatException.class, action::run);
        Assertions.assertTrue(e.getMessage().contains(words), () -> "expected '" + words + "' in: " + e.getMessage());
        Assertions.assertEquals(1, e.getMessage().lines().count(), () -> "expected one line: " + e.getMessage());
        return e.getMessage();
    }
}
