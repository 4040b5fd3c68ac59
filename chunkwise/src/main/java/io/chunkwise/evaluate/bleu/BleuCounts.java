package io.chunkwise.evaluate.bleu;

import java.util.List;
import java.util.stream.IntStream;

/**
 * What BLEU of a segment or of a corpus goes by.
 *
 * @param hypothesisLength words
 * @param referenceLength  words of the reference that is closest in length; the shorter one of two
 * @param matches          [4] n-grams of the hypothesis that are in a reference, by n
 * @param totals           [4] n-grams of the hypothesis, by n
 */
public record BleuCounts(long hypothesisLength, long referenceLength, List<Long> matches, List<Long> totals) {
    /** Of n-grams. */
    static final int LARGEST_ORDER = 4;
    static final BleuCounts NONE = new BleuCounts(0, 0, List.of(0L, 0L, 0L, 0L), List.of(0L, 0L, 0L, 0L));

    public BleuCounts {
        matches = List.copyOf(matches);
        totals = List.copyOf(totals);
        if (matches.size() != LARGEST_ORDER || totals.size() != LARGEST_ORDER) {
            throw new IllegalArgumentException("counts of " + matches.size() + " orders, expected " + LARGEST_ORDER);
        }
    }

    /** @param references one at least */
    static BleuCounts of(List<String> hypothesis, List<List<String>> references) {
        NgramCounts counts = NgramCounts.ofWords(hypothesis, LARGEST_ORDER);
        NgramCounts expected = references.stream().map(words -> NgramCounts.ofWords(words, LARGEST_ORDER)).reduce(NgramCounts::or)
                .orElseThrow();
        int closest = references.stream().mapToInt(List::size).boxed().min((a, b) -> {
            int nearer = Integer.compare(Math.abs(a - hypothesis.size()), Math.abs(b - hypothesis.size()));
            return nearer != 0 ? nearer : Integer.compare(a, b);
        }).orElseThrow();
        return new BleuCounts(hypothesis.size(), closest,
                IntStream.rangeClosed(1, LARGEST_ORDER).mapToObj(n -> (long) counts.matches(n, expected)).toList(),
                IntStream.rangeClosed(1, LARGEST_ORDER).mapToObj(n -> (long) counts.total(n)).toList());
    }

    BleuCounts and(BleuCounts other) {
        return new BleuCounts(hypothesisLength + other.hypothesisLength, referenceLength + other.referenceLength,
                sums(matches, other.matches), sums(totals, other.totals));
    }

    private static List<Long> sums(List<Long> one, List<Long> other) {
        return IntStream.range(0, LARGEST_ORDER).mapToObj(at -> one.get(at) + other.get(at)).toList();
    }
}
