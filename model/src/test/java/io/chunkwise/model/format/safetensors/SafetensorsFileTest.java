package io.chunkwise.model.format.safetensors;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.model.fixtures.SharedData;
import io.chunkwise.model.format.BlockCodec;
import io.chunkwise.model.format.FormatException;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.format.TensorView;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsFileTest {
    @TempDir
    Path directory;

    @Test
    void readsWhatWasWritten() throws IOException {
        List<TensorView> tensors = new ArrayList<>();
        Random random = new Random(5);
        for (TensorType type : List.of(TensorType.F32, TensorType.F16, TensorType.BF16)) {
            for (List<Long> shape : List.of(List.<Long>of(), List.of(1L), List.of(17L), List.of(3L, 33L), List.of(0L, 4L),
                    List.of(2L, 1L, 5L))) {
                tensors.add(tensor(type + ".ä\"" + shape, type, shape, random));
            }
        }
        Map<String, String> metadata = Map.of("format", "pt", "ключ", "line\nbreak");
        Path path = directory.resolve("written.safetensors");
        SafetensorsWriter.write(path, tensors, metadata);
        try (Arena memory = Arena.ofConfined()) {
            SafetensorsFile file = SafetensorsFile.open(path, memory);
            assertEquals(metadata, file.metadata());
            assertEquals(tensors.stream().map(TensorView::name).toList(), List.copyOf(file.tensors().keySet()));
            for (TensorView written : tensors) {
                TensorView read = file.tensor(written.name());
                assertEquals(written.type(), read.type(), written.name());
                assertEquals(written.shape(), read.shape(), written.name());
                assertEquals(-1, written.data().mismatch(read.data()), written.name());
                assertTrue(read.data().isReadOnly());
            }
        }
    }

    @Test
    void theWriterReplacesAFileAndLeavesNoOther() throws IOException {
        Path path = directory.resolve("ladder.safetensors");
        SafetensorsWriter.write(path, List.of(tensor("old", TensorType.F32, List.of(100L), new Random(1))), Map.of());
        SafetensorsWriter.write(path, List.of(tensor("new", TensorType.F32, List.of(3L), new Random(1))), Map.of());
        try (Arena memory = Arena.ofConfined(); Stream<Path> files = Files.list(directory)) {
            assertEquals(List.of("new"), List.copyOf(SafetensorsFile.open(path, memory).tensors().keySet()));
            assertEquals(List.of(path), files.toList());
        }
    }

    @Test
    void aFailedWriteLeavesTheOldFileAndNoOther() throws IOException {
        Path path = directory.resolve("ladder.safetensors");
        TensorView good = tensor("good", TensorType.F32, List.of(3L), new Random(1));
        SafetensorsWriter.write(path, List.of(good), Map.of());
        Arena closed = Arena.ofConfined();
        TensorView unreadable = new TensorView("unreadable", TensorType.F32, List.of(1L), closed.allocate(4));
        closed.close();
        assertThrows(IllegalStateException.class, () -> SafetensorsWriter.write(path, List.of(good, unreadable), Map.of()));
        TensorView quantized = tensor("quantized", TensorType.Q8_0, List.of(32L), new Random(1));
        assertThrows(IllegalArgumentException.class, () -> SafetensorsWriter.write(path, List.of(quantized), Map.of()));
        assertThrows(IllegalArgumentException.class, () -> SafetensorsWriter.write(path, List.of(good, good), Map.of()));
        try (Arena memory = Arena.ofConfined(); Stream<Path> files = Files.list(directory)) {
            assertEquals(List.of("good"), List.copyOf(SafetensorsFile.open(path, memory).tensors().keySet()));
            assertEquals(List.of(path), files.toList());
        }
        assertThrows(IOException.class, () -> SafetensorsWriter.write(directory.resolve("absent/ladder.safetensors"), List.of(good),
                Map.of()));
    }

    @Test
    void aTensorOfUnsupportedTypeIsAnErrorOnlyWhenAskedFor() throws IOException {
        Path path = directory.resolve("mixed.safetensors");
        MalformedSafetensorsTest.write(path, "{\"ids\":{\"dtype\":\"I64\",\"shape\":[2],\"data_offsets\":[0,16]},"
                + "\"w\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[16,20]}}", 20);
        try (Arena memory = Arena.ofConfined()) {
            SafetensorsFile file = SafetensorsFile.open(path, memory);
            assertArrayEquals(new float[] {0}, BlockCodec.decode(file.tensor("w")));
            assertFalse(file.tensors().containsKey("ids"));
            assertEquals(Map.of("ids", "I64"), file.unsupportedTensors());
            FormatException refusal = assertThrows(FormatException.class, () -> file.tensor("ids"));
            assertTrue(refusal.getMessage()
                    .endsWith("mixed.safetensors: 'ids' is I64, which is not supported; convert to F32, F16 or BF16"),
                    refusal.getMessage());
        }
    }

    @Test
    void readsTheFileOfTheReferenceModel() {
        Path path = SharedData.assumePresent("stories260K/model.safetensors");
        try (Arena memory = Arena.ofConfined()) {
            SafetensorsFile file = SafetensorsFile.open(path, memory);
            assertEquals(47, file.tensors().size());
            assertEquals(Map.of("format", "pt"), file.metadata());
            assertEquals(List.of(64L, 172L), file.tensor("model.layers.4.mlp.down_proj.weight").shape());
        }
    }

    static TensorView tensor(String name, TensorType type, List<Long> shape, Random random) {
        float[] values = new float[Math.toIntExact(shape.stream().reduce(1L, Math::multiplyExact))];
        for (int i = 0; i < values.length; i++) {
            values[i] = random.nextFloat();
        }
        MemorySegment data = Arena.ofAuto().allocate(type.bytesFor(values.length));
        BlockCodec.encode(type, values, 0, values.length, data, 0);
        return new TensorView(name, type, shape, data);
    }
}
