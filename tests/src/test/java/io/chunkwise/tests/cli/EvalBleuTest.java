package io.chunkwise.tests.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.chunkwise.model.fixtures.SharedData;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EvalBleuTest {

    @TempDir
    private Path directory;

    // flores.deu.copy-eng of bleu/reference_scores.json, and sacrebleu 2.6.0 for intl.
    @ParameterizedTest
    @CsvSource({"13a, 2.416824", "intl, 2.505316"})
    void scoresAndSignatureAreSacrebleus(String tokenizer, double bleu) {
        JsonNode json = CommandRun.of("eval", "bleu", "--reference", flores("deu"), "--hypothesis", flores("eng"), "--tokenize", tokenizer,
                "--json").json();
        assertEquals(bleu, json.get("bleu").doubleValue(), 1e-5);
        assertEquals(22.41192558656787, json.get("chrf2").doubleValue(), 1e-8);
        String signature = json.get("signature").textValue();
        assertTrue(signature.startsWith("nrefs:1|case:mixed|eff:no|tok:" + tokenizer + "|smooth:exp|version:chunkwise-"), signature);
        assertEquals(1012, json.get("segments").intValue());
    }

    @Test
    void resultsAreALinePerSegmentAndMergeToTheSameFigures() throws IOException {
        Path output = directory.resolve("results.jsonl");
        Object[] command = {"eval", "bleu", "--reference", flores("deu"), "--hypothesis", flores("eng"), "--limit", "50", "--output",
                output, "--json"};
        JsonNode json = CommandRun.of(command).json();
        List<String> lines = Files.readAllLines(output);
        assertEquals(50, lines.size());
        Files.write(output, lines.subList(20, 50));
        JsonNode again = CommandRun.of(command).json();
        assertEquals(30, again.get("resumed").intValue());
        JsonNode merged = CommandRun.of("eval", "merge", output, "--json").json();
        for (String field : List.of("bleu", "signature", "chrf2", "precisions", "segments")) {
            assertEquals(json.get(field), again.get(field), field);
            assertEquals(json.get(field), merged.get(field), field);
        }
    }

    @Test
    void aModelTranslatesLineByLine() throws IOException {
        Path source = Files.writeString(directory.resolve("source.txt"), "Once upon a time\nLily was\n\n");
        Path reference = Files.writeString(directory.resolve("reference.txt"), ", there was a girl\nhappy\n\n");
        Path template = Files.writeString(directory.resolve("template.txt"), "{source}\n");
        Path output = directory.resolve("results.jsonl");
        JsonNode json = CommandRun.of("eval", "bleu", "--reference", reference, "-m", Stories.model(), "-e", "cpu", "--source", source,
                "--template", template, "-n", 10, "--output", output, "--json").json();
        assertEquals(3, json.get("segments").intValue());
        assertTrue(json.get("newTokens").intValue() > 0);
        String expected = CommandRun.of("generate", "-m", Stories.model(), "-e", "cpu", "-T", "0", "-n", "10", "--stop", "\n", "--json",
                "-p", "Lily was").json().get("text").textValue().strip();
        assertEquals(expected, new ObjectMapper().readTree(Files.readAllLines(output).get(1)).get("result").get("hypothesis").textValue());
    }

    @Test
    void filesThatDoNotMatchLineByLineAreRefused() throws IOException {
        Path two = Files.writeString(directory.resolve("two.txt"), "a\nb\n");
        Path three = Files.writeString(directory.resolve("three.txt"), "a\nb\r\n\u2028c");
        CommandRun run = CommandRun.of("eval", "bleu", "--reference", three, "--hypothesis", two, "--json");
        assertEquals(1, run.exit());
        assertEquals("chunkwise: " + two + ": has 2 lines, but " + three + " has 3; line i of one belongs to line i of the other\n",
                run.err());
        assertEquals(100, CommandRun.of("eval", "bleu", "--reference", two, "--reference", two, "--hypothesis", two, "--json").json()
                .get("chrf2").doubleValue());
    }

    private static Path flores(String language) {
        return SharedData.assumePresent("flores/flores200.devtest." + language);
    }
}
