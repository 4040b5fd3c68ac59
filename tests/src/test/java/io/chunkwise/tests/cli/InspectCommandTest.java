package io.chunkwise.tests.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InspectCommandTest {

    @Test
    void aModelShowsItsSizesAndEveryTensor() {
        JsonNode json = CommandRun.of("inspect", Stories.model(), "--json").json();
        assertEquals("model", json.get("kind").textValue());
        assertEquals(5, json.get("config").get("layers").intValue());
        assertEquals(64, json.get("config").get("hiddenSize").intValue());
        assertEquals(512, json.get("config").get("vocabSize").intValue());
        assertEquals(1 + 5 * 9 + 1, json.get("tensors").size());
        long bytes = 0;
        for (JsonNode tensor : json.get("tensors")) {
            assertEquals("F32", tensor.get("type").textValue());
            bytes += tensor.get("bytes").longValue();
        }
        assertEquals(bytes, json.get("bytes").longValue());
        assertEquals(bytes, 4 * json.get("parameters").longValue());
    }

    @Test
    void peopleSeeTensorsOfAllLayersInOneLine() {
        String out = CommandRun.of("inspect", Stories.model()).succeeded().out();
        assertTrue(out.contains("    5  F32   172 x 64  215.0 KiB  model.layers.*.mlp.gate_proj.weight"), out);
        assertTrue(out.lines().count() < 30, out);
        assertTrue(CommandRun.of("inspect", Stories.model(), "--all").succeeded().out().lines().count() > 50);
    }

    @Test
    void anAdapterShowsTheSpectrumOfEachModuleWithoutItsModel() {
        JsonNode json = CommandRun.of("inspect", Stories.adapter("grimm"), "--json").json();
        assertEquals("adapter", json.get("kind").textValue());
        assertEquals(32, json.get("rank").intValue());
        assertEquals(35, json.get("sites").size());
        for (JsonNode site : json.get("sites")) {
            double before = Double.POSITIVE_INFINITY;
            double sum = 0;
            for (JsonNode sigma : site.get("sigmas")) {
                assertTrue(sigma.doubleValue() <= before, site.get("module") + " descends");
                before = sigma.doubleValue();
                sum += before * before;
            }
            double first = site.get("sigmas").get(0).doubleValue();
            assertEquals(first * first / sum, site.get("energy").get("1").doubleValue(), 1e-5, site.get("module").textValue());
        }
    }

    @Test
    void aLadderShowsWhatItWasBuiltFrom(@TempDir Path directory) {
        Path file = directory.resolve("grimm-ladder.safetensors");
        JsonNode built = CommandRun.of("ladder", "-m", Stories.model(), "-a", Stories.adapter("grimm"), "-o", file, "--json").json();
        assertEquals(file.toString(), built.get("path").textValue());
        JsonNode seen = CommandRun.of("inspect", file, "--json").json();
        assertEquals("ladder", seen.get("kind").textValue());
        assertEquals(built.get("sha256"), seen.get("metadata").get("chunkwise.adapter.sha256"));
        assertEquals(built.get("rank"), seen.get("rank"));
        assertEquals(built.get("energy"), seen.get("energy"));
        assertEquals(built.get("sites").size(), seen.get("sites").size());
    }

    @Test
    void peopleSeeABarChartPerModule() {
        CommandRun run = CommandRun.of("inspect", Stories.adapter("shakespeare")).succeeded();
        long charts = run.out().lines().filter(line -> line.matches("\\d\\.(self_attn|mlp)\\.\\w+ +32 .* █[▁▂▃▄▅▆▇█]+")).count();
        assertEquals(35, charts, run.out());
        assertTrue(run.out().lines().allMatch(line -> line.length() <= 130), run.out());
    }

    @Test
    void aSafetensorsFileOfAnythingIsListed() {
        JsonNode json = CommandRun.of("inspect", Stories.model().resolve("model.safetensors"), "--json").json();
        assertEquals("tensors", json.get("kind").textValue());
        assertTrue(json.get("tensors").size() >= 47, json.get("tensors").size() + " tensors");
    }

    @Test
    void aFailedLadderLeavesNoFile(@TempDir Path directory) {
        Path file = directory.resolve("no/such/folder/ladder.safetensors");
        CommandRun run = CommandRun.of("ladder", "-m", Stories.model(), "-a", Stories.adapter("grimm"), "-o", file);
        assertEquals(1, run.exit(), run.err());
        assertEquals(1, run.err().lines().count(), run.err());
        assertTrue(Files.notExists(file));
    }
}
