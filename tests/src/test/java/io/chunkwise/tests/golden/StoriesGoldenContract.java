package io.chunkwise.tests.golden;

import static io.chunkwise.model.fixtures.LogitAgreement.assertAgrees;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.chunkwise.ladder.LadderBuilder;
import io.chunkwise.ladder.RankLadder;
import io.chunkwise.ladder.Rung;
import io.chunkwise.model.Progress;
import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.adapter.AdapterFiles;
import io.chunkwise.model.fixtures.GgufModels;
import io.chunkwise.model.fixtures.ScalarForward;
import io.chunkwise.model.fixtures.SharedData;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.forward.AdapterExecution;
import io.chunkwise.model.forward.ExecutorOptions;
import io.chunkwise.model.forward.ForwardExecutor;
import io.chunkwise.model.forward.ForwardExecutorProvider;
import io.chunkwise.model.forward.OutputRequest;
import io.chunkwise.model.forward.PassOutput;
import io.chunkwise.model.forward.TokenBatch;
import io.chunkwise.model.kv.KvReservation;
import io.chunkwise.model.kv.KvType;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.model.llama.ModelFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A really trained Llama and two really trained adapters (stories260K) against what transformers 5.18 and peft 0.21 computed
 * in float32, for any executor.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
interface StoriesGoldenContract {
    /** Absolute, of a logit in F32: the golden values have 5 decimals, and float32 sums differ by order. */
    double F32_TOLERANCE = 2e-4;

    /** Models and executors, opened once for all tests: a device compiles its kernels for each. */
    Subjects subjects();

    @AfterAll
    default void closeSubjects() {
        subjects().close();
    }

    @ParameterizedTest
    @CsvSource({",base_logits", "shakespeare,shakespeare_logits", "grimm,grimm_logits"})
    default void logitsOfTheHuggingFaceFilesAreTheReferencesLogits(String adapter, String expected) throws IOException {
        try (Subject subject = subjects().huggingFace()) {
            LlamaModel model = subject.model();
            ForwardExecutor executor = subject.executor();
            assertReferenceLogits(model, executor, adapter, expected);
        }
    }

    @ParameterizedTest
    @CsvSource({",base_logits", "shakespeare,shakespeare_logits", "grimm,grimm_logits"})
    default void logitsOfTheSameModelAsGgufAreTheReferencesLogits(String adapter, String expected) throws IOException {
        try (Subject subject = subjects().gguf(TensorType.F32)) {
            LlamaModel model = subject.model();
            ForwardExecutor executor = subject.executor();
            assertReferenceLogits(model, executor, adapter, expected);
        }
    }

    @ParameterizedTest
    @EnumSource(value = TensorType.class, names = {"F16", "BF16", "Q8_0", "Q4_0"})
    default void otherFormatsAgreeWithExactArithmeticOnTheirWeights(TensorType type) throws IOException {
        try (Subject subject = subjects().gguf(type)) {
            LlamaModel model = subject.model();
            ForwardExecutor executor = subject.executor();
            Optional<Adapter> adapter = Optional.of(adapter("shakespeare", model));
            executor.attach(adapter);
            TokenBatch batch = TokenBatch.uniform(ids("prompt_ids"), 0, new float[] {1});
            ScalarForward exact = new ScalarForward(model, batch.rows());
            exact.attach(adapter);
            assertAgrees(exact.run(batch), executor.run(batch, new OutputRequest.AllLogits()), 1e-4, type + " against exact arithmetic");
        }
    }

    @Test
    default void halfPrecisionWeightsStayWithin3PercentOfTheReference() throws IOException {
        try (Subject subject = subjects().gguf(TensorType.F16)) {
            LlamaModel model = subject.model();
            ForwardExecutor executor = subject.executor();
            int[] prompt = ids("prompt_ids");
            PassOutput output = executor.run(TokenBatch.uniform(prompt, 0, new float[0]), new OutputRequest.AllLogits());
            assertClose(golden().get("base_logits"), ((PassOutput.Logits) output).values(), 0.03, "F16 against F32");
        }
    }

    @Test
    default void fullPagesOfF16StayWithin3PercentOfTheReference() throws IOException {
        try (Subject subject = subjects().pagesOfF16()) {
            int[] prompt = ids("prompt_ids");
            PassOutput output = subject.executor().run(TokenBatch.uniform(prompt, 0, new float[0]), new OutputRequest.AllLogits());
            assertClose(golden().get("base_logits"), ((PassOutput.Logits) output).values(), 0.03, "F16 pages against F32");
        }
    }

