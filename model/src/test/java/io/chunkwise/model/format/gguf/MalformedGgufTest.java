package io.chunkwise.model.format.gguf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.model.fixtures.GgufWriter;
import io.chunkwise.model.fixtures.Refusals;
import io.chunkwise.model.format.BlockCodec;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class MalformedGgufTest {
    private static final long[] ABSURD_COUNTS = {1L << 31, (1L << 31) - 1, 1L << 32, 1L << 40, 1L << 61, Long.MAX_VALUE, Long.MIN_VALUE, -1,
            1000};

    @TempDir
    Path directory;
    private Path path;

    @BeforeEach
    void namePath() {
        path = directory.resolve("damaged.gguf");
    }

    /** A file with something of every kind; 8 bytes of "reals" so that it can be damaged. */
    private static GgufWriter sample() {
        return new GgufWriter().string("general.architecture", "llama").uint32("count", 7).bool("flag", true)
                .strings("words", List.of("one", "two")).float32s("reals", new float[] {1, 2}).uint64("long", 32)
                .tensor("first", 0, List.of(2L, 16L), new byte[128]).tensor("other", 8, List.of(2L, 32L), new byte[68])
                .tensor("third", 1, List.of(4L), new byte[8]);
    }

    @Test
    void theUndamagedSampleIsAccepted() throws IOException {
        Files.write(path, sample().toBytes());
        assertTrue(Refusals.attempt(this::read).isEmpty());
    }

    @Test
    void aFileCutAnywhereIsRefused() throws IOException {
        GgufWriter writer = sample();
        byte[] whole = writer.toBytes();
        int needed = writer.marks().get("data third") + 8; // only padding follows
        for (int length = 0; length <= whole.length; length++) {
            Files.write(path, Arrays.copyOf(whole, length));
            if (length < needed) {
                Refusals.assertRefused(path, this::read);
            } else {
                assertTrue(Refusals.attempt(this::read).isEmpty(), "cut at " + length);
            }
        }
    }

    /** Name of the damage, the mark it begins at, an offset from there, the bytes put there, and what the message says. */
    private static Stream<Arguments> damages() {
        return Stream.of(
                damage("magic in lower case", "magic", 0, new byte[] {'g', 'g', 'u', 'f'}, "does not begin with 'GGUF'"),
                damage("magic reversed", "magic", 0, new byte[] {'F', 'U', 'G', 'G'}, "does not begin with 'GGUF'"),
                damage("version 0", "version", 0, int32(0), "version 0, expected 2 or 3"),
                damage("version 1", "version", 0, int32(1), "version 1, expected 2 or 3"),
                damage("version 4", "version", 0, int32(4), "version 4, expected 2 or 3"),
                damage("version -1", "version", 0, int32(-1), "version 4294967295"),
                damage("big-endian version", "version", 0, int32(3 << 24), "big-endian"),
                damage("one tensor more", "tensor count", 0, int64(4)),
                damage("one pair more", "metadata count", 0, int64(7)),
                damage("one pair fewer", "metadata count", 0, int64(5)),
                damage("no pairs", "metadata count", 0, int64(0)),
                damage("empty key", "key count", 0, int64(0), "metadata key 1 is empty"),
                damage("key beyond the specification", "key count", 0, int64(65_536), "metadata key 1"),
                damage("key that is not UTF-8", "key count", 8, new byte[] {(byte) 0xff}, "not UTF-8"),
                damage("key twice", "key count", 8, "reals".getBytes(), "metadata key 'reals' occurs twice"),
                damage("unknown metadata type 13", "type count", 0, int32(13), "'count' has the unknown metadata type 13"),
                damage("unknown metadata type -1", "type count", 0, int32(-1), "'count' has the unknown metadata type"),
                damage("truth value 2", "value flag", 0, new byte[] {2}, "'flag' is a truth value of 2"),
                damage("string that is not UTF-8", "value general.architecture", 8, new byte[] {(byte) 0xc0, (byte) 0x80}, "not UTF-8"),
                damage("unknown element type", "value reals", 0, int32(99), "'reals' has the unknown metadata type 99"),
                damage("array of arrays", "value reals", 0, int32(9), "'reals' is an array of arrays"),
                damage("empty tensor name", "name first", 0, int64(0), "name of tensor 0 is empty"),
                damage("tensor name beyond the specification", "name first", 0, int64(65), "name of tensor 0"),
                damage("tensor name that is not UTF-8", "name first", 8, new byte[] {(byte) 0xfe}, "not UTF-8"),
                damage("tensor name twice", "name first", 8, "other".getBytes(), "tensor 'other' occurs twice"),
                damage("no dimensions", "dimension count first", 0, int32(0), "'first' has 0 dimensions"),
                damage("five dimensions", "dimension count first", 0, int32(5), "'first' has 5 dimensions"),
                damage("2^31 dimensions", "dimension count first", 0, int32(1 << 31), "'first' has 2147483648 dimensions"),
                damage("-1 dimensions", "dimension count first", 0, int32(-1), "'first' has 4294967295 dimensions"),
                damage("dimension of 0", "dimensions first", 0, int64(0), "'first' has a dimension of 0"),
                damage("dimension of -1", "dimensions first", 0, int64(-1), "'first' has a dimension of 18446744073709551615"),
                damage("dimension of 2^63", "dimensions first", 0, int64(Long.MIN_VALUE), "'first' has a dimension of 9223372036854775808"),
                damage("dimensions that overflow to 0", "dimensions first", 0, int64(1L << 32, 1L << 32),
                        "'first' of [4294967296, 4294967296] is too large"),
                damage("dimensions that overflow to 1", "dimensions first", 0, int64(0xAAAA_AAAA_AAAA_AABL, 3), "'first'"),
                damage("bytes that overflow", "dimensions first", 0, int64(1L << 31, 1L << 31),
                        "'first' of [2147483648, 2147483648] is too large"),
                damage("dimension of 2^61", "dimensions first", 0, int64(1L << 61), "'first'"),
                damage("more rows than bytes", "dimensions first", 8, int64(1000), "'first' lies outside the file"),
                damage("row that is not whole blocks", "dimensions other", 0, int64(31), "'other' has rows of 31 elements"),
                damage("removed tensor type", "type first", 0, int32(4), "'first' has the unknown tensor type 4"),
                damage("tensor type 99", "type first", 0, int32(99), "'first' has the unknown tensor type 99"),
                damage("tensor type -1", "type first", 0, int32(-1), "'first' has the unknown tensor type 4294967295"),
                damage("type that needs more bytes", "type other", 0, int32(0), "'other' lies outside the file"),
                damage("misaligned offset", "offset other", 0, int64(129),
                        "'other' has the offset 129, which is not a multiple of the alignment 32"),
                damage("overlap", "offset other", 0, int64(0), "overlap"),
                damage("partial overlap", "offset other", 0, int64(96), "tensors 'first' and 'other' overlap"),
                damage("overlap of the last", "offset third", 0, int64(160), "tensors 'other' and 'third' overlap"),
                damage("offset at the end", "offset third", 0, int64(1 << 20), "'third' lies outside the file"),
                damage("offset of 2^40", "offset third", 0, int64(1L << 40), "'third' lies outside the file"),
                damage("offset of -32", "offset third", 0, int64(-32), "'third' has the offset"),
                damage("offset of 2^63 - 32", "offset third", 0, int64(Long.MAX_VALUE - 31), "'third' lies outside the file"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("damages")
    void isRefused(String name, String mark, int offset, byte[] bytes, String part) throws IOException {
        writeDamaged(mark, offset, bytes);
        Refusals.assertRefused(path, this::read, part);
    }

    @ParameterizedTest
    @ValueSource(strings = {"tensor count", "metadata count", "key count", "value general.architecture", "name other"})
    void absurdCountsAndLengthsAreRefused(String mark) throws IOException {
        for (long count : ABSURD_COUNTS) {
            writeDamaged(mark, 0, int64(count));
            Refusals.assertRefused(path, this::read);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"words", "reals"})
    void absurdArrayLengthsAreRefused(String key) throws IOException {
        for (long count : ABSURD_COUNTS) {
            writeDamaged("value " + key, 4, int64(count));
            Refusals.assertRefused(path, this::read, key);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 3, 24, 33, 1 << 31, -1})
    void anAlignmentThatIsNoPowerOfTwoIsRefused(int alignment) throws IOException {
        Files.write(path, sample().uint32("general.alignment", alignment).toBytes());
        Refusals.assertRefused(path, this::read, "'general.alignment' is " + Integer.toUnsignedString(alignment));
    }

    @Test
    void anAlignmentThatMovesTheDataOutOfTheFileIsRefused() throws IOException {
        Files.write(path, sample().uint32("general.alignment", 1 << 30).toBytes());
        Refusals.assertRefused(path, this::read, "'first' lies outside the file");
        Files.write(path, new GgufWriter().uint32("general.alignment", 1 << 30).tensor("a", 0, List.of(1L), new byte[4]).toBytes());
        Refusals.assertRefused(path, this::read, "'a' lies outside the file");
    }

    @Test
    void anAlignmentThatIsAStringIsRefused() throws IOException {
        Files.write(path, sample().string("general.alignment", "32").toBytes());
        Refusals.assertRefused(path, this::read, "'general.alignment' is the string '32'");
    }

    /** Counts that the size of the file would allow: only the limits of the reader keep it from allocating them. */
    @Test
    void countsInAHugeFileOfZerosAreRefused() throws IOException {
        for (String mark : List.of("tensor count", "metadata count", "value words", "value reals", "value general.architecture")) {
            int offset = mark.equals("value words") || mark.equals("value reals") ? 4 : 0;
            for (long count : new long[] {200_000_000, (1L << 31) - 9, 1L << 33}) {
                writeDamaged(mark, offset, int64(count));
                try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
                    file.setLength(1L << 36);
                }
                Refusals.assertRefused(path, this::read);
            }
        }
    }

    @Test
    void namesFromTheFileDoNotBreakTheLine() throws IOException {
        Files.write(path, sample().tensor("evil\n\u001b[31m\u2028name", 99, List.of(1L), new byte[4]).toBytes());
        Refusals.assertRefused(path, this::read, "has the unknown tensor type 99");
    }

    @Test
    void whatIsNoRegularFileIsRefused() throws Exception {
        Refusals.assertRefused(path, this::read, "no such file");
        Files.createFile(path);
        Refusals.assertRefused(path, this::read, "is empty");
        Files.delete(path);
        Files.createDirectory(path);
        Refusals.assertRefused(path, this::read, "is a directory");
        Files.delete(path);
        assertEquals(0, new ProcessBuilder("mkfifo", path.toString()).start().waitFor(), "mkfifo");
        Refusals.assertRefused(path, this::read, "is not a regular file");
    }

    @Test
    void anyChangedByteOfTheHeadIsAcceptedOrRefused() throws IOException {
        GgufWriter writer = sample();
        byte[] whole = writer.toBytes();
        int head = writer.marks().get("padding");
        for (int at = 0; at < head; at++) {
            for (int flip : new int[] {0x01, 0x80, 0xff}) {
                byte[] damaged = whole.clone();
                damaged[at] ^= (byte) flip;
                Files.write(path, damaged);
                Refusals.attempt(this::read);
            }
        }
    }

    @Test
    void anyHandfulOfChangedBytesIsAcceptedOrRefused() throws IOException {
        long seed = 20_260_101;
        Random random = new Random(seed);
        GgufWriter writer = sample();
        byte[] whole = writer.toBytes();
        int head = writer.marks().get("padding");
        byte[] telling = {0, 1, -1, 0x7f, (byte) 0x80, 32};
        for (int round = 0; round < 500; round++) {
            byte[] damaged = whole.clone();
            for (int change = random.nextInt(1, 6); change > 0; change--) {
                damaged[random.nextInt(head)] = random.nextBoolean() ? telling[random.nextInt(telling.length)] : (byte) random.nextInt();
            }
            Files.write(path, damaged);
            Refusals.attempt(this::read);
        }
    }

    /** Opens the file and reads every tensor to its last byte. */
    private void read() {
        try (Arena memory = Arena.ofConfined()) {
            GgufFile file = GgufFile.open(path, memory);
            file.tensors().values().forEach(BlockCodec::decode);
        }
    }

    private void writeDamaged(String mark, int offset, byte[] bytes) throws IOException {
        GgufWriter writer = sample();
        byte[] whole = writer.toBytes();
        System.arraycopy(bytes, 0, whole, writer.marks().get(mark) + offset, bytes.length);
        Files.write(path, whole);
    }

    private static Arguments damage(String name, String mark, int offset, byte[] bytes) {
        return damage(name, mark, offset, bytes, "");
    }

    private static Arguments damage(String name, String mark, int offset, byte[] bytes, String part) {
        return Arguments.of(name, mark, offset, bytes, part);
    }

    private static byte[] int32(int value) {
        return ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(value).array();
    }

    private static byte[] int64(long... values) {
        ByteBuffer out = ByteBuffer.allocate(8 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (long value : values) {
            out.putLong(value);
        }
        return out.array();
    }
}
