package io.chunkwise.model.tokenizer;

import io.chunkwise.model.format.FormatException;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class SentencePieceFileTest {
    private static final byte[] VALID = TokenizerFiles.content(TokenizerVectors.resource("spm-llama.model"));

    @Test
    void modelTypesAndNormalizersThatWeDoNotHaveAreRefusedByName() {
        TokenizerVectors.assertRefused("UNIGRAM", () -> read(TokenizerFiles.content(TokenizerVectors.resource("unigram.model"))));
        TokenizerVectors.assertRefused("nmt_nfkc", () -> read(TokenizerFiles.content(TokenizerVectors.resource("nfkc.model"))));
    }

    @Test
    void malformedMessagesAreRefusedWithTheirPlace() {
        TokenizerVectors.assertRefused("UNIGRAM", () -> read(bytes())); // the type where none is given
        TokenizerVectors.assertRefused("more than ten bytes", () -> read(bytes(255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255)));
        TokenizerVectors.assertRefused("ends inside", () -> read(bytes(255)));
        TokenizerVectors.assertRefused("ends inside", () -> read(bytes(10)));
        TokenizerVectors.assertRefused("claims 127 bytes, but 0 are left", () -> read(bytes(10, 127)));
        TokenizerVectors.assertRefused("claims 18446744073709551615 bytes",
                () -> read(bytes(10, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1)));
        TokenizerVectors.assertRefused("field tag 0", () -> read(bytes(0)));
        TokenizerVectors.assertRefused("wire type 0, expected 2", () -> read(bytes(8, 1)));
        TokenizerVectors.assertRefused("wire type 3", () -> read(bytes(99 << 3 & 127 | 128 | 3, 99 << 3 >> 7)));
        TokenizerVectors.assertRefused("past the end of its message", () -> read(bytes(10, 2, 21, 0, 0, 0, 0)));
        TokenizerVectors.assertRefused("not UTF-8", () -> read(bytes(10, 3, 10, 1, 255)));
        TokenizerVectors.assertRefused("type 9", () -> read(bytes(10, 2, 24, 9)));
    }

    @Test
    void everyTruncationIsRefusedOrReadWithoutTheRest() {
        for (int length = 0; length < VALID.length; length += length < 300 || length > VALID.length - 300 ? 1 : 37) {
            readOrRefuse(Arrays.copyOf(VALID, length));
        }
    }

    @Test
    void randomDamageIsReadOrRefusedButNeverMore() {
        Random random = new Random(7);
        for (int trial = 0; trial < 2000; trial++) {
            byte[] damaged = VALID.clone();
            for (int i = random.nextInt(4); i >= 0; i--) {
                damaged[random.nextInt(damaged.length)] = (byte) random.nextInt();
            }
            readOrRefuse(damaged);
        }
    }

    private static void readOrRefuse(byte[] content) {
        try {
            new SentencePieceTokenizer("f", read(content)).encode("Hello world", true);
        } catch (FormatException e) {
            TokenizerVectors.assertRefused("f: ", () -> {
                throw e;
            });
        }
    }

    private static SentencePieceVocabulary read(byte[] content) {
        return SentencePieceFile.read("f", content, true, true);
    }

    private static byte[] bytes(int... values) {
        byte[] bytes = new byte[values.length];
        for (int i = 0; i < values.length; i++) {
            bytes[i] = (byte) values[i];
        }
        return bytes;
    }
}
