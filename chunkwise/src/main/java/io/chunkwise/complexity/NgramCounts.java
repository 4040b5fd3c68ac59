package io.chunkwise.complexity;

import java.util.Arrays;

/**
 * How often each n-gram is in a window: a hash table with open addressing and room for a fixed number of n-grams. An n-gram of up to three
 * tokens is a long with {@value #BITS} bits per token, the last token lowest, each plus 1, so that no token is 0. Ids beyond that are cut,
 * which at worst makes two n-grams one.
 */
final class NgramCounts {
    private static final int BITS = 21;
    private static final long TOKEN = (1L << BITS) - 1;
    private static final long ALL = (1L << 3 * BITS) - 1;

    private final long[] keys; // 0: free
    private final int[] counts;
    private final int mask;

    /** @param most n-grams at a time */
    NgramCounts(int most) {
        int slots = Integer.highestOneBit(Math.max(8, 2 * most - 1)) << 1;
        keys = new long[slots];
        counts = new int[slots];
        mask = slots - 1;
    }

    /** The trigram after one more token. */
    static long extend(long gram, int token) {
        long id = (token + 1L) & TOKEN;
        return gram << BITS & ALL | (id == 0 ? 1 : id);
    }

    /** The last n tokens of a trigram. */
    static long last(long gram, int n) {
        return gram & (1L << n * BITS) - 1;
    }

    /** @return whether it was not there before */
    boolean add(long gram) {
        int slot = find(gram);
        keys[slot] = gram;
        return counts[slot]++ == 0;
    }

    /** Takes one of an n-gram away, which is there. */
    void remove(long gram) {
        int slot = find(gram);
        if (--counts[slot] > 0) {
            return;
        }
        // Keys behind the hole move up where the search for them would stop at it.
        int hole = slot;
        for (int next = slot + 1 & mask; keys[next] != 0; next = next + 1 & mask) {
            int home = home(keys[next]);
            if ((next - home & mask) >= (next - hole & mask)) {
                keys[hole] = keys[next];
                counts[hole] = counts[next];
                hole = next;
            }
        }
        keys[hole] = 0;
        counts[hole] = 0;
    }

    void clear() {
        Arrays.fill(keys, 0);
        Arrays.fill(counts, 0);
    }

    private int find(long gram) {
        int slot = home(gram);
        while (keys[slot] != 0 && keys[slot] != gram) {
            slot = slot + 1 & mask;
        }
        return slot;
    }

    private int home(long gram) {
        long mixed = gram * 0x9E3779B97F4A7C15L;
        return (int) (mixed ^ mixed >>> 32) & mask;
    }
}
