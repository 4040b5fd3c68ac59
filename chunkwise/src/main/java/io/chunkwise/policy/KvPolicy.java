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
            case String window when window.matches("window:[1-9][0-9]{0,8}") -> new Window(Integer.parseInt(window.substring("window:".length())));
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
        throw new UnsupportedOperationException("not yet: " + KvPage.TOKENS);
    }
}
