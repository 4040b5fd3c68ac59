package io.chunkwise.model.format.safetensors;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.model.fixtures.Refusals;
import io.chunkwise.model.format.BlockCodec;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.format.TensorView;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class MalformedSafetensorsTest {
    @TempDir
    Path directory;
    private Path path;

    @BeforeEach
    void namePath() {
        path = directory.resolve("damaged.safetensors");
    }

    private static byte[] sample() {
        String header = "{\"__metadata__\":{\"format\":\"pt\"},\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"
                + "\"b\":{\"dtype\":\"F16\",\"shape\":[4],\"data_offsets\":[24,32]},"
                + "\"c\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[32,40]}}  ";
        return bytes(header, 40);
    }

    @Test
    void theUndamagedSampleIsAccepted() throws IOException {
        Files.write(path, sample());
        assertTrue(Refusals.attempt(this::read).isEmpty());
    }

    @Test
    void aFileCutOrExtendedAnywhereIsRefused() throws IOException {
        byte[] whole = sample();
        for (int length = 0; length < whole.length + 20; length++) {
            if (length != whole.length) {
                Files.write(path, Arrays.copyOf(whole, length));
                Refusals.assertRefused(path, this::read);
            }
        }
    }

    /** Header, bytes of tensor data that follow, and what the message says. */
    private static Stream<Arguments> headers() {
        return Stream.of(
                Arguments.of("not JSON", "{nonsense}", 0, "not valid JSON"),
                Arguments.of("an array", "[]", 0, "does not begin with '{'"),
                Arguments.of("a space before", " {}", 0, "does not begin with '{'"),
                Arguments.of("not closed", "{\"a\":", 0, "not valid JSON"),
                Arguments.of("something after", "{} {}", 0, "after its closing brace"),
                Arguments.of("zeros after", "{}\0\0\0", 0, "not valid JSON"),
                Arguments.of("deep nesting", "{\"a\":" + "[".repeat(100_000), 0, ""),
                Arguments.of("deep nesting in an extra field", "{\"a\":{\"x\":" + "{\"y\":".repeat(50_000), 0, "not valid JSON"),
                Arguments.of("tensor that is a number", "{\"a\":1}", 0, "'a' is an integer, expected an object"),
                Arguments.of("tensor that is null", "{\"a\":null}", 0, "'a' is"),
                Arguments.of("metadata of a number", "{\"__metadata__\":{\"x\":1}}", 0,
                        "'x' of '__metadata__' is an integer, expected a string"),
                Arguments.of("metadata that is an array", "{\"__metadata__\":[]}", 0, "'__metadata__' is an array"),
                Arguments.of("metadata twice", "{\"__metadata__\":{},\"__metadata__\":{}}", 0, "'__metadata__' occurs twice"),
                Arguments.of("metadata key twice", "{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", 0, "'k' occurs twice"),
                Arguments.of("tensor twice", "{" + entry("a", "F32", "[1]", "[0,4]") + "," + entry("a", "F32", "[1]", "[0,4]") + "}", 4,
                        "'a' occurs twice"),
                Arguments.of("field twice", "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
                        "'dtype' occurs twice in 'a'"),
                Arguments.of("no dtype", "{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "'a' needs 'dtype'"),
                Arguments.of("no shape", "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "'a' needs"),
                Arguments.of("no offsets", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "'a' needs"),
                tensor("unknown dtype", "F31", "[1]", "[0,4]", 4, "'a' has the unknown dtype 'F31'"),
                tensor("dtype in lower case", "f32", "[1]", "[0,4]", 4, "unknown dtype 'f32'"),
                tensor("negative dimension", "F32", "[-1]", "[0,4]", 4, "negative"),
                tensor("dimension of -0", "F32", "[-0]", "[0,0]", 0, "negative"),
                tensor("fraction of a dimension", "F32", "[1.0]", "[0,4]", 4, "a number with a fraction"),
                tensor("dimension that is text", "F32", "[\"1\"]", "[0,4]", 4, "a string"),
                tensor("dimension that is NaN", "F32", "[NaN]", "[0,4]", 4, "not valid JSON"),
                tensor("dimension of 2^63", "F32", "[9223372036854775808]", "[0,4]", 4, "not valid JSON"),
                tensor("dimension of 1,000 digits", "F32", "[" + "9".repeat(1000) + "]", "[0,4]", 4, ""),
                tensor("dimension of a million digits", "F32", "[" + "9".repeat(1_000_000) + "]", "[0,4]", 4, ""),
                tensor("dimensions that overflow", "F32", "[4294967296,4294967296]", "[0,0]", 0,
                        "'a' of [4294967296, 4294967296] is too large"),
                tensor("bits that overflow", "F32", "[1152921504606846976]", "[0,0]", 0, "is too large"),
                tensor("33 dimensions", "F32", "[" + "1,".repeat(32) + "1]", "[0,4]", 4, "more than 32"),
                tensor("a million dimensions", "F32", "[" + "1,".repeat(1_000_000) + "1]", "[0,4]", 4, "more than 32"),
                tensor("shape too large", "F32", "[2]", "[0,4]", 4, "'a' [2] of F32 takes 8 bytes, but its data_offsets span 4"),
                tensor("shape too small", "F32", "[1]", "[0,8]", 8, "'a' [1] of F32 takes 4 bytes"),
                tensor("half a byte", "F4", "[1]", "[0,1]", 1, "whole bytes"),
                tensor("one offset", "F32", "[1]", "[4]", 4, "needs"),
                tensor("three offsets", "F32", "[1]", "[0,4,8]", 4, "more than 2"),
                tensor("negative offset", "F32", "[1]", "[-4,0]", 4, "negative"),
                tensor("end before begin", "F32", "[1]", "[4,0]", 4, "'a' has data_offsets [4, 0]"),
                tensor("hole at the start", "F32", "[1]", "[4,8]", 8, "expected them to begin at 0"),
                tensor("end outside the file", "F32", "[2]", "[0,8]", 4, "has 4 bytes of tensor data, but its header describes 8"),
                tensor("offsets of 2^62", "F32", "[1]", "[4611686018427387904,4611686018427387908]", 4, "'a' has data_offsets"),
                tensor("end of 2^63 - 1", "F32", "[1]", "[0,9223372036854775807]", 4, "takes 4 bytes"),
                tensor("bytes that no tensor owns", "F32", "[1]", "[0,4]", 8, "has 8 bytes of tensor data, but its header describes 4"),
                Arguments.of("overlap", "{" + entry("a", "F32", "[2]", "[0,8]") + "," + entry("b", "F32", "[2]", "[4,12]") + "}", 12,
                        "'b' has data_offsets [4, 12]"),
                Arguments.of("the same bytes twice", "{" + entry("a", "F32", "[2]", "[0,8]") + "," + entry("b", "F32", "[2]", "[0,8]")
                        + "}", 8, "has data_offsets [0, 8]"),
                Arguments.of("hole", "{" + entry("a", "F32", "[1]", "[0,4]") + "," + entry("b", "F32", "[1]", "[8,12]") + "}", 12,
                        "'b' has data_offsets [8, 12]"),
                Arguments.of("a name with a line break", "{" + entry("a\\n\\u001b[2Jb", "F31", "[1]", "[0,4]") + "}", 4, "unknown dtype"),
                Arguments.of("a name of 40,000 letters", "{" + entry("x".repeat(40_000), "F31", "[1]", "[0,4]") + "}", 4, "xxx"),
                Arguments.of("a name of a million letters", "{" + entry("x".repeat(1_000_000), "F32", "[1]", "[0,4]") + "}", 4,
                        "not valid JSON"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("headers")
    void aHeaderIsRefused(String name, String header, int dataBytes, String part) throws IOException {
        write(path, header, dataBytes);
        Refusals.assertRefused(path, this::read, part);
    }

    @ParameterizedTest
    @ValueSource(longs = {0, 1, 3, 1000, 100_000_000, 100_000_001, 1L << 31, (1L << 31) - 1, 1L << 32, 1L << 62, Long.MAX_VALUE,
            Long.MIN_VALUE, -1, -8})
    void aHeaderLengthThatLiesIsRefused(long length) throws IOException {
        byte[] damaged = sample();
        ByteBuffer.wrap(damaged).order(ByteOrder.LITTLE_ENDIAN).putLong(length);
        Files.write(path, damaged);
        Refusals.assertRefused(path, this::read);
    }

    @Test
    void aHugeFileOfZerosIsRefused() throws IOException {
        Files.write(path, new byte[8]);
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            file.setLength(1L << 36);
        }
        Refusals.assertRefused(path, this::read, "its header length is 0");
    }

    @Test
    void aHeaderThatIsNotUtf8IsRefused() throws IOException {
        byte[] damaged = sample();
        damaged[12] = (byte) 0xff;
        Files.write(path, damaged);
        Refusals.assertRefused(path, this::read, "not UTF-8");
        byte[] wide = "{}".getBytes(StandardCharsets.UTF_16LE);
        Files.write(path, ByteBuffer.allocate(12).order(ByteOrder.LITTLE_ENDIAN).putLong(wide.length).put(wide).array());
        Refusals.assertRefused(path, this::read, "not valid JSON");
    }

    @Test
    void anyChangedByteOfTheHeadIsAcceptedOrRefused() throws IOException {
        byte[] whole = sample();
        for (int at = 0; at < whole.length - 40; at++) {
            for (int flip : new int[] {0x01, 0x10, 0x80}) {
                byte[] damaged = whole.clone();
                damaged[at] ^= (byte) flip;
                Files.write(path, damaged);
                Refusals.attempt(this::read);
            }
        }
    }

    @Test
    void anyHandfulOfChangedBytesIsAcceptedOrRefused() throws IOException {
        Random random = new Random(20_260_102);
        byte[] whole = sample();
        byte[] telling = "0123456789-.,:[]{}\"eF \0".getBytes(StandardCharsets.US_ASCII);
        for (int round = 0; round < 500; round++) {
            byte[] damaged = whole.clone();
            for (int change = random.nextInt(1, 5); change > 0; change--) {
                damaged[8 + random.nextInt(whole.length - 48)] = telling[random.nextInt(telling.length)];
            }
            Files.write(path, damaged);
            Refusals.attempt(this::read);
        }
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

    /** Content of an index over shards one and two, each with one tensor of its number, and what the message says. */
    private static Stream<Arguments> indexes() {
        return Stream.of(
                Arguments.of("", "is empty"),
                Arguments.of("[]", "not a JSON object"),
                Arguments.of("{}", "no 'weight_map'"),
                Arguments.of("{\"weight_map\":{}}", "no 'weight_map'"),
                Arguments.of("{\"weight_map\":[1]}", "no 'weight_map'"),
                Arguments.of("{\"weight_map\":{\"one\":1}}", "'one' is said to be in 1"),
                Arguments.of("{\"weight_map\":{\"one\":null}}", "'one' is said to be in null"),
                Arguments.of("{\"weight_map\":{\"one\":\"../one.safetensors\"}}", "beside the index"),
                Arguments.of("{\"weight_map\":{\"one\":\"/etc/passwd\"}}", "beside the index"),
                Arguments.of("{\"weight_map\":{\"one\":\"pytorch_model.bin\"}}", "beside the index"),
                Arguments.of("{\"weight_map\":{\"one\":\"two.safetensors\"}}", "'one' is not in the file 'two.safetensors'"),
                Arguments.of("{\"weight_map\":{\"absent\":\"two.safetensors\"}}", "'absent' is not in the file"),
                Arguments.of("{\"weight_map\":{\"one\":\"one.safetensors\",\"one\":\"one.safetensors\"}}", "not valid JSON"),
                Arguments.of("{\"weight_map\":{\"one\":\"one.safetensors\",\"two\":\"two.safetensors\",\"x\":\"onemore.safetensors\"}}",
                        "both"),
                Arguments.of("{\"weight_map\":" + "[".repeat(100_000), "not valid JSON"));
    }

    @ParameterizedTest
    @MethodSource("indexes")
    void anIndexIsRefused(String content, String part) throws IOException {
        for (String shard : List.of("one", "two", "onemore")) {
            TensorView tensor = SafetensorsFileTest.tensor(shard.substring(0, 3), TensorType.F32, List.of(3L), new Random(1));
            SafetensorsWriter.write(directory.resolve(shard + ".safetensors"), List.of(tensor), Map.of());
        }
        Path index = directory.resolve("model.safetensors.index.json");
        Files.writeString(index, content);
        Refusals.assertRefused(index, () -> {
            try (Arena memory = Arena.ofConfined()) {
                SafetensorsFile.openSharded(index, memory);
            }
        }, part.equals("is empty") ? "" : part);
    }

    @Test
    void anAbsentShardIsRefusedByName() throws IOException {
        Path index = directory.resolve("model.safetensors.index.json");
        Files.writeString(index, "{\"weight_map\":{\"one\":\"one.safetensors\"}}");
        Refusals.assertRefused(directory.resolve("one.safetensors"), () -> {
            try (Arena memory = Arena.ofConfined()) {
                SafetensorsFile.openSharded(index, memory);
            }
        }, "no such file");
    }

    static void write(Path path, String header, int dataBytes) throws IOException {
        Files.write(path, bytes(header, dataBytes));
    }

    private void read() {
        try (Arena memory = Arena.ofConfined()) {
            SafetensorsFile.open(path, memory).tensors().values().forEach(BlockCodec::decode);
        }
    }

    private static Arguments tensor(String name, String dtype, String shape, String offsets, int dataBytes, String part) {
        return Arguments.of(name, "{" + entry("a", dtype, shape, offsets) + "}", dataBytes, part);
    }

    private static String entry(String name, String dtype, String shape, String offsets) {
        return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}";
    }

    private static byte[] bytes(String header, int dataBytes) {
        byte[] utf8 = header.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(8 + utf8.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN).putLong(utf8.length).put(utf8).array();
    }
}
