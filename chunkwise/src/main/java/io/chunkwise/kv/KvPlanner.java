package io.chunkwise.kv;

import io.chunkwise.model.kv.KvFormat;
import io.chunkwise.model.kv.KvMeasurement;
import io.chunkwise.model.kv.KvPage;
import io.chunkwise.model.kv.KvPages;
import io.chunkwise.policy.Band;
import io.chunkwise.policy.KvBounds;
import io.chunkwise.policy.KvPolicy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * Applies a KV policy to the pages of one sequence at the ends of its chunks. The first page and the newest positions always stay full.
 * Positions are those of the cache, which {@link #makeRoom} moves. Memory for the context, whatever the length of the sequence.
 */
public final class KvPlanner {
    private static final int SETTLED = Integer.MAX_VALUE;
    private static final int ALL_FORMATS = (1 << KvFormat.values().length) - 1;

    private final KvPolicy policy;
    private final int layers;
    private final int pages;
    private final int[] allowed; // [pages] bit set of the formats that all chunks in the page allow
    private final int[] retryAt; // [layers, pages] filled positions from which on the page is measured (again)
    private final float[] errors; // [layers, pages] in the page's format; NaN if it was not measured
    private int settled; // pages below it have what a policy without measurements gives them

    /**
     * @param layers        of the model
     * @param contextLength positions of the cache
     */
    public KvPlanner(KvPolicy policy, int layers, int contextLength) {
        this.policy = policy;
        this.layers = layers;
        pages = KvPage.count(contextLength);
        allowed = new int[pages];
        retryAt = new int[layers * pages];
        errors = new float[layers * pages];
        reset();
    }

    /** A new sequence begins. */
    public void reset() {
        Arrays.fill(allowed, ALL_FORMATS);
        Arrays.fill(retryAt, 0);
        Arrays.fill(errors, Float.NaN);
        settled = KvBounds.SINK_PAGES;
    }

    /** The sequence goes on from an earlier position: pages that end behind it are as good as new. */
    public void rewind(int position) {
        int first = position / KvPage.TOKENS;
        Arrays.fill(allowed, first, pages, ALL_FORMATS);
        for (int layer = 0; layer < layers; layer++) {
            Arrays.fill(retryAt, layer * pages + first, (layer + 1) * pages, 0);
            Arrays.fill(errors, layer * pages + first, (layer + 1) * pages, Float.NaN);
        }
        settled = Math.max(KvBounds.SINK_PAGES, Math.min(settled, first));
    }

    /** Takes note of the band of a position. A page of several chunks may take the formats that all their bands allow. */
    public void cover(int position, Band band) {
        int mask = 0;
        for (KvFormat format : band.kv()) {
            mask |= bit(format);
        }
        allowed[position / KvPage.TOKENS] &= mask;
    }

    /** Applies the policy; called after the last row of a chunk has run. */
    public void plan(KvPages cache) {
        switch (policy) {
            case KvPolicy.Full() -> {
            }
            case KvPolicy.Q8(int recentTokens) -> storeUpTo(cache, KvFormat.Q8, recentTokens);
            case KvPolicy.Window(int tokens) -> storeUpTo(cache, KvFormat.EVICTED, tokens);
            case KvPolicy.Adaptive(KvBounds bounds) -> measureAndStore(cache, bounds);
        }
    }

    /**
     * Evicts what a window has left behind, and closes the gap.
     *
     * @return positions that everything behind the first page has moved down by; 0 if there was nothing to evict
     */
    public int makeRoom(KvPages cache) {
        plan(cache);
        int dropped = policy.endless() ? settled - KvBounds.SINK_PAGES : 0;
        if (dropped == 0) {
            return 0;
        }
        cache.shift(KvBounds.SINK_PAGES, dropped);
        System.arraycopy(allowed, settled, allowed, KvBounds.SINK_PAGES, pages - settled);
        Arrays.fill(allowed, pages - dropped, pages, ALL_FORMATS);
        settled = KvBounds.SINK_PAGES;
        return dropped * KvPage.TOKENS;
    }

    /** The measured linearization error of a page in the format that it has; NaN if it was not measured. */
    public float error(KvPage page) {
        return errors[index(page)];
    }

    private void storeUpTo(KvPages cache, KvFormat format, int recentTokens) {
        int end = end(cache, recentTokens);
        List<KvPage> changed = new ArrayList<>();
        for (int page = settled; page < end; page++) {
            for (int layer = 0; layer < layers; layer++) {
                changed.add(new KvPage(layer, page));
            }
        }
        if (!changed.isEmpty()) {
            cache.store(changed, format);
            settled = end;
        }
    }

    /**
     * A page that has to stay full is measured again only when twice as many positions have come after it: what it does to the newest
     * queries changes slowly, and measuring every page at every boundary would cost more than it saves.
     */
    private void measureAndStore(KvPages cache, KvBounds bounds) {
        int filled = cache.filled();
        List<KvPage> candidates = new ArrayList<>();
        for (int page = KvBounds.SINK_PAGES; page < end(cache, bounds.recentTokens()); page++) {
            for (int layer = 0; allowed[page] != bit(KvFormat.FULL) && layer < layers; layer++) {
                if (filled >= retryAt[layer * pages + page]) {
                    candidates.add(new KvPage(layer, page));
                }
            }
        }
        if (candidates.isEmpty()) {
            return;
        }
        Map<KvFormat, List<KvPage>> stored = new EnumMap<>(KvFormat.class);
        for (KvMeasurement measured : cache.measure(candidates)) {
            KvPage page = measured.page();
            KvFormat format = cheapest(measured, bounds);
            errors[index(page)] = measured.error(format);
            if (format == KvFormat.FULL) {
                retryAt[index(page)] = 2 * filled - (page.page() + 1) * KvPage.TOKENS;
            } else {
                retryAt[index(page)] = SETTLED;
                stored.computeIfAbsent(format, key -> new ArrayList<>()).add(page);
            }
        }
        stored.forEach((format, changed) -> cache.store(changed, format));
    }

    private KvFormat cheapest(KvMeasurement measured, KvBounds bounds) {
        KvFormat[] formats = KvFormat.values();
        for (int i = formats.length - 1; i > 0; i--) {
            KvFormat format = formats[i];
            if ((allowed[measured.page().page()] & bit(format)) != 0
                    && bounds.allow(format, measured.error(format), measured.attentionMass())) {
                return format;
            }
        }
        return KvFormat.FULL;
    }

    /** One past the last page that lies wholly behind the newest positions. */
    private static int end(KvPages cache, int recentTokens) {
        return Math.max(0, cache.filled() - recentTokens) / KvPage.TOKENS;
    }

    private int index(KvPage page) {
        return page.layer() * pages + page.page();
    }

    private static int bit(KvFormat format) {
        return 1 << format.ordinal();
    }
}
