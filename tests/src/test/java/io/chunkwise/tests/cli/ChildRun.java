package io.chunkwise.tests.cli;

import io.chunkwise.runner.ChunkwiseCommand;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * One run of the program in a JVM of its own, which is told that its output goes to a terminal: for environment variables.
 *
 * @param exit the exit code
 */
record ChildRun(int exit, String out, String err) {
    private static final long LIMIT_SECONDS = 240;

    static ChildRun ofTerminal(Map<String, String> environment, Path directory, Object... args) throws IOException, InterruptedException {
        Path out = directory.resolve("out.txt");
        Path err = directory.resolve("err.txt");
        ProcessBuilder builder = builder(List.of(), args).redirectOutput(out.toFile()).redirectError(err.toFile());
        builder.environment().keySet().removeAll(List.of("NO_COLOR", "COLORTERM"));
        builder.environment().putAll(environment);
        Process process = builder.start();
        process.getOutputStream().close();
        if (!process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)) {
            process.destroyForcibly();
            throw new AssertionError("no answer after " + LIMIT_SECONDS + " s: " + Files.readString(err));
        }
        return new ChildRun(process.exitValue(), Files.readString(out), Files.readString(err));
    }

    /** Something about files that may come to be. */
    @FunctionalInterface
    interface Condition {
        boolean holds() throws IOException;
    }

    /** Starts a run and kills it as soon as a condition holds; fails if it ends before. */
    static void killWhen(Path directory, Condition condition, Object... args) throws IOException, InterruptedException {
        Path said = directory.resolve("said.txt");
        // Compiled quickly rather than well: it lives for a second.
        Process process = builder(List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"), args).redirectErrorStream(true)
                .redirectOutput(said.toFile()).start();
        try {
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(LIMIT_SECONDS);
            while (!condition.holds()) {
                if (!process.isAlive() || System.nanoTime() > end) {
                    throw new AssertionError("the run came to no point to kill it at: " + Files.readString(said));
                }
                Thread.sleep(1);
            }
        } finally {
            process.destroyForcibly().waitFor();
        }
    }

    private static ProcessBuilder builder(List<String> flags, Object... args) {
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
        command.addAll(flags);
        command.addAll(List.of("--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED", "-Dchunkwise.tty.stdout=true",
                "-cp", System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
                ChunkwiseCommand.class.getName()));
        Arrays.stream(args).map(Object::toString).forEach(command::add);
        return new ProcessBuilder(command);
    }
}
