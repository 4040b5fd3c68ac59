package io.chunkwise.tests.golden;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.chunkwise.model.Progress;
import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.adapter.AdapterFiles;
import io.chunkwise.model.forward.ExecutorOptions;
import io.chunkwise.model.forward.ForwardExecutor;
import io.chunkwise.model.forward.ForwardExecutors;
import io.chunkwise.model.forward.OutputRequest;
import io.chunkwise.model.forward.PassOutput;
import io.chunkwise.model.forward.TokenBatch;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.model.llama.ModelFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The shipped demo model and adapters against demo/golden.json: what transformers and peft compute from the same files. */
class DemoGoldenTest {
    private static final Path DEMO = demo();

    @ParameterizedTest
    @ValueSource(strings = {"base", "shakespeare", "quiz"})
    void theCpuWritesTheReferencesText(String name) throws IOException {
        assertWritesTheReferencesText("cpu", name);
    }

    @Tag("tornado")
    @ParameterizedTest
    @ValueSource(strings = "shakespeare")
    void theDeviceWritesTheReferencesText(String name) throws IOException {
        assertWritesTheReferencesText("tornado", name);
    }

    private static void assertWritesTheReferencesText(String executorName, String name) throws IOException {
        JsonNode cases = new ObjectMapper().readTree(DEMO.resolve("golden.json").toFile()).get("models").get(name);
        assertTrue(cases.size() > 0, "golden.json has cases");
        try (LlamaModel model = ModelFiles.open(DEMO.resolve("model"), Progress.NONE);
                ForwardExecutor executor = ForwardExecutors.load().choose(executorName, Optional.empty()).provider()
                        .open(model, ExecutorOptions.withContext(128))) {
            Optional<Adapter> adapter = name.equals("base") ? Optional.empty()
                    : Optional.of(AdapterFiles.open(DEMO.resolve("adapter-" + name), model.config(), Progress.NONE));
            executor.attach(adapter);
            float[] gain = adapter.isEmpty() ? new float[0] : new float[] {1};
            for (JsonNode expected : cases) {
                int[] prompt = ids(expected.get("prompt_ids"));
                assertArrayEquals(prompt, model.tokenizer().encode(expected.get("prompt").asText(), true), "prompt ids");
                int[] reference = ids(expected.get("greedy_ids"));
                int[] written = new int[reference.length];
                PassOutput.Top top = (PassOutput.Top) executor.run(TokenBatch.uniform(prompt, 0, gain), new OutputRequest.LastTop(20));
                assertTopLogits(expected.get("prompt_top_logits"), top);
                for (int i = 0; i < written.length; i++) {
                    written[i] = top.ids()[0];
                    top = (PassOutput.Top) executor.run(
                            TokenBatch.uniform(new int[] {written[i]}, prompt.length + i, gain), new OutputRequest.LastTop(20));
                }
                assertArrayEquals(reference, written, "greedy ids after '" + expected.get("prompt").asText() + "'");
                assertTopLogits(expected.get("end_top_logits"), top);
            }
        }
    }

    private static void assertTopLogits(JsonNode expected, PassOutput.Top top) {
        for (int i = 0; i < expected.size(); i++) {
            assertEquals(expected.get(i).get(1).asDouble(), top.logits()[i], 2e-4, "logit " + i + " from the top");
        }
    }

    private static int[] ids(JsonNode ids) {
        return IntStream.range(0, ids.size()).map(i -> ids.get(i).asInt()).toArray();
    }

    private static Path demo() {
        Path directory = Path.of("").toAbsolutePath();
        while (!Files.exists(directory.resolve("setup.sh"))) {
            directory = directory.getParent();
        }
        return directory.resolve("demo");
    }
}
