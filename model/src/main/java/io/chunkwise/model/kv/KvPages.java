package io.chunkwise.model.kv;

import java.util.List;

/**
 * The KV cache of an executor's sequence, page by page and layer by layer. A position that is written comes in full; from then
 * on its page may be kept in fewer bytes, never again in more. A pass that starts a new sequence (position 0) clears everything.
 */
public interface KvPages {

    /** Positions that the cache holds, evicted ones included. */
    int filled();

    /** Number format of the elements of full pages. */
    KvType type();

    /** The format of a page that holds a position below {@link #filled()}. */
    KvFormat format(KvPage page);

    /**
     * Says what it would cost to change pages, by comparing attention outputs of the probes: the queries of the newest rows (at most
     * 16) at the newest positions, attending to everything before them as it is stored now.
     *
     * @param pages full ones, every position of which is filled
     * @return one measurement per page, in the same order
     * @throws IllegalArgumentException for a page that is not full or not filled
     * @throws IllegalStateException    if there has been no pass since the cache was cleared, rewound or shifted
     */
    List<KvMeasurement> measure(List<KvPage> pages);

    /**
     * Keeps pages in fewer bytes from now on. Full pages may take any format, quantized ones may be evicted; a page that has the
     * format already is left alone.
     *
     * @param pages every position of which is filled
     * @throws IllegalArgumentException for a page that is not filled, a step back to more bytes, or a quantized format in an
     *                                  executor whose {@link KvReservation} has none
     */
    void store(List<KvPage> pages, KvFormat format);

    /**
     * Closes a gap of evicted positions: pages [{@code keptPages}, {@code keptPages + droppedPages}) vanish, and everything behind them
     * moves down by {@code droppedPages} · {@link KvPage#TOKENS} positions, its keys rotated to the new positions. The next pass
     * starts at the new {@link #filled()}.
     *
     * @throws IllegalArgumentException if a page in the gap is not evicted in every layer, or the cache is quantizable
     */
    void shift(int keptPages, int droppedPages);

    KvUsage usage();
}
