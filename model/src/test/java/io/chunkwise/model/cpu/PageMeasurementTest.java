package io.chunkwise.model.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.chunkwise.model.kv.KvMeasurement;
import io.chunkwise.model.kv.KvPage;
import io.chunkwise.model.kv.KvType;
import io.chunkwise.model.llama.SyntheticLlama;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the contract's random models don't do: attend to one page so much that nothing is left for the others. */
class PageMeasurementTest {

    /** Two pages, one head of 8; keys of page 0 are {@code strength} times the query, those of page 1 are 0. Values are 1 and −2. */
    @ParameterizedTest
    @ValueSource(floats = {0, 1, 5, 10, 20, 40, 80, 300, 1e4f})
    void evictingThePageThatHasAllAttentionLeavesTheOutputOfTheOthers(float strength) {
        KvCache cache = new KvCache(SyntheticLlama.config(8, 1, 1, 1, 8, 9, 32), 32, KvType.F32);
        float[] ones = new float[8];
        Arrays.fill(ones, 1);
        cache.begin(0, 32);
        KvProbes probes = new KvProbes(1, 8);
        for (int position = 0; position < 32; position++) {
            float[] key = new float[8];
            Arrays.fill(key, position < 16 ? strength / 8 : 0);
            float[] value = new float[8];
            Arrays.fill(value, position < 16 ? 1 : -2);
            cache.append(0, position, 1, key, value, 0, 1);
        }
        cache.finish(32);
        probes.remember(0, 31, 1, ones);
        probes.finish(1);
        List<KvPage> pages = List.of(new KvPage(0, 0), new KvPage(0, 1));
        StoredPage[][] changed = new StoredPage[2][];
        for (int page = 0; page < 2; page++) {
            changed[page] = new StoredPage[] {Q8Page.of(cache.full(0, page).decoded()), Q4Page.of(cache.full(0, page).decoded())};
        }
        PageMeasurement measurement = new PageMeasurement(cache, probes, 1, 0, pages, changed);
        measurement.measure(0, new float[PageMeasurement.scratchSize(32, cache.shape())]);
        List<KvMeasurement> measured = measurement.result();

        double mass = 1 / (1 + Math.exp(-strength / Math.sqrt(8))); // of page 0: all its scores are alike
        double output = mass - 2 * (1 - mass);
        double[] withoutIt = {-2, 1};
        for (int page = 0; page < 2; page++) {
            double ofPage = page == 0 ? mass : 1 - mass;
            assertEquals(ofPage, measured.get(page).attentionMass(), 1e-6, "mass of page " + page);
            double expected = Math.abs(withoutIt[page] - output) / Math.abs(output);
            assertEquals(expected, measured.get(page).evictedError(), 1e-5 * Math.max(1, expected), "error without page " + page);
            assertEquals(0, measured.get(page).q8Error(), 1e-5, "equal elements are exact in Q8");
            assertEquals(0, measured.get(page).q4Error(), 1e-5, "equal elements are exact in Q4");
        }
    }
}
