package io.chunkwise.model.adapter;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import io.chunkwise.model.Progress;
import io.chunkwise.model.fixtures.GgufWriter;
import io.chunkwise.model.fixtures.SharedData;
import io.chunkwise.model.format.BlockCodec;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.format.TensorView;
import io.chunkwise.model.forward.WeightRole;
import io.chunkwise.model.llama.LlamaArchitecture;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.RotaryPairing;
import io.chunkwise.model.llama.SyntheticLlama;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class AdapterFilesTest {
    private static final LlamaConfig MODEL = PeftDirectory.smallModel();
    private static final String QUERY_A = PeftDirectory.name(WeightRole.QUERY, 0, "A");
    private static final String QUERY_B = PeftDirectory.name(WeightRole.QUERY, 0, "B");
    private static final String DOWN_A = PeftDirectory.name(WeightRole.DOWN, 1, "A");
    private static final String DOWN_B = PeftDirectory.name(WeightRole.DOWN, 1, "B");

    @TempDir
    private Path directory;

    private static PeftDirectory peft() {
        return new PeftDirectory(MODEL, 3, 6, 1);
    }

    private static GgufWriter gguf() {
        return peft().gguf(MODEL, 6);
    }

    private static Adapter open(Path source) {
        return AdapterFiles.open(source, MODEL, Progress.NONE);
    }

    private static LlamaConfig with(LlamaArchitecture architecture, RotaryPairing pairing) {
        return new LlamaConfig(architecture, MODEL.hiddenSize(), MODEL.layers(), MODEL.heads(), MODEL.kvHeads(), MODEL.headDim(),
                MODEL.ffnSize(), MODEL.vocabSize(), MODEL.contextLength(), MODEL.normEpsilon(), MODEL.ropeBase(), MODEL.ropeScaling(),
                pairing, 0, false, true, 1, MODEL.eosIds());
    }

    private static void assertSame(Adapter expected, Adapter actual) {
        assertEquals(expected.sites().keySet(), actual.sites().keySet());
        expected.sites().forEach((at, pair) -> {
            assertArrayEquals(pair.down(), actual.sites().get(at).down(), at.toString());
            assertArrayEquals(pair.up(), actual.sites().get(at).up(), at.toString());
        });
    }

    @Test
    void aPeftDirectoryIsReadWithTheScaleInUp() throws IOException {
        PeftDirectory source = peft();
        Adapter adapter = open(source.write(directory.resolve("poet")));
        assertEquals("poet", adapter.name());
        assertEquals(1, adapter.groups());
        assertEquals(14, adapter.sites().size());
        assertEquals(List.of(), adapter.mismatches(MODEL));
        LowRankPair pair = adapter.sites().get(new AdapterSite(0, WeightRole.QUERY));
        assertArrayEquals(BlockCodec.decode(source.tensors().get(QUERY_A)), pair.down());
        float[] b = BlockCodec.decode(source.tensors().get(QUERY_B));
        for (int i = 0; i < b.length; i++) {
            assertEquals(b[i] * 2, pair.up()[i], "element " + i); // alpha 6 over rank 3
        }
    }

    @Test
    void eitherFileOfTheDirectoryMayBeNamed() throws IOException {
        Path source = peft().write(directory.resolve("poet"));
        assertSame(open(source), open(source.resolve("adapter_config.json")));
        assertSame(open(source), open(source.resolve("adapter_model.safetensors")));
        assertEquals("poet", open(source.resolve("adapter_config.json")).name());
    }

    @ParameterizedTest
    @EnumSource(value = TensorType.class, names = {"F32", "F16", "BF16"})
    void everyFloatFormatIsRead(TensorType type) throws IOException {
        PeftDirectory source = peft();
        float[] values = BlockCodec.decode(source.tensors().get(QUERY_A));
        source.tensor(QUERY_A, type, List.of(3L, 16L), values);
        float[] read = open(source.write(directory)).sites().get(new AdapterSite(0, WeightRole.QUERY)).down();
        assertArrayEquals(BlockCodec.decode(source.tensors().get(QUERY_A)), read);
        assertArrayEquals(values, read, 0.02f);
    }

    @Test
    void theAdaptersNameInsideTensorNamesIsIgnored() throws IOException {
        PeftDirectory source = peft();
        Adapter plain = open(source.write(directory.resolve("plain")));
        PeftDirectory named = peft();
        for (TensorView tensor : List.copyOf(named.tensors().values())) {
            named.tensors().remove(tensor.name());
            String name = tensor.name().replace(".weight", ".default.weight");
            named.tensors().put(name, new TensorView(name, tensor.type(), tensor.shape(), tensor.data()));
        }
        assertSame(plain, open(named.write(directory.resolve("named"))));
    }

    @Test
    void theDefaultsOfPeftHoldWhereFieldsAreAbsent() throws IOException {
        PeftDirectory source = new PeftDirectory(MODEL, 8, 8, 1);
        Adapter full = open(source.write(directory.resolve("full")));
        source.config().removeAll().put("peft_type", "LORA");
        assertSame(full, open(source.write(directory.resolve("bare"))));
    }

    @ParameterizedTest
    @CsvSource({"false,2.0", "true,3.4641016"})
    void rankStabilisedAdaptersAreScaledByTheRootOfTheRank(boolean stabilized, float scale) throws IOException {
        PeftDirectory source = peft().field("use_rslora", String.valueOf(stabilized));
        float b = BlockCodec.decode(source.tensors().get(DOWN_B))[0];
        float up = open(source.write(directory)).sites().get(new AdapterSite(1, WeightRole.DOWN)).up()[0];
        assertEquals(b * scale, up, 1e-6);
    }

    @Test
    void theFirstMatchingPatternDecidesRankAndAlpha() throws IOException {
        PeftDirectory source = peft().field("rank_pattern", "{\"layers.1.mlp.down_proj\": 2, \"down_proj\": 3}")
                .field("alpha_pattern", "{\"nothing\": 1, \"mlp\\\\.down_proj\": 5, \"down_proj\": 9}");
        Random random = new Random(3);
        source.tensor(DOWN_A, TensorType.F32, List.of(2L, 12L), PeftDirectory.gaussians(random, 24));
        source.tensor(DOWN_B, TensorType.F32, List.of(16L, 2L), PeftDirectory.gaussians(random, 32));
        Adapter adapter = open(source.write(directory));
        LowRankPair second = adapter.sites().get(new AdapterSite(1, WeightRole.DOWN));
        assertEquals(2, second.rank());
        assertEquals(BlockCodec.decode(source.tensors().get(DOWN_B))[0] * 5 / 2, second.up()[0], 1e-6);
        LowRankPair first = adapter.sites().get(new AdapterSite(0, WeightRole.DOWN));
        assertEquals(BlockCodec.decode(source.tensors().get(PeftDirectory.name(WeightRole.DOWN, 0, "B")))[0] * 5 / 3, first.up()[0], 1e-6);
        assertEquals(3, adapter.maxRank());
    }

    @Test
    void aSubsetOfSitesIsEnough() throws IOException {
        PeftDirectory source = peft().field("target_modules", "[\"q_proj\", \"down_proj\"]").field("layers_to_transform", "[1]");
        source.tensors().keySet().removeIf(name -> !name.contains("layers.1.") || !name.contains("q_proj") && !name.contains("down_proj"));
        assertEquals(2, open(source.write(directory)).sites().size());
    }

    @Test
    void sitesBeyondTargetModulesAreReadToo() throws IOException {
        assertEquals(14, open(peft().field("target_modules", "[\"q_proj\"]").write(directory)).sites().size());
    }

    @Test
    void queryAndKeyRowsFollowTheBaseFile() throws IOException {
        Path source = peft().write(directory);
        Adapter halves = open(source);
        Adapter neighbours = AdapterFiles.open(source, with(LlamaArchitecture.LLAMA, RotaryPairing.NEIGHBOURS), Progress.NONE);
        halves.sites().forEach((at, pair) -> {
            float[] expected = RotaryOrder.reorder(at, pair, MODEL, RotaryPairing.HALVES, RotaryPairing.NEIGHBOURS).up();
            assertArrayEquals(expected, neighbours.sites().get(at).up(), at.toString());
        });
        AdapterSite query = new AdapterSite(0, WeightRole.QUERY);
        assertFalse(Arrays.equals(halves.sites().get(query).up(), neighbours.sites().get(query).up()), "query rows moved");
    }

    @ParameterizedTest
    @EnumSource(RotaryPairing.class)
    void aGgufAdapterEqualsThePeftDirectoryItWasConvertedFrom(RotaryPairing base) throws IOException {
        Path file = directory.resolve("poet.gguf");
        gguf().write(file);
        Path source = peft().write(directory.resolve("peft"));
        LlamaConfig config = with(LlamaArchitecture.LLAMA, base);
        Adapter adapter = AdapterFiles.open(file, config, Progress.NONE);
        assertEquals("poet", adapter.name());
        assertSame(AdapterFiles.open(source, config, Progress.NONE), adapter);
        assertSame(adapter, AdapterFiles.open(file, with(LlamaArchitecture.MISTRAL, base), Progress.NONE));
    }

    @Test
    void aGgufAdapterOfQwen2IsNotPermuted() throws IOException {
        Path file = directory.resolve("qwen.gguf");
        gguf().string("general.architecture", "qwen2").write(file);
        PeftDirectory source = peft();
        Adapter adapter = AdapterFiles.open(file, with(LlamaArchitecture.QWEN2, RotaryPairing.HALVES), Progress.NONE);
        float[] permuted = RotaryOrder.reorder(new AdapterSite(0, WeightRole.QUERY), new LowRankPair(3, 16, 16,
                BlockCodec.decode(source.tensors().get(QUERY_A)), BlockCodec.decode(source.tensors().get(QUERY_B))),
                MODEL, RotaryPairing.HALVES, RotaryPairing.NEIGHBOURS).up();
        for (int i = 0; i < permuted.length; i++) {
            assertEquals(permuted[i] * 2, adapter.sites().get(new AdapterSite(0, WeightRole.QUERY)).up()[i], "element " + i);
        }
    }

    @Test
    void alphaZeroOfAGgufAdapterMeansScaleOne() throws IOException {
        Path file = directory.resolve("one.gguf");
        peft().gguf(MODEL, 0).write(file);
        float b = BlockCodec.decode(peft().tensors().get(DOWN_B))[0];
        assertEquals(b, open(file).sites().get(new AdapterSite(1, WeightRole.DOWN)).up()[0]);
    }

    @Test
    void theHashIsThatOfTheContent() throws IOException {
        Path one = peft().write(directory.resolve("one"));
        Path same = peft().write(directory.resolve("same"));
        Path other = peft().field("lora_alpha", "7").write(directory.resolve("other"));
        assertEquals(64, AdapterFiles.hash(one).length());
        assertEquals(AdapterFiles.hash(one), AdapterFiles.hash(same));
        assertEquals(AdapterFiles.hash(one), AdapterFiles.hash(one.resolve("adapter_config.json")));
        assertNotEquals(AdapterFiles.hash(one), AdapterFiles.hash(other));
        Files.writeString(one.resolve("README.md"), "not part of the adapter");
        assertEquals(AdapterFiles.hash(same), AdapterFiles.hash(one));
    }

    @ParameterizedTest
    @ValueSource(strings = {"stories260K-lora-shakespeare", "stories260K-lora-grimm"})
    void trainedAdaptersAreRead(String name) {
        Path source = SharedData.assumePresent(name);
        LlamaConfig stories = SyntheticLlama.config(64, 5, 8, 4, 172, 512, 512);
        Adapter adapter = AdapterFiles.open(source, stories, Progress.NONE);
        assertEquals(35, adapter.sites().size());
        assertEquals(32, adapter.maxRank());
        assertEquals(List.of(), adapter.mismatches(stories));
    }

    @Test
    void progressCountsSites() throws IOException {
        List<Long> done = new ArrayList<>();
        AdapterFiles.open(peft().write(directory), MODEL, (_, at, total) -> {
            assertEquals(14, total);
            done.add(at);
        });
        assertEquals(15, done.size());
        assertEquals(14, done.getLast());
    }
}
