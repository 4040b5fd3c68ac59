package io.chunkwise.evaluate.squad;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * How good an answer is.
 *
 * @param exact 1 if it is one of the expected answers, else 0
 * @param f1    of its words, in [0, 1]
 */
public record SquadScore(double exact, double f1) {

    /** The best over all expected answers; the empty answer is expected where people marked none, or none with a word in it. */
    public static SquadScore of(String answer, SquadQuestion question) {
        List<List<String>> expected = question.answers().stream().map(AnswerWords::of).filter(words -> !words.isEmpty()).toList();
        List<String> words = AnswerWords.of(answer);
        double exact = 0;
        double f1 = 0;
        for (List<String> one : expected.isEmpty() ? List.of(List.<String>of()) : expected) {
            exact = Math.max(exact, one.equals(words) ? 1 : 0);
            f1 = Math.max(f1, f1(one, words));
        }
        return new SquadScore(exact, f1);
    }

    private static double f1(List<String> expected, List<String> words) {
        if (expected.isEmpty() || words.isEmpty()) {
            return expected.equals(words) ? 1 : 0;
        }
        Map<String, Integer> left = new HashMap<>();
        expected.forEach(word -> left.merge(word, 1, Integer::sum));
        int same = 0;
        for (String word : words) {
            if (left.merge(word, -1, Integer::sum) >= 0) {
                same++;
            }
        }
        if (same == 0) {
            return 0;
        }
        double precision = (double) same / words.size();
        double recall = (double) same / expected.size();
        return 2 * precision * recall / (precision + recall);
    }
}
