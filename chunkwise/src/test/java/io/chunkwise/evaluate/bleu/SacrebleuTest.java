package io.chunkwise.evaluate.bleu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.chunkwise.evaluate.Words;
import io.chunkwise.model.fixtures.SharedData;
import java.io.IOException;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Against scores that sacrebleu computed. */
class SacrebleuTest {
    private static final double TOLERANCE = 1e-4;

    private final Map<String, List<String>> flores = new HashMap<>();

    @Test
    void everyScoreOfTheReferenceWhoseTextsAreThereIsSacrebleus() throws IOException {
        JsonNode reference = new ObjectMapper().readTree(SharedData.assumePresent("bleu/reference_scores.json").toFile());
        Map<String, Integer> checked = new HashMap<>();
        List<String> left = new ArrayList<>();
        for (Map.Entry<String, JsonNode> entry : reference.properties()) {
            String[] name = entry.getKey().split("\\.");
            if (!name[0].equals("flores")) {
                left.add(entry.getKey());
                continue;
            }
            String language = name[1];
            String kind = name[3].equals("bleu") ? "bleu." + name[4] : name[3];
            switch (name[3]) {
                case "bleu" -> assertScore(entry.getKey(), entry.getValue(), bleu(language, name[2], name[4]));
                case "chrF2" -> assertEquals(entry.getValue().doubleValue(), chrf2(language, name[2]), TOLERANCE, entry.getKey());
                case "sentbleu" -> {
                    for (int i = 0; i < entry.getValue().size(); i++) {
                        SegmentScore score = BleuMetric.STANDARD.score(hypothesis(language, name[2], i), List.of(lines(language).get(i)));
                        assertEquals(entry.getValue().get(i).doubleValue(), score.bleu(), TOLERANCE, entry.getKey() + " " + i);
                    }
                }
                default -> throw new AssertionError("a score of an unknown kind: " + entry.getKey());
            }
            checked.merge(kind, 1, Integer::sum);
        }
        System.out.println("sacrebleu: " + checked.values().stream().mapToInt(Integer::intValue).sum() + " of " + reference.size()
                + " entries checked " + checked + "; left out, because their translations are not among the reference data: "
                + left.stream().filter(entry -> entry.startsWith("wmt17.")).count() + " of wmt17; no score: "
                + left.stream().filter(entry -> !entry.startsWith("wmt17.")).toList());
        assertEquals(Map.of("bleu.13a", 24, "bleu.none", 24, "bleu.char", 24, "chrF2", 24, "sentbleu", 24), checked);
        assertEquals(17, left.size(), left.toString());
    }

    private static void assertScore(String name, JsonNode expected, BleuScore score) {
        assertEquals(expected.get("score").doubleValue(), score.bleu(), TOLERANCE, name);
        assertEquals(expected.get("bp").doubleValue(), score.brevityPenalty(), 1e-9, name);
        assertEquals(expected.get("sys_len").longValue(), score.counts().hypothesisLength(), name);
        assertEquals(expected.get("ref_len").longValue(), score.counts().referenceLength(), name);
        for (int order = 0; order < 4; order++) {
            assertEquals(expected.get("counts").get(order).longValue(), score.counts().matches().get(order), name);
            assertEquals(expected.get("totals").get(order).longValue(), score.counts().totals().get(order), name);
            assertEquals(expected.get("precisions").get(order).doubleValue(), score.precisions().get(order), TOLERANCE, name);
        }
    }

    // From sacrebleu 2.6.0, corpus_bleu(..., tokenize="intl") on the same texts.
    @ParameterizedTest
    @CsvSource({"eng, swap3, 8.032611497737692", "deu, lower, 36.99320183082173", "deu, copy-eng, 2.5053158287120394",
        "fra, drop7, 69.81748828262933", "fra, swap3, 12.543069046929606", "spa, lower, 85.42121347521923"})
    void internationalTokensGiveSacrebleusScores(String language, String hypotheses, double expected) throws IOException {
        assertEquals(expected, bleu(language, hypotheses, "intl").bleu(), 1e-9);
    }

