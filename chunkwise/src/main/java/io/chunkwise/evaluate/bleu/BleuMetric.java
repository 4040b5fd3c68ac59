package io.chunkwise.evaluate.bleu;

import java.util.List;
import java.util.Locale;

/**
 * What is compared, and how.
 *
 * @param lowercase whether capitals count as small letters
 */
public record BleuMetric(BleuTokenizer tokenizer, boolean lowercase) {

    /** Words are cut as WMT does it, and capitals matter. */
    public static final BleuMetric STANDARD = new BleuMetric(BleuTokenizer.MTEVAL_13A, false);

    /**
     * Compares a segment with what was expected.
     *
     * @param references one at least
     */
    public SegmentScore score(String hypothesis, List<String> references) {
        String text = cased(hypothesis);
        List<String> expected = references.stream().map(this::cased).toList();
        BleuCounts words = BleuCounts.of(tokenizer.words(text), expected.stream().map(tokenizer::words).toList());
        ChrfCounts characters = ChrfCounts.of(text, expected);
        return new SegmentScore(BleuScore.ofSegment(words).bleu(), characters.score(), words, characters);
    }

    /**
     * How BLEU was computed, in sacrebleu's form.
     *
     * @param references per segment
     * @param version    of this program
     */
    public String signature(int references, String version) {
        return "nrefs:" + references + "|case:" + casing() + "|eff:no|tok:" + tokenizer.word() + "|smooth:exp|version:" + version;
    }

    /** How chrF2 was computed, in sacrebleu's form. */
    public String chrfSignature(int references, String version) {
        return "nrefs:" + references + "|case:" + casing() + "|eff:yes|nc:6|nw:0|space:no|version:" + version;
    }

    private String casing() {
        return lowercase ? "lc" : "mixed";
    }

    private String cased(String segment) {
        return lowercase ? segment.toLowerCase(Locale.ROOT) : segment;
    }
}