    @Test
    default void greedyTextFromBosIsTheReferencesTextIdForId() throws IOException {
        try (Subject subject = subjects().huggingFace()) {
            LlamaModel model = subject.model();
            ForwardExecutor executor = subject.executor();
            int[] expected = ids("greedy_from_bos");
            assertArrayEquals(expected, greedy(executor, new int[] {expected[0]}, expected.length, new float[0]));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"shakespeare", "grimm"})
    default void greedyTextWithAnAdapterIsTheReferencesTextIdForId(String adapter) throws IOException {
        try (Subject subject = subjects().huggingFace()) {
            LlamaModel model = subject.model();
            ForwardExecutor executor = subject.executor();
            executor.attach(Optional.of(adapter(adapter, model)));
            int[] expected = ids(adapter + "_greedy");
            int[] prompt = ids("prompt_ids");
            assertArrayEquals(prompt, Arrays.copyOf(expected, prompt.length), "the golden text starts with the prompt");
            assertArrayEquals(expected, greedy(executor, prompt, expected.length, new float[] {1}));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"shakespeare", "grimm"})
    default void theLadderAtFullRankIsTheAdapterAndAtRankZeroTheBaseBitForBit(String name) throws IOException {
        try (Subject subject = subjects().huggingFace()) {
            LlamaModel model = subject.model();
            ForwardExecutor executor = subject.executor();
            int[] prompt = ids("prompt_ids");
            float[] base = logits(executor, prompt, new float[0]);
            Adapter plain = adapter(name, model);
            executor.attach(Optional.of(plain));
            float[] full = logits(executor, prompt, new float[] {1});

            RankLadder ladder = LadderBuilder.build(plain, Progress.NONE);
            List<Rung> rungs = IntStream.of(4, 8, 16, 32).<Rung>mapToObj(Rung.Uniform::new).toList();
            Adapter sliced = ladder.at(rungs);
            executor.attach(Optional.of(sliced));
            assertArrayEquals(base, logits(executor, prompt, RankLadder.gainsAt(sliced, -1)), "rank 0");
            List<Double> errors = new ArrayList<>();
            for (int rung = 0; rung < rungs.size(); rung++) {
                errors.add(relativeDistance(full, logits(executor, prompt, RankLadder.gainsAt(sliced, rung))));
            }
            assertTrue(errors.getLast() < 1e-5, () -> "full rank is off by " + errors.getLast());
            for (int rung = 1; rung < errors.size(); rung++) {
                assertTrue(errors.get(rung) < errors.get(rung - 1), () -> "errors by rung do not fall: " + errors);
            }
        }
    }

    private void assertReferenceLogits(LlamaModel model, ForwardExecutor executor, String adapter, String expected) throws IOException {
        int[] prompt = ids("prompt_ids");
        float[] gain = new float[0];
        if (adapter != null) {
            executor.attach(Optional.of(adapter(adapter, model)));
            gain = new float[] {1};
        }
        assertClose(golden().get(expected), logits(executor, prompt, gain), F32_TOLERANCE, "one pass");
        float[] decoded = new float[prompt.length * model.config().vocabSize()];
        for (int position = 0; position < prompt.length; position++) {
            PassOutput row = executor.run(TokenBatch.uniform(new int[] {prompt[position]}, position, gain), new OutputRequest.LastLogits());
            System.arraycopy(((PassOutput.Logits) row).values(), 0, decoded, position * model.config().vocabSize(),
                    model.config().vocabSize());
        }
        assertClose(golden().get(expected), decoded, F32_TOLERANCE, "token by token");
    }

    private static int[] greedy(ForwardExecutor executor, int[] prompt, int length, float[] gain) {
        int[] ids = Arrays.copyOf(prompt, length);
        PassOutput output = executor.run(TokenBatch.uniform(prompt, 0, gain), new OutputRequest.LastTop(1));
        for (int position = prompt.length; position < length; position++) {
            ids[position] = ((PassOutput.Top) output).ids()[0];
            output = executor.run(TokenBatch.uniform(new int[] {ids[position]}, position, gain), new OutputRequest.LastTop(1));
        }
        return ids;
    }

