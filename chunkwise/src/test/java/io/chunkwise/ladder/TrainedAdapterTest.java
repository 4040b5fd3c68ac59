package io.chunkwise.ladder;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.model.Progress;
import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.adapter.AdapterFiles;
import io.chunkwise.model.adapter.LowRankPair;
import io.chunkwise.model.fixtures.SharedData;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.SyntheticLlama;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Ladders of really trained adapters, of rank 32 on all projections of a five-layer model. */
class TrainedAdapterTest {
    private static final LlamaConfig STORIES = SyntheticLlama.config(64, 5, 8, 4, 172, 512, 512);

    @TempDir
    private Path directory;

    @ParameterizedTest
    @ValueSource(strings = {"stories260K-lora-shakespeare", "stories260K-lora-grimm"})
    void theErrorFallsWithEveryRungToThatOfThePlainAdapter(String name) {
        Adapter plain = AdapterFiles.open(SharedData.assumePresent(name), STORIES, Progress.NONE);
        RankLadder ladder = LadderBuilder.build(plain, Progress.NONE);
        List<Rung> rungs = new ArrayList<>();
        for (int rank : new int[] {0, 1, 2, 4, 8, 16, 32}) {
            rungs.add(new Rung.Uniform(rank));
        }
        Adapter sliced = ladder.at(rungs);
        assertEquals(rungs.size(), sliced.groups());
        sliced.sites().forEach((at, pair) -> {
            LowRankPair whole = plain.sites().get(at);
            double[] update = Updates.product(whole, whole.rank());
            double before = Double.POSITIVE_INFINITY;
            for (int rung = 0; rung < rungs.size(); rung++) {
                double error = Updates.distance(update, Updates.product(pair, pair.activeRank(rung + 1)));
                assertTrue(error < before, at + " at " + rungs.get(rung) + " is off by " + error + ", the rung before by " + before);
                before = error;
            }
            Updates.assertClose(at + " at full rank", update, Updates.product(pair, pair.rank()), 1e-5);
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"stories260K-lora-shakespeare", "stories260K-lora-grimm"})
    void aThresholdOverAllSitesLeavesASmallerErrorThanOneRankForAll(String name) {
        RankLadder ladder = LadderBuilder.build(AdapterFiles.open(SharedData.assumePresent(name), STORIES, Progress.NONE), Progress.NONE);
        for (int rank : new int[] {1, 2, 4, 8, 16}) {
            Rung threshold = new Rung.Threshold(ladder.thresholdForMeanRank(rank));
            int components = ladder.sites().values().stream().mapToInt(site -> site.components(threshold)).sum();
            assertEquals(rank * ladder.sites().size(), components);
            double uniform = tailEnergy(ladder, new Rung.Uniform(rank));
            double global = tailEnergy(ladder, threshold);
            assertTrue(global < uniform, "mean rank " + rank + " leaves " + global + ", one rank for all " + uniform);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"stories260K-lora-shakespeare"})
    void itIsSavedAndLoadedBitForBit(String name) throws IOException {
        Path source = SharedData.assumePresent(name);
        RankLadder ladder = LadderBuilder.build(AdapterFiles.open(source, STORIES, Progress.NONE), Progress.NONE);
        Path file = directory.resolve("ladder.safetensors");
        LadderFile.save(file, ladder, STORIES, AdapterFiles.hash(source));
        RankLadder loaded = LadderFile.load(file, STORIES, AdapterFiles.hash(source));
        assertEquals(ladder.sites().keySet(), loaded.sites().keySet());
        ladder.sites().forEach((at, site) -> {
            assertArrayEquals(site.sigmas(), loaded.sites().get(at).sigmas(), at.toString());
            assertArrayEquals(site.pair().down(), loaded.sites().get(at).pair().down(), at.toString());
            assertArrayEquals(site.pair().up(), loaded.sites().get(at).pair().up(), at.toString());
        });
    }

    private static double tailEnergy(RankLadder ladder, Rung rung) {
        double energy = 0;
        for (LadderSite site : ladder.sites().values()) {
            for (int k = site.components(rung); k < site.sigmas().length; k++) {
                energy += (double) site.sigmas()[k] * site.sigmas()[k];
            }
        }
        return energy;
    }
}
