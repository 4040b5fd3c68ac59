package io.chunkwise.policy;

import io.chunkwise.model.kv.KvFormat;
import io.chunkwise.model.kv.KvPage;
import io.chunkwise.model.kv.KvReservation;

/** What becomes of the KV cache behind the newest positions (arXiv:2601.21109, KV-cache policy controller). Applied when a chunk ends. */
public sealed interface KvPolicy {

    /** Everything stays full. */
    record Full() implements KvPolicy {
    }

    /** Pages behind the newest {@code recentTokens} become {@link KvFormat#Q8}, whatever their chunk. */
    record Q8(int recentTokens) implements KvPolicy {
    }

    /** Each page of each layer takes the cheapest format that its bands allow and that measures within the bounds. */
    record Adaptive(KvBounds bounds) implements KvPolicy {
    }

    /**
     * Pages behind the newest {@code tokens} are evicted, the first page excepted; where the context is full, the gap is closed, so that a
     * sequence never ends.
     */
    record Window(int tokens) implements KvPolicy {
        public Window {
            Check.that(tokens >= 1, "a KV window of " + tokens + " tokens, expected 1 or more");
        }
    }

    /**
     * Reads what the command line says: full, q8, adaptive, window:N.
     *
     * @param bounds of the chunk policy
     * @throws IllegalArgumentException naming the policies that there are
     */
    static KvPolicy parse(String text, KvBounds bounds) {
        return switch (text) {
            case "full" -> new Full();
            case "q8" -> new Q8(bounds.recentTokens());
            case "adaptive" -> new Adaptive(bounds);
            case String window when window.matches("window:[1-9][0-9]{0,8}") ->
                new Window(Integer.parseInt(window.substring("window:".length())));
            default -> throw new IllegalArgumentException("there is no KV policy '" + text + "'; use full, q8, adaptive or window:N");
        };
    }

    /** As {@link #parse} reads it. */
    default String word() {
        return switch (this) {
            case Full() -> "full";
            case Q8(int recentTokens) -> "q8";
            case Adaptive(KvBounds bounds) -> "adaptive";
            case Window(int tokens) -> "window:" + tokens;
        };
    }

    /** Whether sequences may be longer than the context. */
    default boolean endless() {
        return this instanceof Window;
    }

    /**
     * Room for a cache under this policy. For {@link Adaptive} an estimate: every band's share of the text goes to the cheapest format that
     * the band allows.
     *
     * @param policy        whose chunks the cache follows
     * @param contextLength positions
     * @param rowCapacity   rows of a pass
     */
    default KvReservation reservation(ChunkPolicy policy, int contextLength, int rowCapacity) {
        return switch (this) {
            case Full() -> KvReservation.full(contextLength);
            case Window(int tokens) -> KvReservation.full(Math.min(contextLength, fresh(policy, tokens, rowCapacity)));
            case Q8(int recentTokens) -> new KvReservation(
                    Math.min(contextLength, fresh(policy, recentTokens, rowCapacity)), wholePages(contextLength), 0);
            case Adaptive(KvBounds bounds) -> {
                double q8 = 0;
                double q4 = 0;
                double before = 0;
                for (Band band : policy.bands()) {
                    double share = (band.upperPercentile() - before) / 100;
                    before = band.upperPercentile();
                    q8 += band.kv().contains(KvFormat.Q8) ? share : 0; // where Q4 is too far off, Q8 has to take it
                    q4 += band.kv().contains(KvFormat.Q4) ? share : 0;
                }
                double full = (1 - Math.max(q8, q4)) * contextLength + fresh(policy, bounds.recentTokens(), rowCapacity);
                yield new KvReservation((int) Math.min(contextLength, full), wholePages(q8 * contextLength),
                        wholePages(q4 * contextLength));
            }
        };
    }

    /**
     * Positions that no chunk has ended behind: the first page, the newest ones, a chunk, a pass, and pages that these begin
     * and end in.
     */
    private static int fresh(ChunkPolicy policy, int recentTokens, int rowCapacity) {
        return Math.addExact(KvBounds.SINK_PAGES * KvPage.TOKENS + recentTokens + policy.longestChunk() + rowCapacity, 2 * KvPage.TOKENS);
    }

    private static int wholePages(double tokens) {
        return (int) Math.ceil(tokens / KvPage.TOKENS) * KvPage.TOKENS;
    }
}
