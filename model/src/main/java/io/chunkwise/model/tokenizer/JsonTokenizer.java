package io.chunkwise.model.tokenizer;

import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import io.chunkwise.model.format.FormatException;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A {@code tokenizer.json}, run by the HuggingFace tokenizers library, the one that models are trained with.
 *
 * <p>Deviation: DJL's front class HuggingFaceTokenizer is left out in favour of the native methods below it, because it
 * calls a telemetry host, looks for CUDA and truncates texts to 512 tokens unless each is switched off.
 */
final class JsonTokenizer implements Tokenizer {
    // The library ends the process when a pattern backtracks over ten million characters of one kind.
    private static final int LONGEST_TEXT = 4_000_000;
    private static final Cleaner CLEANER = Cleaner.create();

    private final TokenizersLibrary library;
    private final long handle; // freed when this object is unreachable
    private final TokenizerJson content;

    private JsonTokenizer(TokenizersLibrary library, long handle, TokenizerJson content) {
        this.library = library;
        this.handle = handle;
        this.content = content;
        CLEANER.register(this, () -> library.deleteTokenizer(handle));
    }

    /**
     * @param file named in errors
     * @throws FormatException if the library refuses the content or cannot be loaded
     */
    static JsonTokenizer of(String file, TokenizerJson content) {
        TokenizersLibrary library = NativeTokenizers.load(file);
        try {
            long handle = library.createTokenizerFromString(content.json());
            library.disableTruncation(handle);
            library.disablePadding(handle);
            return new JsonTokenizer(library, handle, content);
        } catch (RuntimeException e) { // the native methods throw nothing more specific
            throw new FormatException(file, "the tokenizers library refuses it: " + firstLine(e), e);
        }
    }

    @Override
    public int vocabSize() {
        return content.pieces().length;
    }

    @Override
    public int[] encode(String text, boolean addSpecial) {
        if (text.length() > LONGEST_TEXT) {
            throw new IllegalArgumentException(
                    "the text has " + text.length() + " characters, more than the " + LONGEST_TEXT
                    + " that can be encoded at once; split it");
        }
        try {
            long encoding = library.encode(handle, LoneSurrogates.replaced(text), addSpecial);
            long[] ids = library.getTokenIds(encoding);
            library.deleteEncoding(encoding);
            IntStream plain = Arrays.stream(ids).mapToInt(Math::toIntExact);
            return addSpecial
                    ? IntStream.concat(ints(content.before()), IntStream.concat(plain, ints(content.after()))).toArray()
                    : plain.toArray();
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    private static String firstLine(RuntimeException e) {
        return e.getMessage() == null ? "no reason given" : e.getMessage().lines().findFirst().orElse("no reason given");
    }

    private static IntStream ints(List<Integer> ids) {
        return ids.stream().mapToInt(Integer::intValue);
    }

    @Override
    public String decode(int[] ids) {
        for (int id : ids) {
            piece(id);
        }
        try {
            return library.decode(handle, Arrays.stream(ids).asLongStream().toArray(), true);
        } finally {
            Reference.reachabilityFence(this);
        }
    }

    @Override
    public String piece(int id) {
        if (id < 0 || id >= content.pieces().length) {
            throw new IllegalArgumentException("token " + id + " is outside the vocabulary of " + content.pieces().length);
        }
        String piece = content.pieces()[id];
        return piece == null ? "" : piece;
    }
}
