package io.chunkwise.tests.golden;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.ladder.LadderBuilder;
import io.chunkwise.ladder.RankLadder;
import io.chunkwise.ladder.Rung;
import io.chunkwise.model.Progress;
import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.adapter.AdapterFiles;
import io.chunkwise.model.adapter.AdapterSite;
import io.chunkwise.model.adapter.LowRankPair;
import io.chunkwise.model.cpu.CpuExecutorProvider;
import io.chunkwise.model.format.BlockCodec;
import io.chunkwise.model.format.JsonFile;
import io.chunkwise.model.format.safetensors.SafetensorsFile;
import io.chunkwise.model.forward.AdapterExecution;
import io.chunkwise.model.forward.ExecutorOptions;
import io.chunkwise.model.forward.ForwardExecutor;
import io.chunkwise.model.forward.OutputRequest;
import io.chunkwise.model.forward.PassOutput;
import io.chunkwise.model.forward.TokenBatch;
import io.chunkwise.model.forward.WeightRole;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.model.llama.LlamaTensorNames;
import io.chunkwise.model.llama.ModelFiles;
import java.lang.foreign.Arena;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Against transformers and peft in float32; files and numbers are written by {@code tools/make_adapter_goldens.py}. */
class AdapterGoldenTest {
    private static final double LOGIT_TOLERANCE = 1e-4; // logits are of size 1, sums of at most 64 float products
    private static final double UPDATE_TOLERANCE = 1e-6; // relative to the largest element; sums of at most 6 products

    @ParameterizedTest
    @CsvSource({
        "plain, plain", "rslora, rslora", "patterns, patterns", "query-value, query-value", "last-layer, last-layer",
        "plain.gguf, plain", "query-value.gguf, query-value"})
    void updatesEqualThoseOfPeft(String source, String golden) throws Exception {
        try (LlamaModel base = ModelFiles.open(resource("base"), Progress.NONE); Arena memory = Arena.ofConfined()) {
            Adapter adapter = AdapterFiles.open(resource(source), base.config(), Progress.NONE);
            SafetensorsFile expected = SafetensorsFile.open(resource("golden.safetensors"), memory);
            int compared = 0;
            for (int layer = 0; layer < base.config().layers(); layer++) {
                for (WeightRole role : WeightRole.ADAPTABLE) {
                    String update = golden + "/" + LlamaTensorNames.huggingFaceModule(role, layer);
                    if (expected.hasTensor(update)) {
                        LowRankPair pair = adapter.sites().get(new AdapterSite(layer, role));
                        assertClose(update, BlockCodec.decode(expected.tensor(update)), product(pair), UPDATE_TOLERANCE);
                        compared++;
                    }
                }
            }
            assertTrue(compared >= 2, compared + " updates compared");
        }
    }

    @ParameterizedTest
    @CsvSource({
        "base, plain, plain", "base, rslora, rslora", "base, patterns, patterns", "base, query-value, query-value",
        "base, last-layer, last-layer", "base, plain.gguf, plain", "base, query-value.gguf, query-value",
        "base.gguf, plain, plain", "base.gguf, rslora, rslora", "base.gguf, patterns, patterns", "base.gguf, query-value, query-value",
        "base.gguf, last-layer, last-layer", "base.gguf, plain.gguf, plain", "base.gguf, query-value.gguf, query-value"})
    void logitsEqualThoseOfPeftOverBothBaseFormats(String base, String source, String golden) throws Exception {
        float[] logits = logits(base, read(source), new float[] {1});
        assertClose(source + " over " + base, golden(golden + "/logits"), logits, LOGIT_TOLERANCE);
        assertFalse(agrees(golden("base/logits"), logits), "the adapter changes the logits");
    }

    @ParameterizedTest
    @ValueSource(strings = {"base", "base.gguf"})
    void withoutAnAdapterTheLogitsAreTheBase(String base) throws Exception {
        assertClose(base, golden("base/logits"), logits(base, _ -> Optional.empty(), new float[0]), LOGIT_TOLERANCE);
    }

