package io.chunkwise.model.llama;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.chunkwise.model.Progress;
import io.chunkwise.model.fixtures.GgufModels;
import io.chunkwise.model.fixtures.GgufWriter;
import io.chunkwise.model.fixtures.HuggingFaceModels;
import io.chunkwise.model.fixtures.SharedData;
import io.chunkwise.model.format.BlockCodec;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.format.TensorView;
import io.chunkwise.model.forward.WeightRole;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class ModelFilesTest {
    private static final GgufModels.Vocabulary VOCABULARY = GgufModels.Vocabulary.numbered(288);

    @TempDir
    Path directory;

    private static LlamaConfig config(LlamaArchitecture architecture, RopeScaling scaling, int headDim, boolean tied) {
        return new LlamaConfig(architecture, 64, 2, 4, 2, headDim, 96, 288, 128, 1e-6f, 50_000f, scaling, RotaryPairing.HALVES,
                architecture == LlamaArchitecture.MISTRAL ? 24 : 0, architecture == LlamaArchitecture.QWEN2, tied, 1, Set.of(2));
    }

    private static Stream<Arguments> configs() {
        return Stream.of(
                Arguments.of("Llama 2", config(LlamaArchitecture.LLAMA, new RopeScaling.None(), 16, false)),
                Arguments.of("Llama, tied, linear", config(LlamaArchitecture.LLAMA, new RopeScaling.Linear(4), 16, true)),
                Arguments.of("Llama 3.1", config(LlamaArchitecture.LLAMA, new RopeScaling.Llama3(8, 1, 4, 32), 16, false)),
                Arguments.of("heads wider than the hidden size", config(LlamaArchitecture.LLAMA, new RopeScaling.None(), 32, false)),
                Arguments.of("Mistral", config(LlamaArchitecture.MISTRAL, new RopeScaling.None(), 16, false)),
                Arguments.of("Qwen2", config(LlamaArchitecture.QWEN2, new RopeScaling.None(), 16, true)));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("configs")
    void aDirectoryIsReadAsItWasWritten(String name, LlamaConfig config) throws IOException {
        try (LlamaModel written = SyntheticLlama.model(config, TensorType.F32, 1)) {
            HuggingFaceModels.write(directory, written, TensorType.F32, VOCABULARY);
            try (LlamaModel read = ModelFiles.open(directory, Progress.NONE)) {
                assertEquals(config, read.config());
                assertEquals(288, read.tokenizer().vocabSize());
                assertSameWeights(written, read, false);
            }
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("configs")
    void aGgufFileIsReadAsItWasWritten(String name, LlamaConfig config) throws IOException {
        Path file = directory.resolve("model.gguf");
        try (LlamaModel written = SyntheticLlama.model(config, TensorType.F32, 2)) {
            GgufModels.write(file, written, TensorType.F32, VOCABULARY);
            try (LlamaModel read = ModelFiles.open(file, Progress.NONE)) {
                boolean isPermuted = config.architecture() != LlamaArchitecture.QWEN2;
                assertEquals(isPermuted ? RotaryPairing.NEIGHBOURS : RotaryPairing.HALVES, read.config().rotaryPairing());
                assertEquals(config.slidingWindow(), read.config().slidingWindow());
                assertEquals(config.tiedOutput(), read.config().tiedOutput());
                assertEquals(config.headDim(), read.config().headDim());
                assertEquals(config.eosIds(), read.config().eosIds());
                assertEquals(config.bosId(), read.config().bosId());
                assertEquals(288, read.tokenizer().vocabSize());
                assertSameWeights(written, read, isPermuted);
                assertSameAngles(config, read.config());
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "F16", "BF16"})
    void shardsAreReadAsOneFile(TensorType type) throws IOException {
        LlamaConfig config = config(LlamaArchitecture.LLAMA, new RopeScaling.None(), 16, false);
        try (LlamaModel synthetic = SyntheticLlama.model(config, TensorType.F32, 3)) {
            HuggingFaceModels.write(directory, synthetic, type, VOCABULARY);
            List<TensorView> tensors = HuggingFaceModels.tensors(synthetic, type);
            Path sharded = directory.resolve("sharded");
            HuggingFaceModels.write(sharded, synthetic, type, VOCABULARY);
            HuggingFaceModels.shard(sharded, tensors, 3);
            try (LlamaModel single = ModelFiles.open(directory, Progress.NONE); LlamaModel read = ModelFiles.open(sharded, Progress.NONE)) {
                assertEquals(type, read.weights().get(WeightRole.QUERY, 1).type());
                assertSameWeights(single, read, false);
            }
        }
    }

    @Test
    void theReferenceModelIsReadFromItsDirectoryShardsAndGguf() throws IOException {
        Path source = SharedData.assumePresent("stories260K");
        try (LlamaModel model = ModelFiles.open(source, Progress.NONE)) {
            // Numbers of its config.json.
            assertEquals(new LlamaConfig(LlamaArchitecture.LLAMA, 64, 5, 8, 4, 8, 172, 512, 512, 1e-5f, 10_000f, new RopeScaling.None(),
                    RotaryPairing.HALVES, 0, false, true, 1, Set.of(2)), model.config());
            assertEquals(512, model.tokenizer().vocabSize());

            for (String copied : List.of("config.json", "tokenizer.model")) {
                Files.copy(source.resolve(copied), directory.resolve(copied));
            }
            HuggingFaceModels.shard(directory, HuggingFaceModels.tensors(model, TensorType.F32), 2);
            try (LlamaModel sharded = ModelFiles.open(directory, Progress.NONE)) {
                assertEquals(model.config(), sharded.config());
                assertSameWeights(model, sharded, false);
            }
            Path gguf = directory.resolve("model.gguf");
            GgufModels.write(gguf, model, TensorType.F32, GgufModels.Vocabulary.numbered(512));
            try (LlamaModel converted = ModelFiles.open(gguf, Progress.NONE)) {
                assertSameWeights(model, converted, true);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"F16", "BF16", "Q8_0", "Q4_0"})
    void aShorterNumberFormatKeepsWeightsWithinItsError(TensorType type) throws IOException {
        Path file = directory.resolve("model.gguf");
        LlamaConfig config = config(LlamaArchitecture.QWEN2, new RopeScaling.None(), 16, false);
        try (LlamaModel written = SyntheticLlama.model(config, TensorType.F32, 4)) {
            GgufModels.write(file, written, type, VOCABULARY);
            try (LlamaModel read = ModelFiles.open(file, Progress.NONE)) {
                for (WeightRole role : WeightRole.ADAPTABLE) {
                    float[] expected = BlockCodec.decode(written.weights().get(role, 1));
                    TensorView stored = read.weights().get(role, 1);
                    assertEquals(type, stored.type());
                    float[] actual = BlockCodec.decode(stored);
                    for (int i = 0; i < expected.length; i++) {
                        double tolerance = tolerance(type, expected, i);
                        int at = i;
                        assertEquals(expected[i], actual[i], tolerance, () -> role + " index " + at);
                    }
                }
            }
        }
    }

    /** Half a quantum, and what rounding the scale to F16 adds; Q4_0 has one quantum less on one side. */
    private static double tolerance(TensorType type, float[] values, int index) {
        int block = index / 32 * 32;
        double largest = 0;
        for (int i = block; i < block + 32; i++) {
            largest = Math.max(largest, Math.abs(values[i]));
        }
        double rounding = largest / 2048 + 1e-7;
        return switch (type) {
            case F32 -> 0;
            case F16 -> Math.abs(values[index]) / 2048 + 1e-7;
            case BF16 -> Math.abs(values[index]) / 256;
            case Q8_0 -> largest / 127 / 2 + rounding;
            case Q4_0 -> largest / 8 + rounding;
        };
    }

    @Test
    void theNewFormOfTheConfigurationMeansTheSame() throws IOException {
        LlamaConfig config = config(LlamaArchitecture.LLAMA, new RopeScaling.Llama3(8, 1, 4, 32), 16, true);
        try (LlamaModel synthetic = SyntheticLlama.model(config, TensorType.F32, 5)) {
            HuggingFaceModels.write(directory, synthetic, TensorType.F32, VOCABULARY);
            ObjectNode json = HuggingFaceModels.config(config);
            ObjectNode rope = (ObjectNode) json.remove("rope_scaling");
            rope.set("rope_theta", json.remove("rope_theta"));
            json.set("rope_parameters", rope);
            json.put("dtype", "float32");
            HuggingFaceModels.writeConfig(directory, json);
            try (LlamaModel read = ModelFiles.open(directory, Progress.NONE)) {
                assertEquals(config, read.config());
            }
        }
    }

    @Test
    void absentKeysHaveTheDefaultsOfTransformers() throws IOException {
        LlamaConfig config = new LlamaConfig(LlamaArchitecture.LLAMA, 64, 1, 4, 4, 16, 96, 288, 2048, 1e-6f, 10_000f,
                new RopeScaling.None(),
                RotaryPairing.HALVES, 0, false, false, 1, Set.of(2));
        try (LlamaModel synthetic = SyntheticLlama.model(config, TensorType.F32, 6)) {
            HuggingFaceModels.write(directory, synthetic, TensorType.F32, VOCABULARY);
            ObjectNode json = HuggingFaceModels.config(config);
            json.retain("model_type", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size");
            HuggingFaceModels.writeConfig(directory, json);
            try (LlamaModel read = ModelFiles.open(directory, Progress.NONE)) {
                assertEquals(config, read.config());
            }
        }
    }

    @Test
    void anAbsentSlidingWindowOfMistralIs4096AndNullIsNone() throws IOException {
        LlamaConfig config = config(LlamaArchitecture.MISTRAL, new RopeScaling.None(), 16, false);
        try (LlamaModel synthetic = SyntheticLlama.model(config, TensorType.F32, 7)) {
            HuggingFaceModels.write(directory, synthetic, TensorType.F32, VOCABULARY);
            ObjectNode json = HuggingFaceModels.config(config);
            HuggingFaceModels.writeConfig(directory, json.putNull("sliding_window"));
            try (LlamaModel read = ModelFiles.open(directory, Progress.NONE)) {
                assertEquals(0, read.config().slidingWindow());
            }
            json.remove("sliding_window");
            HuggingFaceModels.writeConfig(directory, json);
            try (LlamaModel read = ModelFiles.open(directory, Progress.NONE)) {
                assertEquals(4096, read.config().slidingWindow());
            }
        }
    }

    @Test
    void endTokensOfTheGenerationConfigAreAdded() throws IOException {
        LlamaConfig config = config(LlamaArchitecture.LLAMA, new RopeScaling.None(), 16, false);
        try (LlamaModel synthetic = SyntheticLlama.model(config, TensorType.F32, 8)) {
            HuggingFaceModels.write(directory, synthetic, TensorType.F32, VOCABULARY);
            Files.writeString(directory.resolve("generation_config.json"), "{\"eos_token_id\": [2, 270, 271], \"temperature\": 0.6}");
            try (LlamaModel read = ModelFiles.open(directory, Progress.NONE)) {
                assertEquals(Set.of(2, 270, 271), read.config().eosIds());
            }
            Files.writeString(directory.resolve("generation_config.json"), "{\"eos_token_id\": 265}");
            try (LlamaModel read = ModelFiles.open(directory, Progress.NONE)) {
                assertEquals(Set.of(2, 265), read.config().eosIds());
            }
        }
    }

    @Test
    void endTokensOfGgufAreCollected() throws IOException {
        LlamaConfig config = config(LlamaArchitecture.LLAMA, new RopeScaling.None(), 16, false);
        Path file = directory.resolve("model.gguf");
        try (LlamaModel synthetic = SyntheticLlama.model(config, TensorType.F32, 9)) {
            GgufModels.writer(synthetic, TensorType.F32, VOCABULARY).uint32("tokenizer.ggml.eot_token_id", 270)
                    .uint32("tokenizer.ggml.eom_token_id", -1).write(file);
            try (LlamaModel read = ModelFiles.open(file, Progress.NONE)) {
                assertEquals(Set.of(2, 270), read.config().eosIds());
            }
        }
    }

    @Test
    void tablesOfOldImplementationsAndCopiesOfTheTiedOutputAreNoObstacle() throws IOException {
        LlamaConfig config = config(LlamaArchitecture.LLAMA, new RopeScaling.None(), 16, true);
        try (LlamaModel synthetic = SyntheticLlama.model(config, TensorType.F32, 10)) {
            HuggingFaceModels.write(directory, synthetic, TensorType.F32, VOCABULARY);
            List<TensorView> tensors = new ArrayList<>(HuggingFaceModels.tensors(synthetic, TensorType.F32));
            TensorView embedding = tensors.getFirst();
            tensors.add(new TensorView("model.layers.0.self_attn.rotary_emb.inv_freq", TensorType.F32, List.of(8L),
                    embedding.data().asSlice(0, 32)));
            tensors.add(new TensorView("lm_head.weight", TensorType.F32, embedding.shape(), embedding.data()));
            HuggingFaceModels.shard(directory, tensors, 2);
            try (LlamaModel read = ModelFiles.open(directory, Progress.NONE)) {
                assertTrue(read.config().tiedOutput());
                assertSameWeights(synthetic, read, false);
            }
        }
    }

    @Test
    void progressEndsAtTheBytesOfAllWeights() throws IOException {
        LlamaConfig config = config(LlamaArchitecture.LLAMA, new RopeScaling.None(), 16, true);
        Path file = directory.resolve("model.gguf");
        try (LlamaModel synthetic = SyntheticLlama.model(config, TensorType.F32, 11)) {
            GgufModels.write(file, synthetic, TensorType.Q8_0, VOCABULARY);
            List<Long> done = new ArrayList<>();
            try (LlamaModel read = ModelFiles.open(file, (_, now, total) -> {
                done.add(now);
                assertTrue(now <= total, now + " of " + total);
            })) {
                assertEquals(read.weights().bytes(), done.getLast());
                assertEquals(done.stream().sorted().toList(), done);
            }
        }
    }

    @Test
    void bothVersionsOfGgufAreTheSameModel() throws IOException {
        LlamaConfig config = config(LlamaArchitecture.LLAMA, new RopeScaling.None(), 16, false);
        Path file = directory.resolve("model.gguf");
        try (LlamaModel synthetic = SyntheticLlama.model(config, TensorType.F32, 12)) {
            GgufWriter writer = GgufModels.writer(synthetic, TensorType.F32, VOCABULARY);
            byte[] bytes = writer.toBytes();
            bytes[writer.marks().get("version")] = 2;
            Files.write(file, bytes);
            try (LlamaModel read = ModelFiles.open(file, Progress.NONE)) {
                assertSameWeights(synthetic, read, true);
            }
        }
    }

    /** @param isPermuted query and key rows of {@code actual} are those of a llama-architecture GGUF file */
    private static void assertSameWeights(LlamaModel expected, LlamaModel actual, boolean isPermuted) {
        LlamaConfig config = expected.config();
        for (WeightRole role : WeightRole.values()) {
            if (role.isPresent(config)) {
                for (int layer = 0; layer < (role.isPerLayer() ? config.layers() : 1); layer++) {
                    TensorView wanted = expected.weights().get(role, layer);
                    float[] values = BlockCodec.decode(actual.weights().get(role, layer));
                    if (isPermuted && (role == WeightRole.QUERY || role == WeightRole.KEY)) {
                        values = toHalves(values, wanted.rows(), wanted.columns(), config.headDim());
                    }
                    assertArrayEquals(BlockCodec.decode(wanted), values, role + " " + layer);
                }
            }
        }
    }

    /** Elements 2i and 2i + 1 of a head go to i and i + headDim / 2. */
    private static float[] toHalves(float[] matrix, int rows, int columns, int headDim) {
        float[] out = new float[matrix.length];
        for (int head = 0; head < rows / headDim; head++) {
            for (int i = 0; i < headDim / 2; i++) {
                for (int column = 0; column < columns; column++) {
                    out[(head * headDim + i) * columns + column] = matrix[(head * headDim + 2 * i) * columns + column];
                    out[(head * headDim + i + headDim / 2) * columns + column] = matrix[(head * headDim + 2 * i + 1) * columns + column];
                }
            }
        }
        return out;
    }

    private static void assertSameAngles(LlamaConfig expected, LlamaConfig actual) {
        RotaryTable wanted = new RotaryTable(expected, 8);
        RotaryTable table = new RotaryTable(actual, 8);
        assertArrayEquals(wanted.cosine(), table.cosine(), 1e-5f, "cosine");
        assertArrayEquals(wanted.sine(), table.sine(), 1e-5f, "sine");
    }
}
