package io.chunkwise.model.kv;

import java.util.BitSet;
import java.util.EnumMap;
import java.util.Map;

/**
 * Which page of which layer lies in which slot of its format's pool. Holds no keys and values: whoever owns the pools copies
 * what moves. Slots are numbered from 0, and the lowest free one is taken, so that pools stay dense.
 */
public final class KvPageTable {
    private static final int UNWRITTEN = -1;

    private final int layers;
    private final int pages;
    private final KvFormat[] formats; // [layers, pages]; null where unwritten
    private final int[] slots; // [layers, pages]
    private final Map<KvFormat, BitSet> taken = new EnumMap<>(KvFormat.class);

    /** @param pages per layer */
    public KvPageTable(int layers, int pages) {
        this.layers = layers;
        this.pages = pages;
        formats = new KvFormat[Math.multiplyExact(layers, pages)];
        slots = new int[formats.length];
        for (KvFormat format : KvFormat.values()) {
            taken.put(format, new BitSet());
        }
    }

    public int layers() {
        return layers;
    }

    /** Pages per layer. */
    public int pages() {
        return pages;
    }

    public boolean isWritten(int layer, int page) {
        return formats[index(layer, page)] != null;
    }

    /** @throws IllegalStateException if the page is unwritten */
    public KvFormat format(int layer, int page) {
        KvFormat format = formats[index(layer, page)];
        if (format == null) {
            throw new IllegalStateException("page " + page + " of layer " + layer + " is unwritten");
        }
        return format;
    }

    /** The page's slot in its format's pool; −1 if it is unwritten or evicted. */
    public int slot(int layer, int page) {
        int at = index(layer, page);
        return formats[at] == null ? UNWRITTEN : slots[at];
    }

    /** Gives an unwritten page a full slot, and returns it. */
    public int write(int layer, int page) {
        if (isWritten(layer, page)) {
            throw new IllegalStateException("page " + page + " of layer " + layer + " is written already");
        }
        return take(index(layer, page), KvFormat.FULL);
    }

    /** Frees the page's slot and gives it one of another format; −1 for {@link KvFormat#EVICTED}. */
    public int move(int layer, int page, KvFormat format) {
        free(index(layer, page));
        return take(index(layer, page), format);
    }

    /** Makes a page unwritten. */
    public void clear(int layer, int page) {
        int at = index(layer, page);
        if (formats[at] != null) {
            free(at);
            formats[at] = null;
        }
    }

    /** Drops pages [{@code kept}, {@code kept + dropped}) of every layer; those behind move down, slots and all. */
    public void shift(int kept, int dropped) {
        for (int layer = 0; layer < layers; layer++) {
            for (int page = kept; page < kept + dropped; page++) {
                clear(layer, page);
            }
            for (int page = kept; page + dropped < pages; page++) {
                int to = index(layer, page);
                int from = index(layer, page + dropped);
                formats[to] = formats[from];
                slots[to] = slots[from];
                formats[from] = null;
            }
        }
    }

    /** Slots of a format that are taken. */
    public int used(KvFormat format) {
        return taken.get(format).cardinality();
    }

    /** One past the highest slot of a format that is taken. */
    public int end(KvFormat format) {
        return taken.get(format).length();
    }

    private int take(int at, KvFormat format) {
        int slot = UNWRITTEN;
        if (format != KvFormat.EVICTED) {
            slot = taken.get(format).nextClearBit(0);
            taken.get(format).set(slot);
        }
        formats[at] = format;
        slots[at] = slot;
        return slot;
    }

    private void free(int at) {
        if (formats[at] == null) {
            throw new IllegalStateException("an unwritten page has no slot to give back");
        }
        if (formats[at] != KvFormat.EVICTED) {
            taken.get(formats[at]).clear(slots[at]);
        }
    }

    private int index(int layer, int page) {
        if (layer < 0 || layer >= layers || page < 0 || page >= pages) {
            throw new IllegalArgumentException("page " + page + " of layer " + layer + " in a cache of " + layers + " x " + pages);
        }
        return layer * pages + page;
    }
}