    @ParameterizedTest
    @ValueSource(strings = {"plain", "rslora", "patterns", "query-value", "last-layer"})
    void theTopRungOfTheLadderIsThePlainAdapterAndRankZeroTheBaseBitForBit(String source) throws Exception {
        Function<LlamaModel, Optional<Adapter>> laddered = model -> {
            Adapter plain = AdapterFiles.open(resource(source), model.config(), Progress.NONE);
            RankLadder ladder = LadderBuilder.build(plain, Progress.NONE);
            return Optional.of(ladder.at(List.of(new Rung.Uniform(0), new Rung.Uniform(1), new Rung.Uniform(ladder.maxRank()))));
        };
        assertClose(source, golden(source + "/logits"), logits("base", laddered, new float[] {1, 1, 1}), LOGIT_TOLERANCE);
        assertArrayEquals(logits("base", _ -> Optional.empty(), new float[0]), logits("base", laddered, new float[] {1, 0, 0}));
    }

    @Test
    void aPlainAdapterWithGainZeroIsTheBaseBitForBit() throws Exception {
        float[] off = logits("base", read("plain"), new float[] {0});
        assertArrayEquals(logits("base", _ -> Optional.empty(), new float[0]), off);
    }

    private static Function<LlamaModel, Optional<Adapter>> read(String source) {
        return model -> Optional.of(AdapterFiles.open(resource(source), model.config(), Progress.NONE));
    }

    private static float[] logits(String base, Function<LlamaModel, Optional<Adapter>> adapter, float[] gains) throws Exception {
        int[] ids = StreamSupport.stream(JsonFile.readObject(resource("golden.json")).get("ids").spliterator(), false)
                .mapToInt(id -> id.intValue()).toArray();
        try (LlamaModel model = ModelFiles.open(resource(base), Progress.NONE);
                ForwardExecutor executor = new CpuExecutorProvider().open(model,
                        ExecutorOptions.withContext(ids.length).with(AdapterExecution.EXACT))) {
            executor.attach(adapter.apply(model));
            PassOutput output = executor.run(TokenBatch.uniform(ids, 0, gains), new OutputRequest.AllLogits());
            return ((PassOutput.Logits) output).values();
        }
    }

    private static float[] golden(String tensor) throws Exception {
        try (Arena memory = Arena.ofConfined()) {
            return BlockCodec.decode(SafetensorsFile.open(resource("golden.safetensors"), memory).tensor(tensor));
        }
    }

    private static float[] product(LowRankPair pair) {
        float[] product = new float[pair.outputs() * pair.inputs()];
        for (int o = 0; o < pair.outputs(); o++) {
            for (int i = 0; i < pair.inputs(); i++) {
                double sum = 0;
                for (int k = 0; k < pair.rank(); k++) {
                    sum += (double) pair.up()[o * pair.rank() + k] * pair.down()[k * pair.inputs() + i];
                }
                product[o * pair.inputs() + i] = (float) sum;
            }
        }
        return product;
    }

    private static boolean agrees(float[] expected, float[] actual) {
        return IntStream.range(0, expected.length).allMatch(i -> Math.abs(expected[i] - actual[i]) <= LOGIT_TOLERANCE * largest(expected));
    }

    private static void assertClose(String what, float[] expected, float[] actual, double relative) {
        assertEquals(expected.length, actual.length, what + ": number of values");
        int worst = IntStream.range(0, expected.length).boxed()
                .max((a, b) -> Float.compare(Math.abs(expected[a] - actual[a]), Math.abs(expected[b] - actual[b]))).orElseThrow();
        double tolerance = relative * Math.max(1, largest(expected));
        assertTrue(Math.abs(expected[worst] - actual[worst]) <= tolerance,
                what + " differs most at " + worst + ": expected " + expected[worst] + ", got " + actual[worst] + ", tolerance "
                        + tolerance);
    }

    private static float largest(float[] values) {
        float largest = 0;
        for (float value : values) {
            largest = Math.max(largest, Math.abs(value));
        }
        return largest;
    }

    private static Path resource(String name) {
        try {
            return Path.of(AdapterGoldenTest.class.getResource("/golden/adapters/" + name).toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }
}
