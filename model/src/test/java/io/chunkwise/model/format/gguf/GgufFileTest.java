package io.chunkwise.model.format.gguf;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.model.fixtures.GgufWriter;
import io.chunkwise.model.fixtures.SharedData;
import io.chunkwise.model.format.BlockCodec;
import io.chunkwise.model.format.FormatException;
import io.chunkwise.model.format.TensorType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GgufFileTest {
    @TempDir
    Path directory;

    @ParameterizedTest
    @ValueSource(ints = {2, 3})
    void readsWhatWasWritten(int version) throws IOException {
        GgufWriter writer = new GgufWriter(version).string("text", "zwölf ▁Boxkämpfer\n").uint32("count", -1).uint64("long", Long.MAX_VALUE)
                .float32("real", 0.5f).bool("yes", true).bool("no", false).strings("words", List.of("", "a", "é")).float32s("reals",
                        new float[] {1, -2})
                .int32s("numbers", new int[] {-7, 8}).tensor("a.weight", 0, List.of(2L, 3L), floats(1, 2, 3, 4, 5, 6))
                .tensor("b", 0, List.of(1L), floats(7));
        try (Arena memory = Arena.ofConfined()) {
            GgufFile file = GgufFile.open(written(writer), memory);
            assertEquals(Optional.of("zwölf ▁Boxkämpfer\n"), file.string("text"));
            assertEquals(Optional.of(0xffff_ffffL), file.integer("count"));
            assertEquals(Optional.of(Long.MAX_VALUE), file.integer("long"));
            assertEquals(Optional.of(0.5f), file.floating("real"));
            assertEquals(Optional.of(true), file.bool("yes"));
            assertEquals(Optional.of(false), file.bool("no"));
            assertEquals(Optional.of(List.of("", "a", "é")), file.strings("words"));
            assertArrayEquals(new float[] {1, -2}, file.floats("reals").orElseThrow());
            assertArrayEquals(new int[] {-7, 8}, file.integers("numbers").orElseThrow());
            assertEquals(Optional.empty(), file.string("absent"));
            assertEquals(List.of("text", "count", "long", "real", "yes", "no", "words", "reals", "numbers"),
                    List.copyOf(file.metadata().keySet()));
            assertEquals(List.of("a.weight", "b"), List.copyOf(file.tensors().keySet()));
            assertEquals(List.of(2L, 3L), file.tensor("a.weight").shape());
            assertArrayEquals(new float[] {1, 2, 3, 4, 5, 6}, BlockCodec.decode(file.tensor("a.weight")));
            assertArrayEquals(new float[] {7}, BlockCodec.decode(file.tensor("b")));
        }
    }

    @Test
    void readsEveryMetadataType() throws IOException {
        GgufWriter writer = new GgufWriter().raw("u8", GgufWriter.UINT8, bytes(1).put((byte) 200).array())
                .raw("i8", GgufWriter.INT8, bytes(1).put((byte) -2).array()).raw("u16", GgufWriter.UINT16,
                        bytes(2).putShort((short) 65_000).array())
                .raw("i16", GgufWriter.INT16, bytes(2).putShort((short) -3).array()).raw("i32", GgufWriter.INT32,
                        bytes(4).putInt(-4).array())
                .raw("i64", GgufWriter.INT64, bytes(8).putLong(-5).array()).raw("f64", GgufWriter.FLOAT64, bytes(8).putDouble(0.25).array())
                .raw("u64", GgufWriter.UINT64, bytes(8).putLong(-1).array())
                .raw("u8s", GgufWriter.ARRAY, bytes(14).putInt(GgufWriter.UINT8).putLong(2).put((byte) 255).put((byte) 1).array())
                .raw("u32s", GgufWriter.ARRAY, bytes(16).putInt(GgufWriter.UINT32).putLong(1).putInt(-1).array())
                .raw("f64s", GgufWriter.ARRAY, bytes(20).putInt(GgufWriter.FLOAT64).putLong(1).putDouble(1.5).array())
                .raw("bools", GgufWriter.ARRAY, bytes(14).putInt(GgufWriter.BOOL).putLong(2).put((byte) 1).put((byte) 0).array())
                .raw("none", GgufWriter.ARRAY, bytes(12).putInt(GgufWriter.STRING).putLong(0).array());
        try (Arena memory = Arena.ofConfined()) {
            GgufFile file = GgufFile.open(written(writer), memory);
            assertEquals(Optional.of(200L), file.integer("u8"));
            assertEquals(Optional.of(-2L), file.integer("i8"));
            assertEquals(Optional.of(65_000L), file.integer("u16"));
            assertEquals(Optional.of(-3L), file.integer("i16"));
            assertEquals(Optional.of(-4L), file.integer("i32"));
            assertEquals(Optional.of(-5L), file.integer("i64"));
            assertEquals(Optional.of(0.25f), file.floating("f64"));
            assertEquals(new BigInteger("18446744073709551615"), file.metadata().get("u64"));
            assertThrows(FormatException.class, () -> file.integer("u64"));
            assertArrayEquals(new int[] {255, 1}, file.integers("u8s").orElseThrow());
            assertThrows(FormatException.class, () -> file.integers("u32s"));
            assertArrayEquals(new float[] {1.5f}, file.floats("f64s").orElseThrow());
            assertArrayEquals(new boolean[] {true, false}, (boolean[]) file.metadata().get("bools"));
            assertEquals(Optional.of(List.of()), file.strings("none"));
        }
    }

    @Test
    void aValueOfAnotherTypeIsRefusedNamingKeyAndBoth() throws IOException {
        try (Arena memory = Arena.ofConfined()) {
            GgufFile file = GgufFile.open(written(new GgufWriter().string("llama.block_count", "two")), memory);
            FormatException refusal = assertThrows(FormatException.class, () -> file.integer("llama.block_count"));
            assertTrue(refusal.getMessage().endsWith("model.gguf: 'llama.block_count' is the string 'two', expected an integer below 2^63"),
                    refusal.getMessage());
        }
    }

    @Test
    void aTensorOfUnsupportedTypeIsAnErrorOnlyWhenAskedFor() throws IOException {
        GgufWriter writer = new GgufWriter().tensor("q", 12, List.of(2L, 256L), new byte[288]).tensor("b", 0, List.of(1L), floats(7));
        try (Arena memory = Arena.ofConfined()) {
            GgufFile file = GgufFile.open(written(writer), memory);
            assertArrayEquals(new float[] {7}, BlockCodec.decode(file.tensor("b")));
            assertFalse(file.tensors().containsKey("q"));
            assertTrue(file.hasTensor("q"));
            assertEquals("Q4_K", file.unsupportedTensors().get("q"));
            FormatException refusal = assertThrows(FormatException.class, () -> file.tensor("q"));
            assertTrue(refusal.getMessage().endsWith("'q' is Q4_K, which is not supported; convert to Q8_0 or Q4_0"), refusal.getMessage());
        }
    }

    @Test
    void everyAlignmentOfAPowerOfTwoIsHonoured() throws IOException {
        for (int alignment : new int[] {8, 64, 4096}) {
            GgufWriter writer = new GgufWriter().alignment(alignment).tensor("a", 0, List.of(1L), floats(1)).tensor("b", 0, List.of(1L),
                    floats(2));
            try (Arena memory = Arena.ofConfined()) {
                GgufFile file = GgufFile.open(written(writer), memory);
                assertArrayEquals(new float[] {2}, BlockCodec.decode(file.tensor("b")), "alignment " + alignment);
            }
        }
    }

    @Test
    void blockTypesHaveTheLayoutOfTheCodec() {
        for (GgmlType type : GgmlType.values()) {
            type.supported().ifPresent(ours -> {
                assertEquals(ours.name(), type.name());
                assertEquals(ours.blockElements(), type.blockElements());
                assertEquals(ours.blockBytes(), type.blockBytes());
                assertEquals(Optional.of(type), GgmlType.of(GgufWriter.typeNumber(ours)));
            });
        }
        for (TensorType ours : TensorType.values()) {
            assertTrue(GgmlType.of(GgufWriter.typeNumber(ours)).flatMap(GgmlType::supported).isPresent(), ours.name());
        }
    }

    @Test
    void readsTheVocabularyFileOfLlama2() {
        Path path = SharedData.assumePresent("tokenizer/ggml-vocab-llama-spm.gguf");
        try (Arena memory = Arena.ofConfined()) {
            GgufFile file = GgufFile.open(path, memory);
            assertEquals(Optional.of("llama"), file.string("general.architecture"));
            assertEquals(32_000, file.strings("tokenizer.ggml.tokens").orElseThrow().size());
            assertEquals("<s>", file.strings("tokenizer.ggml.tokens").orElseThrow().get(1));
            assertEquals(32_000, file.floats("tokenizer.ggml.scores").orElseThrow().length);
            assertEquals(Optional.of(4096L), file.integer("llama.embedding_length"));
            assertTrue(file.tensors().isEmpty());
        }
    }

    private Path written(GgufWriter writer) throws IOException {
        Path path = directory.resolve("model.gguf");
        writer.write(path);
        return path;
    }

    private static byte[] floats(float... values) {
        ByteBuffer out = bytes(4 * values.length);
        for (float value : values) {
            out.putFloat(value);
        }
        return out.array();
    }

    private static ByteBuffer bytes(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }
}
