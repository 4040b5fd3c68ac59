package io.chunkwise.evaluate.bleu;

import io.chunkwise.evaluate.Words;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * What chrF2 of a segment or of a corpus goes by: n-grams of characters without white space. Lists are [6], by n.
 *
 * @param hypothesis n-grams of it; 0 for orders that the reference is too short for
 * @param reference  n-grams of it
 * @param matches    n-grams that are in both
 */
public record ChrfCounts(List<Long> hypothesis, List<Long> reference, List<Long> matches) {
    private static final int LARGEST_ORDER = 6;
    private static final double BETA_SQUARED = 4; // recall counts twice as much as precision: the 2 of chrF2
    static final ChrfCounts NONE = new ChrfCounts(List.of(0L, 0L, 0L, 0L, 0L, 0L), List.of(0L, 0L, 0L, 0L, 0L, 0L),
            List.of(0L, 0L, 0L, 0L, 0L, 0L));

    public ChrfCounts {
        hypothesis = List.copyOf(hypothesis);
        reference = List.copyOf(reference);
        matches = List.copyOf(matches);
        if (hypothesis.size() != LARGEST_ORDER || reference.size() != LARGEST_ORDER || matches.size() != LARGEST_ORDER) {
            throw new IllegalArgumentException("counts of " + hypothesis.size() + " orders, expected " + LARGEST_ORDER);
        }
    }

    /** Against the reference that gives the best score. @param references one at least */
    static ChrfCounts of(String hypothesis, List<String> references) {
        NgramCounts counts = ngrams(hypothesis);
        return references.stream().map(reference -> of(counts, ngrams(reference)))
                .reduce((best, next) -> next.score() > best.score() ? next : best).orElseThrow();
    }

    private static ChrfCounts of(NgramCounts hypothesis, NgramCounts reference) {
        List<Long> mine = new ArrayList<>();
        List<Long> expected = new ArrayList<>();
        List<Long> both = new ArrayList<>();
        for (int n = 1; n <= LARGEST_ORDER; n++) {
            mine.add(reference.total(n) == 0 ? 0L : hypothesis.total(n));
            expected.add((long) reference.total(n));
            both.add((long) hypothesis.matches(n, reference));
        }
        return new ChrfCounts(mine, expected, both);
    }

    private static NgramCounts ngrams(String segment) {
        return NgramCounts.ofCharacters(String.join("", Words.split(segment)), LARGEST_ORDER);
    }

    ChrfCounts and(ChrfCounts other) {
        return new ChrfCounts(sums(hypothesis, other.hypothesis), sums(reference, other.reference), sums(matches, other.matches));
    }

    private static List<Long> sums(List<Long> one, List<Long> other) {
        return IntStream.range(0, LARGEST_ORDER).mapToObj(at -> one.get(at) + other.get(at)).toList();
    }

    /** F2 of the mean precision and the mean recall over all orders that both have n-grams of, in percent. */
    double score() {
        double precision = 0;
        double recall = 0;
        int orders = 0;
        for (int n = 0; n < LARGEST_ORDER; n++) {
            if (hypothesis.get(n) > 0 && reference.get(n) > 0) {
                precision += (double) matches.get(n) / hypothesis.get(n);
                recall += (double) matches.get(n) / reference.get(n);
                orders++;
            }
        }
        if (precision + recall == 0) {
            return 0;
        }
        precision /= orders;
        recall /= orders;
        return 100 * (1 + BETA_SQUARED) * precision * recall / (BETA_SQUARED * precision + recall);
    }
}
