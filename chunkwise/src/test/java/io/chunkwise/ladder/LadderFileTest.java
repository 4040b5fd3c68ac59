package io.chunkwise.ladder;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.annotation.JsonFormat;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.chunkwise.model.Progress;
import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.adapter.AdapterSite;
import io.chunkwise.model.adapter.LowRankPair;
import io.chunkwise.model.adapter.RotaryOrder;
import io.chunkwise.model.format.FormatException;
import io.chunkwise.model.format.TensorView;
import io.chunkwise.model.format.safetensors.SafetensorsFile;
import io.chunkwise.model.format.safetensors.SafetensorsWriter;
import io.chunkwise.model.forward.WeightRole;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.RotaryPairing;
import io.chunkwise.model.llama.SyntheticLlama;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LadderFileTest {
    private static final String HASH = "5e1f";
    private static final LlamaConfig HALVES = SyntheticLlama.config(16, 2, 4, 2, 12, 32, 64);
    private static final LlamaConfig NEIGHBOURS = new LlamaConfig(HALVES.architecture(), HALVES.hiddenSize(), HALVES.layers(),
            HALVES.heads(), HALVES.kvHeads(), HALVES.headDim(), HALVES.ffnSize(), HALVES.vocabSize(), HALVES.contextLength(),
            HALVES.normEpsilon(), HALVES.ropeBase(), HALVES.ropeScaling(), RotaryPairing.NEIGHBOURS, 0, false, true, 1, HALVES.eosIds());
    private static final RankLadder LADDER = LadderBuilder.build(SyntheticLlama.adapter(HALVES, 3, 4), Progress.NONE);

    @TempDir
    private Path directory;

    private Path saved() throws IOException {
        Path file = directory.resolve("ladder.safetensors");
        LadderFile.save(file, LADDER, HALVES, HASH);
        return file;
    }

    @Test
    void loadingGivesBackWhatWasSavedBitForBit() throws IOException {
        RankLadder loaded = LadderFile.load(saved(), HALVES, HASH);
        assertEquals(LADDER.name(), loaded.name());
        assertSame(LADDER, loaded);
    }

    @Test
    void aLadderOfSomeSitesIsSavedToo() throws IOException {
        Map<AdapterSite, LadderSite> some = new HashMap<>(LADDER.sites());
        some.keySet().removeIf(at -> at.layer() == 0 || at.role() != WeightRole.QUERY && at.role() != WeightRole.DOWN);
        RankLadder ladder = new RankLadder("some", some);
        Path file = directory.resolve("some.safetensors");
        LadderFile.save(file, ladder, HALVES, HASH);
        assertSame(ladder, LadderFile.load(file, HALVES, HASH));
    }

    @Test
    void oneFileServesBothRotaryOrders() throws IOException {
        RankLadder loaded = LadderFile.load(saved(), NEIGHBOURS, HASH);
        LADDER.sites().forEach((at, site) -> {
            LowRankPair expected = RotaryOrder.reorder(at, site.pair(), HALVES, RotaryPairing.HALVES, RotaryPairing.NEIGHBOURS);
            assertArrayEquals(expected.up(), loaded.sites().get(at).pair().up(), at.toString());
            assertArrayEquals(expected.down(), loaded.sites().get(at).pair().down(), at.toString());
        });
        Path again = directory.resolve("again.safetensors");
        LadderFile.save(again, loaded, NEIGHBOURS, HASH);
        assertSame(LADDER, LadderFile.load(again, HALVES, HASH));
    }

    @Test
    void aCalibratedLadderKeepsItsTokenBenefits() throws IOException {
        RankLadder calibrated = LADDER.withBenefit(benefit(HALVES.vocabSize(), 0.7f));
        Path file = directory.resolve("calibrated.safetensors");
        LadderFile.save(file, calibrated, HALVES, HASH);
        RankLadder loaded = LadderFile.load(file, HALVES, HASH);
        assertSame(calibrated, loaded);
        assertArrayEquals(calibrated.benefit().orElseThrow().table(), loaded.benefit().orElseThrow().table());
        assertArrayEquals(calibrated.benefit().orElseThrow().history(), loaded.benefit().orElseThrow().history());
        assertTrue(LadderFile.load(saved(), HALVES, HASH).benefit().isEmpty(), "a ladder that is not calibrated has none");
    }

    @Test
    void tokenBenefitsOfAnotherVocabularyAreRefused() throws IOException {
        Path file = directory.resolve("vocabulary.safetensors");
        LadderFile.save(file, LADDER.withBenefit(benefit(33, 0.7f)), HALVES, HASH);
        assertRefused(file, HALVES, HASH, "33 tokens", "32", "--calibrate");
    }

    @Test
    void tokenBenefitsThatWereChangedOrAreIncompleteAreRefused() throws IOException {
        Path one = directory.resolve("one.safetensors");
        Path other = directory.resolve("other.safetensors");
        LadderFile.save(one, LADDER.withBenefit(benefit(32, 0.7f)), HALVES, HASH);
        LadderFile.save(other, LADDER.withBenefit(benefit(32, 0.8f)), HALVES, HASH);
        Path mixed = directory.resolve("mixed.safetensors");
        for (String changed : List.of("token_benefit", "token_benefit.history")) {
            try (Arena memory = Arena.ofConfined()) {
                SafetensorsFile original = SafetensorsFile.open(one, memory);
                TensorView foreign = SafetensorsFile.open(other, memory).tensor(changed);
                List<TensorView> tensors = new ArrayList<>(original.tensors().values());
                tensors.replaceAll(tensor -> tensor.name().equals(changed) ? foreign : tensor);
                SafetensorsWriter.write(mixed, tensors, original.metadata());
                assertRefused(mixed, HALVES, HASH, "content");
                tensors.removeIf(tensor -> tensor.name().equals(changed));
                SafetensorsWriter.write(mixed, tensors, original.metadata());
                assertRefused(mixed, HALVES, HASH);
            }
        }
    }

    private static TokenBenefit benefit(int vocabSize, float history) {
        float[] table = new float[vocabSize];
        for (int id = 0; id < vocabSize; id++) {
            table[id] = (id * 7 % vocabSize) * history / vocabSize;
        }
        return new TokenBenefit(table, new float[] {0, history / 3, history});
    }

    @Test
    void aLadderOfAnotherVersionOfTheAdapterIsRefused() throws IOException {
        Path file = saved();
        assertRefused(file, HALVES, "other", "another version of the adapter", "chunkwise ladder");
    }

    @Test
    void aLadderOfAnotherModelIsRefused() throws IOException {
        assertRefused(saved(), SyntheticLlama.config(16, 3, 4, 2, 12, 32, 64), HASH, "2 layers", "3 layers");
        assertRefused(saved(), SyntheticLlama.config(16, 2, 2, 2, 12, 32, 64), HASH, "4/2 heads of 4", "2/2 heads of 8");
    }

    @Test
    void theDefaultPlaceIsInOrBesideTheAdapter() throws IOException {
        assertEquals(directory.resolve("ladder.safetensors"), LadderFile.beside(directory));
        assertEquals(directory.resolve("poet.ladder.safetensors"), LadderFile.beside(directory.resolve("poet.gguf")));
        assertEquals(directory.resolve("ladder.safetensors"), LadderFile.beside(directory.resolve("adapter_config.json")));
    }

    @Test
    void aFileThatCannotBeWrittenLeavesNothing() throws IOException {
        Path nowhere = directory.resolve("absent/ladder.safetensors");
        assertThrows(IOException.class, () -> LadderFile.save(nowhere, LADDER, HALVES, HASH));
        try (var left = Files.list(directory)) {
            assertEquals(0, left.count());
        }
    }

    @Test
    void everyCutIsRefused() throws IOException {
        byte[] whole = Files.readAllBytes(saved());
        Path cut = directory.resolve("cut.safetensors");
        for (int length = 0; length < whole.length; length += length < 3000 ? 7 : 131) {
            Files.write(cut, Arrays.copyOf(whole, length));
            assertRefused(cut, HALVES, HASH);
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void everyChangedByteIsRefusedOrHarmless(long seed) throws IOException {
        byte[] whole = Files.readAllBytes(saved());
        Random random = new Random(seed);
        Path changed = directory.resolve("changed.safetensors");
        for (int i = 0; i < 150; i++) {
            byte[] bytes = whole.clone();
            int at = random.nextInt(i % 2 == 0 ? bytes.length : 4000);
            bytes[at] ^= (byte) (1 << random.nextInt(8));
            Files.write(changed, bytes);
            try {
                assertSame(LADDER, LadderFile.load(changed, HALVES, HASH)); // spaces that pad the header, say
            } catch (FormatException e) {
                assertOneLine(e, changed);
            }
        }
    }

    @Test
    void contentThatContradictsItselfIsRefused() throws IOException {
        assertRefused(rewritten((tensors, _) -> tensors.removeFirst()), HALVES, HASH, "no site");
        assertRefused(rewritten((tensors, _) -> tensors.removeLast()), HALVES, HASH, "missing");
        assertRefused(rewritten((tensors, _) -> tensors.clear()), HALVES, HASH, "no site");
        assertRefused(rewritten((tensors, _) -> tensors.set(0, renamed(tensors.get(0), "model.layers.9.mlp.up_proj.sigma"))),
                HALVES, HASH, "no site");
        assertRefused(rewritten((tensors, _) -> tensors.set(0, renamed(tensors.get(2), tensors.get(0).name()))),
                HALVES, HASH, "expected F32 [");
        assertRefused(rewritten((_, metadata) -> metadata.put("chunkwise.adapter.name", "x")), HALVES, HASH, "content");
        assertRefused(rewritten((_, metadata) -> metadata.remove("chunkwise.content.sha256")), HALVES, HASH, "content");
        assertRefused(rewritten((_, metadata) -> metadata.put("chunkwise.ladder", "2")), HALVES, HASH, "version '2'");
        assertRefused(rewritten((_, metadata) -> metadata.clear()), HALVES, HASH, "not a rank ladder");
        assertRefused(directory.resolve("absent"), HALVES, HASH, "no such file");
        assertRefused(directory, HALVES, HASH, "directory");
    }

    @Test
    void aValueThatIsNotANumberIsRefused() throws IOException {
        Map<AdapterSite, LadderSite> sites = new HashMap<>(LADDER.sites());
        AdapterSite at = new AdapterSite(1, WeightRole.VALUE);
        LowRankPair pair = sites.get(at).pair();
        float[] up = pair.up().clone();
        up[3] = Float.NaN;
        sites.put(at, new LadderSite(sites.get(at).sigmas(), new LowRankPair(pair.rank(), pair.inputs(), pair.outputs(), pair.down(), up)));
        Path file = directory.resolve("nan.safetensors");
        LadderFile.save(file, new RankLadder("nan", sites), HALVES, HASH);
        assertRefused(file, HALVES, HASH, "model.layers.1.self_attn.v_proj", "NaN");
    }

    @Test
    void loadingWorksWithoutNd4j() throws Exception {
        Path file = saved();
        List<URL> classPath = new ArrayList<>();
        for (Class<?> part : List.of(LadderFile.class, LadderFileTest.class, Adapter.class,
                ObjectMapper.class, JsonParser.class, JsonFormat.class)) {
            classPath.add(part.getProtectionDomain().getCodeSource().getLocation());
        }
        try (URLClassLoader withoutNd4j = new URLClassLoader(classPath.toArray(URL[]::new), ClassLoader.getPlatformClassLoader())) {
            assertThrows(ClassNotFoundException.class, () -> withoutNd4j.loadClass("org.nd4j.linalg.factory.Nd4j"));
            Class<?> loader = withoutNd4j.loadClass(LoadElsewhere.class.getName());
            assertEquals(14, loader.getMethod("load", String.class).invoke(null, file.toString()));
        }
    }

    /** Runs in a class loader of its own. */
    public static final class LoadElsewhere {
        private LoadElsewhere() {
        }

        /** Loads the ladder and slices it; returns its number of sites. */
        public static int load(String file) {
            LlamaConfig config = SyntheticLlama.config(16, 2, 4, 2, 12, 32, 64);
            return LadderFile.load(Path.of(file), config, HASH).at(List.of(new Rung.Uniform(2))).sites().size();
        }
    }

    private Path rewritten(BiConsumer<List<TensorView>, Map<String, String>> change) throws IOException {
        Path file = directory.resolve("rewritten.safetensors");
        try (Arena memory = Arena.ofConfined()) {
            SafetensorsFile original = SafetensorsFile.open(saved(), memory);
            List<TensorView> tensors = new ArrayList<>(original.tensors().values());
            Map<String, String> metadata = new HashMap<>(original.metadata());
            change.accept(tensors, metadata);
            SafetensorsWriter.write(file, tensors, metadata);
        }
        return file;
    }

    private static TensorView renamed(TensorView tensor, String name) {
        return new TensorView(name, tensor.type(), tensor.shape(), tensor.data());
    }

    private static void assertSame(RankLadder expected, RankLadder actual) {
        assertEquals(expected.sites().keySet(), actual.sites().keySet());
        expected.sites().forEach((at, site) -> {
            LadderSite other = actual.sites().get(at);
            assertArrayEquals(site.sigmas(), other.sigmas(), at.toString());
            assertArrayEquals(site.pair().down(), other.pair().down(), at.toString());
            assertArrayEquals(site.pair().up(), other.pair().up(), at.toString());
        });
    }

    private static void assertRefused(Path file, LlamaConfig config, String hash, String... parts) {
        FormatException refusal = assertThrows(FormatException.class, () -> LadderFile.load(file, config, hash));
        assertOneLine(refusal, file);
        for (String part : parts) {
            assertTrue(refusal.getMessage().contains(part), "'" + part + "' in: " + refusal.getMessage());
        }
    }

    private static void assertOneLine(FormatException refusal, Path file) {
        assertTrue(refusal.getMessage().startsWith(file.toString()), refusal.getMessage());
        assertFalse(refusal.getMessage().contains("\n"), refusal.getMessage());
    }
}
