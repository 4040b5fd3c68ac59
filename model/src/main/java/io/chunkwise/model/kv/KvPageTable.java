package io.chunkwise.model.kv;

import java.util.Arrays;
import java.util.BitSet;
import java.util.EnumMap;
import java.util.Map;

/**
 * Which page of which layer lies in which slot of its format's pool. Holds no keys and values: whoever owns the pools copies
 * what moves. Slots are numbered from 0, and the lowest free one is taken, so that pools stay dense.
 */
public final class KvPageTable {
    private static final int NO_SLOT = -1;

    private final int layers;
    private final int pages;
    private final KvFormat[][] formats; // [layer][page], grown to the last page written; null where unwritten
    private final int[][] slots; // [layer][page]
    private final Map<KvFormat, BitSet> taken = new EnumMap<>(KvFormat.class);

    /** @param pages per layer */
    public KvPageTable(int layers, int pages) {
        this.layers = layers;
        this.pages = pages;
        formats = new KvFormat[layers][0];
        slots = new int[layers][0];
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
        check(layer, page);
        return page < formats[layer].length && formats[layer][page] != null;
    }

    /** @throws IllegalStateException if the page is unwritten */
    public KvFormat format(int layer, int page) {
        requireWritten(layer, page);
        return formats[layer][page];
    }

    /** The page's slot in its format's pool; −1 if it is unwritten or evicted. */
    public int slot(int layer, int page) {
        return isWritten(layer, page) ? slots[layer][page] : NO_SLOT;
    }

    /** Gives an unwritten page a full slot, and returns it. */
    public int write(int layer, int page) {
        if (isWritten(layer, page)) {
            throw new IllegalStateException(name(layer, page) + " is written already");
        }
        if (page >= formats[layer].length) {
            int grown = (int) Math.min(pages, Math.max(page + 1, 2L * formats[layer].length));
            formats[layer] = Arrays.copyOf(formats[layer], grown);
            slots[layer] = Arrays.copyOf(slots[layer], grown);
        }
        return take(layer, page, KvFormat.FULL);
    }

    /** Frees the page's slot and gives it one of another format; −1 for {@link KvFormat#EVICTED}. */
    public int move(int layer, int page, KvFormat format) {
        requireWritten(layer, page);
        free(layer, page);
        return take(layer, page, format);
    }

    /** Makes a page unwritten. */
    public void clear(int layer, int page) {
        if (isWritten(layer, page)) {
            free(layer, page);
            formats[layer][page] = null;
        }
    }

    /** Drops pages [{@code kept}, {@code kept + dropped}) of every layer; those behind move down, slots and all. */
    public void shift(int kept, int dropped) {
        if (dropped == 0) {
            return;
        }
        for (int layer = 0; layer < layers; layer++) {
            for (int page = kept; page < kept + dropped; page++) {
                clear(layer, page);
            }
            for (int page = kept; page + dropped < formats[layer].length; page++) {
                formats[layer][page] = formats[layer][page + dropped];
                slots[layer][page] = slots[layer][page + dropped];
                formats[layer][page + dropped] = null;
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

    private int take(int layer, int page, KvFormat format) {
        int slot = NO_SLOT;
        if (format != KvFormat.EVICTED) {
            slot = taken.get(format).nextClearBit(0);
            taken.get(format).set(slot);
        }
        formats[layer][page] = format;
        slots[layer][page] = slot;
        return slot;
    }

    private void free(int layer, int page) {
        if (formats[layer][page] != KvFormat.EVICTED) {
            taken.get(formats[layer][page]).clear(slots[layer][page]);
        }
    }

    private void requireWritten(int layer, int page) {
        if (!isWritten(layer, page)) {
            throw new IllegalStateException(name(layer, page) + " is unwritten");
        }
    }

    private void check(int layer, int page) {
        if (layer < 0 || layer >= layers || page < 0 || page >= pages) {
            throw new IllegalArgumentException(name(layer, page) + " in a cache of " + layers + " x " + pages);
        }
    }

    private static String name(int layer, int page) {
        return "page " + page + " of layer " + layer;
    }
}
