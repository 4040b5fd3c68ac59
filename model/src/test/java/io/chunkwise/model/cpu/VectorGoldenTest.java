package io.chunkwise.model.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.chunkwise.model.Progress;
import io.chunkwise.model.adapter.AdapterFiles;
import io.chunkwise.model.fixtures.SharedData;
import io.chunkwise.model.forward.ExecutorOptions;
import io.chunkwise.model.forward.ForwardExecutor;
import io.chunkwise.model.forward.OutputRequest;
import io.chunkwise.model.forward.PassOutput;
import io.chunkwise.model.forward.TokenBatch;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.model.llama.ModelFiles;
import java.io.IOException;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The vector kernels against transformers and peft: the models of the other reference tests are small and run without them. */
class VectorGoldenTest {

    @ParameterizedTest
    @CsvSource({"base, 1", "base, 16", "shakespeare, 1", "shakespeare, 16", "grimm, 1", "grimm, 16"})
    void logitsOfTheVectorKernelsAreTheReferencesLogits(String name, int rowsPerPass) throws IOException {
        JsonNode golden = new ObjectMapper().readTree(SharedData.assumePresent("stories260K-golden.json").toFile());
        JsonNode expected = golden.get(name + "_logits");
        int[] prompt = IntStream.range(0, expected.size()).map(i -> golden.get("prompt_ids").get(i).asInt()).toArray();
        try (LlamaModel model = ModelFiles.open(SharedData.assumePresent("stories260K"), Progress.NONE);
                ForwardExecutor executor = new CpuExecutorProvider(CpuExecutorProvider.Plain.NEVER)
                        .open(model, ExecutorOptions.withContext(64))) {
            float[] gain = new float[0];
            if (!name.equals("base")) {
                executor.attach(Optional.of(AdapterFiles.open(
                        SharedData.assumePresent("stories260K-lora-" + name), model.config(), Progress.NONE)));
                gain = new float[] {1};
            }
            for (int first = 0; first < prompt.length; first += rowsPerPass) {
                int[] tokens = Arrays.copyOfRange(prompt, first, first + rowsPerPass);
                float[] logits = ((PassOutput.Logits) executor.run(
                        TokenBatch.uniform(tokens, first, gain), new OutputRequest.AllLogits())).values();
                for (int i = 0; i < logits.length; i++) {
                    int row = first + i / model.config().vocabSize();
                    int id = i % model.config().vocabSize();
                    assertEquals(expected.get(row).get(id).asDouble(), logits[i], 2e-4, "row " + row + ", id " + id);
                }
            }
        }
    }
}
