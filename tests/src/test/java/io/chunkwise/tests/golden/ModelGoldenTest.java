package io.chunkwise.tests.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import com.fasterxml.jackson.databind.JsonNode;
import io.chunkwise.model.Progress;
import io.chunkwise.model.format.JsonFile;
import io.chunkwise.model.forward.ExecutorOptions;
import io.chunkwise.model.forward.ForwardExecutor;
import io.chunkwise.model.forward.ForwardExecutorProvider;
import io.chunkwise.model.forward.ForwardExecutorProvider.Availability;
import io.chunkwise.model.forward.OutputRequest;
import io.chunkwise.model.forward.PassOutput;
import io.chunkwise.model.forward.TokenBatch;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.model.llama.ModelFiles;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.List;
import java.util.ServiceLoader;
import java.util.stream.Stream;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Tiny random models of every architecture, number format and RoPE scaling against the logits of transformers in
 * float32; models and numbers are written by {@code tools/make_model_goldens.py}.
 */
class ModelGoldenTest {
    private static final float TOLERANCE = 2e-4f; // of logits up to 20, sums of at most 48 float products

    /** @param logits [positions, vocab] */
    record Golden(int[] ids, float[][] logits) {
    }

    static Stream<String> cases() throws IOException {
        try (Stream<Path> directories = Files.list(models())) {
            List<String> names = directories.map(directory -> directory.getFileName().toString()).sorted().toList();
            return names.stream();
        }
    }

    static Stream<String> casesInBothForms() throws IOException {
        return cases().filter(name -> Files.exists(models().resolve(name).resolve("config-old.json")));
    }

    /** Every executor but "tornado", which needs an SDK. */
    static Stream<ForwardExecutorProvider> executorsWithoutSdk() {
        return ServiceLoader.load(ForwardExecutorProvider.class).stream().map(ServiceLoader.Provider::get)
                .filter(provider -> !provider.name().equals("tornado"));
    }

    @Test
    void thereAreCasesAndTheCpuExecutorIsAmongTheExecutors() throws IOException {
        assertEquals(10, cases().count());
        assertEquals(5, casesInBothForms().count());
        assertTrue(executorsWithoutSdk().anyMatch(provider -> provider.name().equals("cpu")));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void logitsEqualThoseOfTransformers(String name) throws IOException {
        for (ForwardExecutorProvider provider : executorsWithoutSdk().toList()) {
            assertAgreement(provider, name, models().resolve(name));
        }
    }

    @ParameterizedTest
    @MethodSource("casesInBothForms")
    void theOldFormOfTheConfigurationMeansTheSame(String name, @TempDir Path directory) throws IOException {
        Path old = withOldConfig(name, directory);
        for (ForwardExecutorProvider provider : executorsWithoutSdk().toList()) {
            assertAgreement(provider, name + " (old form)", old);
        }
        try (LlamaModel oldForm = ModelFiles.open(old, Progress.NONE);
                LlamaModel newForm = ModelFiles.open(models().resolve(name), Progress.NONE)) {
            assertEquals(newForm.config(), oldForm.config());
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void tokenizersOfTheCasesEncodeAndDecode(String name) {
        try (LlamaModel model = ModelFiles.open(models().resolve(name), Progress.NONE)) {
            int[] ids = model.tokenizer().encode("the theory of a thing.", true);
            assertEquals(model.config().bosId(), ids[0]);
            assertEquals("the theory of a thing.", model.tokenizer().decode(ids));
        }
    }

    @Nested
    @Tag("tornado")
    class OnTornadoVm {

        /** Those that differ on the device; compiling kernels for each takes seconds. */
        @ParameterizedTest
        @ValueSource(strings = {"llama", "llama-head-dim", "llama-rope-llama3", "mistral-window", "qwen2", "llama-bf16", "llama-f16"})
        void logitsEqualThoseOfTransformers(String name) throws IOException {
            ForwardExecutorProvider tornado = ServiceLoader.load(ForwardExecutorProvider.class).stream().map(ServiceLoader.Provider::get)
                    .filter(provider -> provider.name().equals("tornado")).findFirst()
                    .orElseGet(() -> fail("executor 'tornado' is not in this build"));
            assertAgreement(tornado, name, models().resolve(name));
        }
    }

    /** In one pass, token by token, and in passes of uneven length. */
    private static void assertAgreement(ForwardExecutorProvider provider, String name, Path directory) throws IOException {
        if (provider.availability() instanceof Availability.Unavailable(String reason)) {
            fail("executor '" + provider.name() + "' is unavailable: " + reason);
        }
        Golden golden = golden(directory);
        int positions = golden.ids().length;
        try (LlamaModel model = ModelFiles.open(directory, Progress.NONE);
                ForwardExecutor executor = provider.open(model, ExecutorOptions.withContext(positions))) {
            for (int rows : new int[] {positions, 1, 7}) {
                for (int position = 0; position < positions; position += rows) {
                    int[] ids = Arrays.copyOfRange(golden.ids(), position, Math.min(positions, position + rows));
                    PassOutput output = executor.run(TokenBatch.uniform(ids, position, new float[0]), new OutputRequest.AllLogits());
                    assertRows(provider.name() + ", " + name + ", passes of " + rows,
                            golden, position, ids.length, (PassOutput.Logits) output);
                }
            }
        }
    }

    private static void assertRows(String what, Golden golden, int position, int rows, PassOutput.Logits actual) {
        int vocab = golden.logits()[0].length;
        assertEquals(rows, actual.rows(), what + ": rows");
        assertEquals(rows * vocab, actual.values().length, what + ": values");
        int worst = 0;
        float worstError = -1;
        for (int i = 0; i < actual.values().length; i++) {
            float error = Math.abs(actual.values()[i] - golden.logits()[position + i / vocab][i % vocab]);
            if (Float.isNaN(error) || error > worstError) {
                worst = i;
                worstError = Float.isNaN(error) ? Float.POSITIVE_INFINITY : error;
            }
        }
        float expected = golden.logits()[position + worst / vocab][worst % vocab];
        assertTrue(worstError <= TOLERANCE, what + ": position " + (position + worst / vocab) + ", id " + worst % vocab
                + ": expected " + expected + ", was " + actual.values()[worst] + ", tolerance " + TOLERANCE);
    }

    private static Golden golden(Path directory) {
        JsonNode root = JsonFile.readObject(directory.resolve("golden.json"));
        int[] ids = new int[root.get("ids").size()];
        float[][] logits = new float[ids.length][];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = root.get("ids").get(i).intValue();
            JsonNode row = root.get("logits").get(i);
            logits[i] = new float[row.size()];
            for (int id = 0; id < row.size(); id++) {
                logits[i][id] = row.get(id).floatValue();
            }
        }
        assertFalse(ids.length == 0, "golden.json has positions");
        return new Golden(ids, logits);
    }

    private static Path withOldConfig(String name, Path directory) throws IOException {
        try (Stream<Path> files = Files.list(models().resolve(name))) {
            for (Path file : files.toList()) {
                Files.copy(file, directory.resolve(file.getFileName()));
            }
        }
        Files.move(directory.resolve("config-old.json"), directory.resolve("config.json"), StandardCopyOption.REPLACE_EXISTING);
        return directory;
    }

    private static Path models() {
        try {
            return Path.of(ModelGoldenTest.class.getResource("/golden/models").toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }
}
