package io.chunkwise.model.kv;

import java.util.List;
import java.util.function.Supplier;

/**
 * What may be done to the pages of a cache: the checks that {@link KvPages} promises, in one place for all executors. They change
 * nothing.
 *
 * @param quantizable whether pages may become {@link KvFormat#Q8} or {@link KvFormat#Q4}
 */
public record KvLimits(KvPageTable table, boolean quantizable) {

    /** For {@link KvPages#format}. */
    public void checkFormat(KvPage page, int filled) {
        checkExists(page);
        require(page.page() < KvPage.count(filled), () -> name(page) + " holds no position yet: the KV cache is filled to " + filled);
    }

    /** For {@link KvPages#store}. */
    public void checkStore(List<KvPage> pages, KvFormat format, int filled) {
        require(quantizable || format != KvFormat.Q8 && format != KvFormat.Q4,
                () -> "the KV cache was opened for full pages only; open it with room for " + format + " positions");
        for (KvPage page : pages) {
            checkFilled(page, filled);
            KvFormat before = table.format(page.layer(), page.page());
            require(before == format || before == KvFormat.FULL || before != KvFormat.EVICTED && format == KvFormat.EVICTED,
                    () -> name(page) + " is kept as " + before + " and cannot become " + format
                            + (before == KvFormat.EVICTED ? "" : "; it can be evicted only"));
        }
    }

    /** For {@link KvPages#measure}. */
    public void checkMeasure(List<KvPage> pages, int filled) {
        for (KvPage page : pages) {
            checkFilled(page, filled);
            KvFormat format = table.format(page.layer(), page.page());
            require(format == KvFormat.FULL, () -> name(page) + " is kept as " + format + "; only full pages are measured");
        }
    }

    /** For {@link KvPages#shift}. */
    public void checkShift(int keptPages, int droppedPages, int filled) {
        require(!quantizable, () -> "the keys of a quantizable KV cache cannot be rotated to other positions; open it for full pages only");
        require(keptPages >= 0 && droppedPages >= 0 && ((long) keptPages + droppedPages) * KvPage.TOKENS <= filled,
                () -> "a gap of " + droppedPages + " pages behind " + keptPages + " kept ones does not lie within the " + filled
                        + " positions of the KV cache");
        for (int layer = 0; layer < table.layers(); layer++) {
            for (int page = keptPages; page < keptPages + droppedPages; page++) {
                KvPage dropped = new KvPage(layer, page);
                KvFormat format = table.format(layer, page);
                require(format == KvFormat.EVICTED, () -> name(dropped) + " is kept as " + format + "; evict it before its gap is closed");
            }
        }
    }

    private void checkFilled(KvPage page, int filled) {
        checkExists(page);
        require(page.page() < filled / KvPage.TOKENS,
                () -> name(page) + " is not filled yet: the KV cache holds " + filled + " positions");
    }

    private void checkExists(KvPage page) {
        require(page.layer() < table.layers(), () -> name(page) + ": the model has " + table.layers() + " layers");
    }

    private static String name(KvPage page) {
        return "page " + page.page() + " of layer " + page.layer();
    }

    private static void require(boolean condition, Supplier<String> problem) {
        if (!condition) {
            throw new IllegalArgumentException(problem.get());
        }
    }
}
