package io.chunkwise.evaluate.journal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.evaluate.EvaluationRun;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A run that dies costs the item that it was at, and nothing else. */
class KilledRunTest {
    private static final int ITEMS = 300;

    @Test
    void tenKilledProcessesComeToTheFiguresOfOneThatIsNot(@TempDir Path directory) throws IOException, InterruptedException {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        List<Number> expected = FakeEvaluation.figures(new FakeEvaluation(ITEMS, _ -> { }).run(directory.resolve("whole.jsonl")).rows());
        long bytes = Files.size(directory.resolve("whole.jsonl"));
        Path file = directory.resolve("killed.jsonl");
        for (int kill = 1; kill <= 10; kill++) {
            long size = Files.exists(file) ? Files.size(file) : 0;
            killAt(size + random.nextLong(bytes / 12), random.nextInt(4), directory, file);
        }
        long resumedFrom = Files.size(file);
        assertTrue(resumedFrom < bytes, "seed " + seed + ": nothing was left to do after ten kills");
        EvaluationRun<FakeEvaluation.Row> last = new FakeEvaluation(ITEMS, _ -> { }).run(file);
        assertEquals(expected, FakeEvaluation.figures(last.rows()), "seed " + seed);
        assertEquals(ITEMS, Files.readAllLines(file).size(), "seed " + seed);
        assertTrue(last.resumed() > 0 && last.resumed() < ITEMS, "seed " + seed + ": resumed " + last.resumed());
    }

    private static void killAt(long bytes, int millis, Path directory, Path file) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC", "-cp", System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                FakeEvaluation.class.getName(), file.toString(), Integer.toString(ITEMS), "3")
                .redirectErrorStream(true).redirectOutput(directory.resolve("child.txt").toFile()).start();
        try {
            long patience = System.nanoTime() + 60_000_000_000L;
            while (process.isAlive() && (!Files.exists(file) || Files.size(file) <= bytes)) {
                assertTrue(System.nanoTime() < patience, () -> "no progress in 60 s");
                Thread.sleep(1);
            }
            Thread.sleep(millis);
        } finally {
            boolean alive = process.isAlive();
            process.destroyForcibly().waitFor();
            assertTrue(alive, "the run ended by itself: " + Files.readString(directory.resolve("child.txt")));
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    void aFileThatIsCutAnywhereComesToTheSameFigures(long seed, @TempDir Path directory) throws IOException {
        Random random = new Random(seed);
        List<Number> expected = FakeEvaluation.figures(new FakeEvaluation(ITEMS, _ -> { }).run(directory.resolve("whole.jsonl")).rows());
        Path file = directory.resolve("cut.jsonl");
        List<Long> cuts = new ArrayList<>();
        for (int cut = 0; cut < 15; cut++) {
            int stop = random.nextInt(ITEMS);
            assertThrows(IllegalStateException.class, () -> new FakeEvaluation(ITEMS, number -> {
                if (number >= stop) {
                    throw new IllegalStateException("stopped at item " + stop);
                }
            }).run(file));
            // Most cuts go into the end of the file, as they do in life, some anywhere.
            long size = Files.size(file);
            long at = cut % 3 == 0 ? random.nextLong(size + 1) : Math.max(0, size - random.nextLong(400));
            cuts.add(at);
            try (RandomAccessFile opened = new RandomAccessFile(file.toFile(), "rw")) {
                opened.setLength(at);
            }
        }
        List<Integer> evaluated = new ArrayList<>();
        EvaluationRun<FakeEvaluation.Row> last = new FakeEvaluation(ITEMS, evaluated::add).run(file);
        assertEquals(expected, FakeEvaluation.figures(last.rows()), () -> "seed " + seed + ", cuts at " + cuts);
        assertEquals(ITEMS, last.resumed() + evaluated.size());
        assertEquals(ITEMS, Files.readAllLines(file).size());
        EvaluationRun<FakeEvaluation.Row> again = new FakeEvaluation(ITEMS, number -> {
            throw new AssertionError("item " + number + " is evaluated again");
        }).run(file);
        assertEquals(ITEMS, again.resumed());
        assertEquals(expected, FakeEvaluation.figures(again.rows()));
    }
}
