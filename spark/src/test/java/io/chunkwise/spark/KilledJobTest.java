package io.chunkwise.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.chunkwise.evaluate.Shard;
import io.chunkwise.model.fixtures.SharedData;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whatever dies, in the end each result is there once, and the figures are the plain command's. */
class KilledJobTest {
    private static final long LIMIT_SECONDS = 240;

    @TempDir
    private Path directory;

    private final long seed = System.nanoTime();
    private final Random random = new Random(seed);
    private List<Object> args;
    private Path plain;
    private JsonNode expected;

    @BeforeEach
    void runThePlainCommand() throws IOException {
        String text = Files.readString(SharedData.assumePresent("text/tinystories-valid.txt")).substring(0, 16_000);
        args = Job.args("eval", "perplexity", "-m", SharedData.assumePresent("stories260K"), "-e", "cpu", "--text",
                Files.writeString(directory.resolve("text.txt"), text), "--window", 64, "--json");
        plain = directory.resolve("plain.jsonl");
        expected = Job.onCommandLine(Job.with(args, "--output", plain)).json();
    }

    @Test
    void tasksThatAreKilledAreDoneAgainWithoutLinesTwice() throws Exception {
        Path output = directory.resolve("results");
        AtomicBoolean ended = new AtomicBoolean();
        Thread killer = Thread.ofPlatform().start(() -> killTasks(output, ended));
        Job job;
        try {
            job = Job.onSpark(Map.of(ChunkwiseSpark.SHARDS, "5", "spark.extraListeners", RunningTasks.class.getName()),
                    Job.with(args, "--output", output));
        } finally {
            ended.set(true);
            killer.join();
        }
        assertTrue(RunningTasks.KILLED.get() > 0, () -> "seed " + seed + ": no task was killed");
        assertComplete(job.json(), output);
    }

    private void killTasks(Path output, AtomicBoolean ended) {
        try {
            for (long at = 0; !ended.get();) {
                if (Job.bytes(output) > at) {
                    RunningTasks.killOne(random);
                    at = Job.bytes(output) + random.nextLong(Files.size(plain) / 5);
                }
                Thread.sleep(1);
            }
        } catch (IOException | InterruptedException | IllegalStateException e) {
            // the application has ended meanwhile
        }
    }

    @Test
    void aDriverThatIsKilledIsFollowedByOneThatGoesOn() throws Exception {
        Path output = directory.resolve("results");
        for (int kill = 1; kill <= 2; kill++) {
            long from = Job.bytes(output) + random.nextLong(Files.size(plain) / 4);
            Process driver = child(Job.with(args, "--output", output));
            try {
                await(driver, () -> Job.bytes(output) > from);
            } finally {
                driver.destroyForcibly().waitFor();
            }
        }
        int before = Job.results(wholeLines(output)).size();
        assertTrue(before > 0 && before < expected.get("items").intValue(),
                () -> "seed " + seed + ": " + before + " results before the last job");
        assertComplete(Job.onSpark(Map.of(), Job.with(args, "--output", output)).json(), output);
    }

    @Test
    void anAttemptWaitsUntilTheOtherOneOfItsShardHasDied() throws Exception {
        Path output = directory.resolve("results");
        Process first = child(Job.with(args, "--output", output));
        try (ExecutorService executor = Executors.newSingleThreadExecutor()) {
            Future<Job> second;
            try {
                await(first, () -> Job.bytes(output) > 0);
                second = executor.submit(() -> Job.onSpark(Map.of(), Job.with(args, "--output", output)));
                long from = Job.bytes(output) + random.nextLong(Files.size(plain) / 2);
                await(first, () -> Job.bytes(output) > from);
            } finally {
                first.destroyForcibly().waitFor();
            }
            assertComplete(second.get(LIMIT_SECONDS, TimeUnit.SECONDS).json(), output);
        }
    }

    @Test
    void twoAttemptsOfAShardInOneProcessComeAfterOneAnother() throws Exception {
        Path file = directory.resolve("shard.jsonl");
        try (ExecutorService executor = Executors.newFixedThreadPool(2)) {
            List<Future<Optional<?>>> attempts = new ArrayList<>();
            for (int threads = 1; threads <= 2; threads++) { // what makes them commands of their own, and no other configuration
                List<String> own = Job.strings(Job.with(args, "--output", directory, "--threads", threads));
                attempts.add(executor.submit(() -> LoadedCommands.run(own, new Shard(2, 3), file, KilledJobTest::pause)));
            }
            for (Future<Optional<?>> attempt : attempts) {
                assertEquals(Optional.empty(), attempt.get(LIMIT_SECONDS, TimeUnit.SECONDS));
            }
        } finally {
            LoadedCommands.closeAll();
        }
        Map<String, JsonNode> shard = Job.results(List.of(plain));
        Map<String, JsonNode> found = Job.results(List.of(file));
        shard.keySet().retainAll(found.keySet());
        assertEquals(shard, found);
        assertEquals((expected.get("items").intValue() + 1) / 3, shard.size());
    }

    private void assertComplete(JsonNode actual, Path output) throws IOException {
        for (String figure : List.of("nll", "perplexity", "tokens", "scored", "windows", "meanComponents", "kvBytes")) {
            assertEquals(expected.get(figure), actual.get(figure), () -> "seed " + seed + ": " + figure);
        }
        assertEquals(0, actual.get("missing").intValue(), () -> "seed " + seed);
        assertEquals(Job.results(List.of(plain)), Job.results(Job.files(output)), () -> "seed " + seed);
    }

    @FunctionalInterface
    private interface Condition {
        boolean holds() throws IOException;
    }

    private void await(Process driver, Condition condition) throws IOException, InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(LIMIT_SECONDS);
        while (!condition.holds()) {
            if (!driver.isAlive() || System.nanoTime() > end) {
                throw new AssertionError("seed " + seed + ": the job came to no point to kill it at: "
                        + Files.readString(directory.resolve("said.txt")));
            }
            Thread.sleep(1);
        }
    }

    /** A driver of its own, with this JVM's flags: --add-opens and the like. */
    private Process child(List<Object> arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
        ManagementFactory.getRuntimeMXBean().getInputArguments().stream().filter(flag -> flag.startsWith("--")).forEach(command::add);
        Job.LOCAL.forEach((name, value) -> command.add("-D" + name + "=" + value));
        command.addAll(List.of("-XX:TieredStopAtLevel=1", "-cp",
                System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")), ChunkwiseSpark.class.getName()));
        command.addAll(Job.strings(arguments));
        return new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(directory.resolve("said.txt").toFile()).start();
    }

    /** Copies without what was torn off. */
    private List<Path> wholeLines(Path output) throws IOException {
        List<Path> copies = new ArrayList<>();
        for (Path file : Job.files(output)) {
            String text = Files.readString(file);
            copies.add(Files.writeString(directory.resolve("copy-" + file.getFileName()), text.substring(0, text.lastIndexOf('\n') + 1)));
        }
        return copies;
    }

    private static void pause() {
        try {
            Thread.sleep(5);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