    private static float[] logits(ForwardExecutor executor, int[] tokens, float[] gain) {
        return ((PassOutput.Logits) executor.run(TokenBatch.uniform(tokens, 0, gain), new OutputRequest.AllLogits())).values();
    }

    private static double relativeDistance(float[] expected, float[] actual) {
        double difference = 0;
        double norm = 0;
        for (int i = 0; i < expected.length; i++) {
            difference += Math.pow(expected[i] - actual[i], 2);
            norm += Math.pow(expected[i], 2);
        }
        return Math.sqrt(difference / norm);
    }

    private static void assertClose(JsonNode expected, float[] actual, double tolerance, String what) {
        int rows = expected.size();
        int vocab = expected.get(0).size();
        assertEquals(rows * vocab, actual.length, what);
        int worst = 0;
        for (int i = 0; i < actual.length; i++) {
            if (!(Math.abs(actual[i] - expected.get(i / vocab).get(i % vocab).asDouble())
                    <= Math.abs(actual[worst] - expected.get(worst / vocab).get(worst % vocab).asDouble()))) {
                worst = i;
            }
        }
        double reference = expected.get(worst / vocab).get(worst % vocab).asDouble();
        String report = what + ": row " + worst / vocab + ", id " + worst % vocab + ": expected " + reference + ", got " + actual[worst]
                + ", tolerance " + tolerance;
        assertTrue(Math.abs(actual[worst] - reference) <= tolerance, report);
    }

    private static Adapter adapter(String name, LlamaModel model) {
        return AdapterFiles.open(SharedData.assumePresent("stories260K-lora-" + name), model.config(), Progress.NONE);
    }

    private static JsonNode golden() throws IOException {
        return new ObjectMapper().readTree(SharedData.assumePresent("stories260K-golden.json").toFile());
    }

    private static int[] ids(String field) throws IOException {
        JsonNode ids = golden().get(field);
        return IntStream.range(0, ids.size()).map(i -> ids.get(i).asInt()).toArray();
    }

    /**
     * The model and an executor over it; closing detaches the adapter, for the next test.
     *
     * @param model    stories260K in some format
     * @param executor of the kind under test
     */
    record Subject(LlamaModel model, ForwardExecutor executor) implements AutoCloseable {
        @Override
        public void close() {
            executor.attach(Optional.empty());
        }
    }

    /** Opens the model once per format, with the executor that the command line calls {@code executor}. */
    final class Subjects {
        private final String executor;
        private final Map<String, Subject> opened = new HashMap<>();

        Subjects(String executor) {
            this.executor = executor;
        }

        Subject huggingFace() {
            return opened.computeIfAbsent("safetensors", _ ->
                    open(ModelFiles.open(SharedData.assumePresent("stories260K"), Progress.NONE)));
        }

        Subject pagesOfF16() {
            return opened.computeIfAbsent("pages of F16",
                    _ -> open(ModelFiles.open(SharedData.assumePresent("stories260K"), Progress.NONE), KvType.F16));
        }

        Subject gguf(TensorType type) throws IOException {
            LlamaModel source = huggingFace().model();
            if (!opened.containsKey(type.name())) {
                Path file = Files.createTempFile("stories", ".gguf");
                GgufModels.write(file, source, type, GgufModels.Vocabulary.numbered(source.config().vocabSize()));
                opened.put(type.name(), open(ModelFiles.open(file, Progress.NONE)));
                Files.delete(file); // the mapping keeps the bytes
            }
            return opened.get(type.name());
        }

        private Subject open(LlamaModel model) {
            return open(model, KvType.F32);
        }

        private Subject open(LlamaModel model, KvType type) {
            ForwardExecutorProvider provider = StreamSupport.stream(ServiceLoader.load(ForwardExecutorProvider.class).spliterator(), false)
                    .filter(candidate -> candidate.name().equals(executor)).findFirst().orElseThrow();
            ExecutorOptions options = new ExecutorOptions(256, 32, KvReservation.full(256).with(type), Optional.empty(), 0, Progress.NONE)
                    .with(AdapterExecution.EXACT);
            return new Subject(model, provider.open(model, options));
        }

        void close() {
            opened.values().forEach(subject -> {
                subject.executor().close();
                subject.model().close();
            });
            opened.clear();
        }
    }
}
