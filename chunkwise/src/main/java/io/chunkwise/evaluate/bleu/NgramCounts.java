package io.chunkwise.evaluate.bleu;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** How often each n-gram occurs in a sequence of words or characters, by n. */
final class NgramCounts {
    private final List<Map<String, Integer>> byOrder;
    private final int length;

    private NgramCounts(List<Map<String, Integer>> byOrder, int length) {
        this.byOrder = byOrder;
        this.length = length;
    }

    static NgramCounts ofWords(List<String> words, int largestOrder) {
        int[] ends = new int[words.size()];
        int[] starts = new int[words.size()];
        for (int i = 0, at = 0; i < ends.length; i++) {
            starts[i] = at;
            ends[i] = at + words.get(i).length();
            at = ends[i] + 1; // words have no spaces in them
        }
        return count(String.join(" ", words), starts, ends, largestOrder);
    }

    static NgramCounts ofCharacters(String text, int largestOrder) {
        int[] starts = new int[text.codePointCount(0, text.length())];
        int[] ends = new int[starts.length];
        for (int i = 0, at = 0; i < starts.length; i++) {
            starts[i] = at;
            at += Character.charCount(text.codePointAt(at));
            ends[i] = at;
        }
        return count(text, starts, ends, largestOrder);
    }

    private static NgramCounts count(String text, int[] starts, int[] ends, int largestOrder) {
        List<Map<String, Integer>> byOrder = new ArrayList<>();
        for (int n = 1; n <= largestOrder; n++) {
            Map<String, Integer> counts = new HashMap<>();
            for (int i = 0; i + n <= starts.length; i++) {
                counts.merge(text.substring(starts[i], ends[i + n - 1]), 1, Integer::sum);
            }
            byOrder.add(counts);
        }
        return new NgramCounts(byOrder, starts.length);
    }

    /** Words or characters. */
    int length() {
        return length;
    }

    /** n-grams in all. */
    int total(int n) {
        return Math.max(0, length - n + 1);
    }

    /** n-grams that the other has, too, each counted as often as both have it. */
    int matches(int n, NgramCounts other) {
        Map<String, Integer> others = other.byOrder.get(n - 1);
        return byOrder.get(n - 1).entrySet().stream().mapToInt(entry -> Math.min(entry.getValue(), others.getOrDefault(entry.getKey(), 0)))
                .sum();
    }

    /** Each n-gram as often as the one of the two has it that has it more often. */
    NgramCounts or(NgramCounts other) {
        List<Map<String, Integer>> both = new ArrayList<>();
        for (int order = 0; order < byOrder.size(); order++) {
            Map<String, Integer> counts = new HashMap<>(byOrder.get(order));
            other.byOrder.get(order).forEach((ngram, count) -> counts.merge(ngram, count, Integer::max));
            both.add(counts);
        }
        return new NgramCounts(both, length);
    }
}
