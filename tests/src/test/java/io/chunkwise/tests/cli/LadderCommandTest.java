package io.chunkwise.tests.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.chunkwise.model.fixtures.SharedData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LadderCommandTest {
    private static final String PROMPT = "Once upon a time";

    @TempDir
    private Path directory;

    @Test
    void aCalibratedLadderIsWhatAdaptiveChunksGoBy() throws IOException {
        Path adapter = Stories.copyOfAdapter("shakespeare", directory);
        CommandRun before = adaptive(adapter);
        assertTrue(before.err().contains("chunks go by entropy, ngram, attention, prior, because the ladder of adapter "
                + "adapter-shakespeare is not calibrated; 'chunkwise ladder --calibrate TEXT' does that\n"), before.err());

        JsonNode built = calibrate(adapter, "--calibrate-windows", 2, "--json").json();
        assertEquals("calibrated", built.get("benefit").textValue());
        JsonNode calibration = built.get("calibration");
        assertEquals(2, calibration.get("windows").intValue());
        assertEquals(2 * 512, calibration.get("tokens").intValue());
        assertEquals(4, calibration.get("lowComponents").intValue());
        assertEquals(16, calibration.get("highComponents").intValue());
        assertTrue(calibration.get("meanGain").doubleValue() > 0, calibration.toString());
        assertTrue(calibration.get("tokensSeen").intValue() > 50, calibration.toString());
        assertEquals(512, calibration.get("vocabulary").intValue());
        assertEquals("cpu on cpu:0", calibration.get("executor").textValue());
        assertTrue(CommandRun.of("inspect", adapter.resolve("ladder.safetensors"), "--json").json().get("calibrated").booleanValue());

        CommandRun after = adaptive(adapter);
        assertTrue(after.err().contains("chunks go by what components of adapter adapter-shakespeare gain, as its ladder was calibrated\n"),
                after.err());
        JsonNode trace = CommandRun.of("generate", "-m", Stories.model(), "-a", adapter, "-p", PROMPT, "-n", 5, "-T", 0,
                "--policy", "adaptive", "-e", "cpu", "--json").json();
        for (JsonNode token : trace.get("tokens")) {
            double benefit = token.get("benefit").doubleValue();
            assertTrue(benefit > 0 && benefit <= 1 && token.get("entropy").isNumber(), token.toString());
        }
    }

    @Test
    void theSameTextGivesTheSameFileAndRebuildingKeepsIt() throws IOException {
        Path adapter = Stories.copyOfAdapter("shakespeare", directory);
        CommandRun first = calibrate(adapter, "--calibrate-windows", 1);
        assertTrue(first.succeeded().out().contains("calibrated on 512 tokens in 1 window, cpu on cpu:0, in "), first.out());
        byte[] calibrated = Files.readAllBytes(adapter.resolve("ladder.safetensors"));
        calibrate(adapter, "--calibrate-windows", 1).succeeded();
        assertArrayEquals(calibrated, Files.readAllBytes(adapter.resolve("ladder.safetensors")));
        CommandRun rebuilt = CommandRun.of("ladder", "-m", Stories.model(), "-a", adapter);
        assertTrue(rebuilt.succeeded().out().contains("calibration kept"), rebuilt.out());
        assertArrayEquals(calibrated, Files.readAllBytes(adapter.resolve("ladder.safetensors")));
    }

    @Test
    void whatCannotBeCalibratedIsOneLineAndLeavesNoLadder() throws IOException {
        Path adapter = Stories.copyOfAdapter("shakespeare", directory);
        Path few = Files.writeString(directory.resolve("few.txt"), "To be, or not to be.");
        Object[] ladder = {"ladder", "-m", Stories.model(), "-a", adapter};
        assertRefused(1, "is too short to calibrate on, expected 511 or more", with(ladder, "--calibrate", few));
        assertRefused(1, "no-such.txt", with(ladder, "--calibrate", directory.resolve("no-such.txt")));
        assertRefused(2, "--calibrate-components 33: the adapter has rank 32; use a number up to it",
                with(ladder, "--calibrate", few, "--calibrate-components", 33));
        assertTrue(Files.notExists(adapter.resolve("ladder.safetensors")), "nothing is saved");
        assertRefused(1, "adapter 'adapter-shakespeare' has none; calibrate its ladder with 'chunkwise ladder --calibrate TEXT'",
                "generate", "-m", Stories.model(), "-a", adapter, "-p", PROMPT, "-n", 3, "--policy", "adaptive", "--signals", "benefit",
                "-e", "cpu", "-q");
    }

    private static void assertRefused(int exit, String part, Object... command) {
        CommandRun run = CommandRun.of(command);
        assertEquals(exit, run.exit(), run.err());
        assertEquals(exit, run.err().lines().count(), "lines of\n" + run.err()); // a wrong command line has a second one, of its help
        assertTrue(run.err().contains(part), run.err());
    }

    private static CommandRun adaptive(Path adapter) {
        return CommandRun.of("generate", "-m", Stories.model(), "-a", adapter, "-p", PROMPT, "-n", 3, "-T", 0,
                "--policy", "adaptive", "-e", "cpu").succeeded();
    }

    /** On the first lines of the adapter's text. */
    private CommandRun calibrate(Path adapter, Object... more) throws IOException {
        Path text = Files.writeString(directory.resolve("text.txt"),
                Files.readString(SharedData.assumePresent("text/tinyshakespeare.txt")).substring(0, 4000));
        return CommandRun.of(with(new Object[] {"ladder", "-m", Stories.model(), "-a", adapter, "--calibrate", text}, more));
    }

    private static Object[] with(Object[] command, Object... more) {
        Object[] all = Arrays.copyOf(command, command.length + more.length);
        System.arraycopy(more, 0, all, command.length, more.length);
        return all;
    }
}
