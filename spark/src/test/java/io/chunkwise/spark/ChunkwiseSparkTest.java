package io.chunkwise.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.chunkwise.model.fixtures.SharedData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ChunkwiseSparkTest {
    private static final Map<String, String> SIX = Map.of(ChunkwiseSpark.SHARDS, "6");

    @TempDir
    private Path directory;

    @Test
    void perplexityOfAnAdaptersRungIsThePlainCommands() throws IOException {
        List<Object> args = Job.args("eval", "perplexity", "-m", model(), "-a", adapter(), "--policy", "adaptive", "--kv-policy", "q8",
                "-e", "cpu", "--text", text(8000), "--window", 128, "--json");
        assertSameAsPlain(SIX, args, List.of("nll", "perplexity", "tokens", "scored", "windows", "meanComponents", "kvBytes"), 6);
    }

    @Test
    void answersAndTheirScoresAreThePlainCommands() throws IOException {
        Path template = Files.writeString(directory.resolve("template.txt"), "{context} Q: {question} A:");
        List<Object> args = Job.args("eval", "squad", "-m", model(), "-e", "cpu", "--data",
                SharedData.assumePresent("squad/dev-v2.0-half.json"), "--template", template, "--limit", 7, "-n", 6, "--json");
        assertSameAsPlain(Map.of(), args, List.of("exact", "f1", "total", "hasAnsExact", "hasAnsF1", "noAnsExact"), 2);
    }

    @Test
    void translationsAndTheirScoresAreThePlainCommands() throws IOException {
        Path source = Files.writeString(directory.resolve("source.txt"), "Once upon a time\nLily was\nThe dog\nOne day\nTom had\n");
        Path reference = Files.writeString(directory.resolve("reference.txt"), "there was a girl\nhappy\nran\nhe went\na ball\n");
        Path template = Files.writeString(directory.resolve("template.txt"), "{source}\n");
        List<Object> args = Job.args("eval", "bleu", "-m", model(), "-e", "cpu", "--reference", reference, "--source", source, "--template",
                template, "-n", 10, "--json");
        assertSameAsPlain(Map.of(), args, List.of("bleu", "signature", "chrf2", "precisions", "segments"), 2);
    }

    @Test
    void textsOfPromptsAreThePlainCommandsAndErrorsFailInTheEnd() throws IOException {
        StringBuilder lines = new StringBuilder();
        IntStream.range(0, 9).forEach(prompt -> lines.append("{\"prompt\": \"Lily ").append(prompt).append("\"}\n"));
        Path prompts = Files.writeString(directory.resolve("prompts.jsonl"), lines.toString());
        List<Object> args = Job.args("generate", "-m", model(), "-e", "cpu", "-n", 12, "--input", prompts, "--json");
        assertSameAsPlain(SIX, args, List.of("prompts", "errors", "promptTokens", "newTokens", "meanComponents", "kvBytes"), 6);

        Files.writeString(prompts, lines + "{\"prompt\": \"" + "too long ".repeat(30) + "\"}\n");
        Path output = directory.resolve("errors");
        Job job = Job.onSpark(Map.of(), Job.with(args, "--context", 64, "--output", output));
        assertEquals(1, job.exit());
        assertEquals("chunkwise: 1 of 10 prompts have an error in place of a text; see 'error' in the files\n", job.err());
        assertEquals(10, Job.results(Job.files(output)).size());
    }

    @Test
    void aCommandLineThatMakesNoSenseIsToldBeforeSparkStarts() throws IOException {
        assertUsage("chunkwise: --output is missing: where results go",
                Job.args("eval", "perplexity", "-m", "m", "--text", "t", "--window", 5));
        assertUsage("chunkwise: --shard: shards are made here; leave it out",
                Job.args("eval", "perplexity", "-m", "m", "--text", "t", "--window", 5, "-o", "o", "--shard", "1/2"));
        assertUsage("chunkwise: 'chunkwise generate' has no items to share; "
                + "expected eval perplexity, eval squad, eval bleu, or generate --input",
                Job.args("generate", "-m", "m", "-p", "x"));
        assertUsage("chunkwise: 'chunkwise score' has no items to share; "
                + "expected eval perplexity, eval squad, eval bleu, or generate --input",
                Job.args("score", "-m", "m", "--text", "x"));
        Job remote = Job.onSpark(Map.of(),
                Job.args("eval", "perplexity", "-m", "m", "--text", "t", "--window", 5, "-o", "s3://bucket/results"));
        assertEquals("chunkwise: --output s3:/bucket/results: expected a directory on a file system that all machines mount\n",
                remote.err());
        assertEquals(1, remote.exit());
    }

    @Test
    void aFileThatIsWrongIsToldOnceInOneLine() throws IOException {
        Path output = directory.resolve("results");
        Job job = Job.onSpark(SIX,
                Job.args("eval", "perplexity", "-m", model(), "-e", "cpu", "--text", directory.resolve("none.txt"), "--window", 5,
                "-o", output));
        assertEquals("chunkwise: " + directory.resolve("none.txt") + ": there is no such file or directory\n", job.err());
        assertEquals(1, job.exit());
        Job window = Job.onSpark(SIX,
                Job.args("eval", "perplexity", "-m", model(), "-e", "cpu", "--text", text(1000), "--window", 5000, "-o",
                output));
        assertTrue(window.err().startsWith("chunkwise: --window 5000: the context has room for 512"), window.err());
        assertEquals(2, window.exit());
    }

    @Test
    void anotherNumberOfShardsNeedsAnotherDirectory() throws IOException {
        Path output = Files.createDirectory(directory.resolve("results"));
        Files.createFile(output.resolve("shard-1-of-3.jsonl"));
        List<Object> args = Job.args("eval", "perplexity", "-m", model(), "-e", "cpu", "--text", text(1000), "--window", 100, "--json",
                "-o", output);
        Job other = Job.onSpark(SIX, args);
        assertEquals("chunkwise: " + output + ": has files of 3 shards, not 6; use another directory\n", other.err());
        assertEquals(1, other.exit());
        Job.onSpark(Map.of(), args).json(); // three again
        assertEquals(3, Job.files(output).size());
    }

    @Test
    void aTaskThatFailsFourTimesFailsTheJobAndTheNextOneGoesOn() throws IOException {
        Path output = Files.createDirectory(directory.resolve("results"));
        Path obstacle = Files.createDirectory(output.resolve("shard-2-of-6.jsonl"));
        List<Object> args = Job.args("eval", "perplexity", "-m", model(), "-e", "cpu", "--text", text(4000), "--window", 64, "--json");
        Job failed = Job.onSpark(SIX, Job.with(args, "-o", output));
        assertEquals(1, failed.exit());
        assertEquals(1, failed.err().lines().count());
        assertTrue(failed.err()
                .startsWith("chunkwise: the job failed: Job aborted due to stage failure: Task 1 in stage 0.0 failed 4 times"),
                failed.err());
        Files.delete(obstacle);
        JsonNode again = Job.onSpark(SIX, Job.with(args, "-o", output)).json();
        assertEquals(Job.onCommandLine(args).json().get("nll"), again.get("nll"));
    }

    private void assertSameAsPlain(Map<String, String> settings, List<Object> args, List<String> figures, int shards) throws IOException {
        Path plain = directory.resolve("plain.jsonl");
        JsonNode expected = Job.onCommandLine(Job.with(args, "--output", plain)).json();
        Path output = directory.resolve("results");
        JsonNode actual = Job.onSpark(settings, Job.with(args, "--output", output)).json();
        figures.forEach(figure -> assertEquals(expected.get(figure), actual.get(figure), figure));
        assertEquals(0, actual.get("missing").intValue());
        assertEquals(expected.get("items"), actual.get("evaluated"));
        assertEquals(shards, Job.files(output).size());
        assertEquals(Job.results(List.of(plain)), Job.results(Job.files(output)));
    }

    private static void assertUsage(String problem, List<Object> args) {
        Job job = Job.onSpark(Map.of(), args);
        assertEquals(problem, job.err().lines().findFirst().orElse(""));
        assertEquals(2, job.exit());
    }

    private Path text(int characters) throws IOException {
        String text = Files.readString(SharedData.assumePresent("text/tinystories-valid.txt")).substring(0, characters);
        return Files.writeString(directory.resolve("text.txt"), text);
    }

    private static Path model() {
        return SharedData.assumePresent("stories260K");
    }

    private static Path adapter() {
        return SharedData.assumePresent("stories260K-lora-shakespeare");
    }
}
