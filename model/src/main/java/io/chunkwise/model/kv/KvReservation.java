package io.chunkwise.model.kv;

/**
 * Room that an executor makes for keys and values when it is opened, in positions per layer. An executor that allocates as it
 * goes ignores the numbers; one that cannot grows beyond them at the price of new task graphs.
 *
 * @param fullTokens in {@link KvFormat#FULL}
 * @param q8Tokens   in {@link KvFormat#Q8}
 * @param q4Tokens   in {@link KvFormat#Q4}
 * @param type       of the elements of full pages
 */
public record KvReservation(int fullTokens, int q8Tokens, int q4Tokens, KvType type) {

    public KvReservation {
        if (fullTokens < 1 || q8Tokens < 0 || q4Tokens < 0) {
            throw new IllegalArgumentException("a KV cache of " + fullTokens + " full, " + q8Tokens + " Q8 and " + q4Tokens
                    + " Q4 positions");
        }
    }

    /** Full pages of F32 elements. */
    public KvReservation(int fullTokens, int q8Tokens, int q4Tokens) {
        this(fullTokens, q8Tokens, q4Tokens, KvType.F32);
    }

    public KvReservation with(KvType type) {
        return new KvReservation(fullTokens, q8Tokens, q4Tokens, type);
    }

    /** Every position in full. */
    public static KvReservation full(int contextLength) {
        return new KvReservation(contextLength, 0, 0);
    }

    /** Whether pages may become {@link KvFormat#Q8} or {@link KvFormat#Q4}: the cache is then kept rotated by a Hadamard matrix. */
    public boolean quantizable() {
        return q8Tokens > 0 || q4Tokens > 0;
    }
}