    // From sacrebleu 2.6.0: BLEU(lowercase=True), and two and three references per segment.
    @Test
    void capitalsAndSeveralReferencesCountAsInSacrebleu() throws IOException {
        List<BleuRow> lowercase = new ArrayList<>();
        List<BleuRow> three = new ArrayList<>();
        List<BleuRow> two = new ArrayList<>();
        for (int i = 0; i < lines("deu").size(); i++) {
            String german = lines("deu").get(i);
            String dropped = hypothesis("deu", "drop7", i);
            String swapped = hypothesis("deu", "swap3", i);
            lowercase.add(row(dropped.toUpperCase(Locale.ROOT), new BleuMetric(BleuTokenizer.MTEVAL_13A, true), german));
            three.add(row(dropped, BleuMetric.STANDARD, swapped, lines("fra").get(i), german));
            two.add(row(swapped, BleuMetric.STANDARD, dropped, lines("fra").get(i)));
        }
        assertEquals(67.12214958571622, BleuFigures.of(lowercase).bleu().bleu(), 1e-9);
        assertEquals(73.04164845151894, BleuFigures.of(three).bleu().bleu(), 1e-9);
        assertEquals(68.60577565837981, BleuFigures.of(two).chrf2(), 1e-9);
        assertEquals("nrefs:3|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0", BleuMetric.STANDARD.signature(3, "2.6.0"));
        assertEquals("nrefs:1|case:lc|eff:no|tok:intl|smooth:exp|version:x",
                new BleuMetric(BleuTokenizer.INTERNATIONAL, true).signature(1, "x"));
        assertEquals("nrefs:2|case:mixed|eff:yes|nc:6|nw:0|space:no|version:2.6.0", BleuMetric.STANDARD.chrfSignature(2, "2.6.0"));
    }

    // From sacrebleu 2.6.0: sentence_score of BLEU(effective_order=True) and of CHRF(), corpus_score of BLEU().
    @ParameterizedTest
    @CsvSource({"'', '', 0, 0, 0", "'', a b, 0, 0, 0", "a, '', 0, 0, 0", "a, a, 100.00000000000004, 100, 0",
        "a b c, a b d, 55.03212081491043, 38.888888888888886, 0", "x, y, 0, 0, 0",
        "the cat sat, the cat sat down, 71.65313105737896, 66.01764142221674, 0"})
    void shortSegmentsScoreAsInSacrebleu(String hypothesis, String reference, double bleu, double chrf2, double corpusBleu) {
        SegmentScore score = BleuMetric.STANDARD.score(hypothesis, List.of(reference));
        assertEquals(bleu, score.bleu(), 1e-9);
        assertEquals(chrf2, score.chrf2(), 1e-9);
        assertEquals(corpusBleu, BleuScore.ofCorpus(score.words()).bleu(), 1e-9);
    }

    @Test
    void segmentsScoreTheirChrf2AsInSacrebleu() throws IOException {
        double[] expected = {16.651918112101168, 38.02291701007729, 21.662308988850036, 30.903746818566336, 20.740883873250034};
        for (int i = 0; i < expected.length; i++) {
            assertEquals(expected[i], BleuMetric.STANDARD.score(lines("eng").get(i), List.of(lines("deu").get(i))).chrf2(), 1e-9);
        }
    }

    private BleuScore bleu(String language, String hypotheses, String tokenizerName) throws IOException {
        BleuTokenizer tokenizer = BleuTokenizer.of(tokenizerName).orElseThrow();
        BleuCounts counts = BleuCounts.NONE;
        for (int i = 0; i < lines(language).size(); i++) {
            counts = counts.and(BleuCounts.of(tokenizer.words(hypothesis(language, hypotheses, i)),
                    List.of(tokenizer.words(lines(language).get(i)))));
        }
        return BleuScore.ofCorpus(counts);
    }

    private double chrf2(String language, String hypotheses) throws IOException {
        ChrfCounts counts = ChrfCounts.NONE;
        for (int i = 0; i < lines(language).size(); i++) {
            counts = counts.and(ChrfCounts.of(hypothesis(language, hypotheses, i), List.of(lines(language).get(i))));
        }
        return counts.score();
    }

    private static BleuRow row(String hypothesis, BleuMetric metric, String... references) {
        return new BleuRow(hypothesis, metric.score(hypothesis, List.of(references)), null);
    }

    /** What the names of the reference stand for; words are what is between white space. */
    private String hypothesis(String language, String name, int line) throws IOException {
        String reference = lines(language).get(line);
        String[] words = Words.split(reference).toArray(String[]::new);
        return switch (name) {
            case "identity" -> reference;
            case "drop7" -> IntStream.range(0, words.length).filter(at -> at % 7 != 6).mapToObj(at -> words[at])
                    .collect(Collectors.joining(" "));
            case "swap3" -> {
                for (int at = 0; at + 1 < words.length; at += 3) {
                    String first = words[at];
                    words[at] = words[at + 1];
                    words[at + 1] = first;
                }
                yield String.join(" ", words);
            }
            case "lower" -> reference.toLowerCase(Locale.ROOT);
            case "first10" -> IntStream.range(0, Math.min(10, words.length)).mapToObj(at -> words[at]).collect(Collectors.joining(" "));
            case "copy-eng" -> lines("eng").get(line);
            default -> throw new AssertionError("hypotheses of an unknown kind: " + name);
        };
    }

    private List<String> lines(String language) throws IOException {
        if (!flores.containsKey(language)) {
            List<String> lines = List.of(Files.readString(SharedData.assumePresent("flores/flores200.devtest." + language)).split("\n"));
            assertTrue(lines.size() == 1012, language + " has " + lines.size() + " lines");
            flores.put(language, lines);
        }
        return flores.get(language);
    }
}
