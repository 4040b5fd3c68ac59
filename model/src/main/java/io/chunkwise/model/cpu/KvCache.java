package io.chunkwise.model.cpu;

import static io.chunkwise.model.cpu.PageShape.TOKENS;

import io.chunkwise.model.forward.ExecutorException;
import io.chunkwise.model.kv.KvFormat;
import io.chunkwise.model.kv.KvPage;
import io.chunkwise.model.kv.KvPageTable;
import io.chunkwise.model.kv.KvType;
import io.chunkwise.model.llama.LlamaConfig;
import java.util.Arrays;
import java.util.function.Supplier;

/**
 * The pages of every layer. A page's arrays are allocated when a position of it is written first, replaced when it changes its
 * format and dropped when it is evicted: a long context costs nothing until it is used, and what is given up is garbage.
 */
final class KvCache {
    private final PageShape shape;
    private final int contextLength;
    private final KvType type;
    private final KvPageTable table;
    private final StoredPage[][] pages; // [layer][page], grown to the last page written; null where unwritten or evicted
    private int filled;

    KvCache(LlamaConfig config, int contextLength, KvType type) {
        this.contextLength = contextLength;
        this.type = type;
        shape = new PageShape(config.kvHeads(), config.headDim());
        table = new KvPageTable(config.layers(), KvPage.count(contextLength));
        pages = new StoredPage[config.layers()][0];
    }

    PageShape shape() {
        return shape;
    }

    /** Of the elements of full pages. */
    KvType type() {
        return type;
    }

    /** Which page has which format; viewed. */
    KvPageTable table() {
        return table;
    }

    /** Positions that are written, evicted ones included. */
    int filled() {
        return filled;
    }

    /** [page], null where evicted; viewed until the next change. */
    StoredPage[] pages(int layer) {
        return pages[layer];
    }

    /** Forgets positions from {@code position} on, and makes room for those below {@code end}. */
    void begin(int position, int end) {
        filled = position;
        for (int layer = 0; layer < pages.length; layer++) {
            for (int page = KvPage.count(position); page < pages[layer].length && table.isWritten(layer, page); page++) {
                table.clear(layer, page);
                pages[layer][page] = null;
            }
        }
        int needed = KvPage.count(end);
        withinHeap("grow to " + end, () -> {
            for (int layer = 0; layer < pages.length; layer++) {
                if (pages[layer].length < needed) {
                    pages[layer] = Arrays.copyOf(pages[layer], (int) Math.min(table.pages(), Math.max(needed, 2L * pages[layer].length)));
                }
                for (int page = position / TOKENS; page < needed; page++) {
                    if (!table.isWritten(layer, page)) {
                        pages[layer][page] = WritablePage.empty(shape, type);
                        table.write(layer, page);
                    }
                }
            }
            return null;
        });
    }

    /** All layers have positions below {@code end} now. */
    void finish(int end) {
        filled = end;
    }

    /** What allocates keys and values: fails with a message if the heap is too small. */
    <T> T withinHeap(String growth, Supplier<T> allocation) {
        try {
            return allocation.get();
        } catch (OutOfMemoryError full) {
            throw new ExecutorException("the KV cache cannot " + growth + " of " + contextLength
                    + " positions: the Java heap is full. Start Java with a larger -Xmx or use a shorter context.", full);
        }
    }

    /**
     * Stores rows at consecutive positions, for key/value heads [from, to).
     *
     * @param key   in [rows, kvDim]
     * @param value in [rows, kvDim]
     */
    void append(int layer, int position, int rows, float[] key, float[] value, int from, int to) {
        int kvDim = shape.kvHeads() * shape.headDim();
        for (int row = 0; row < rows; row++) {
            WritablePage page = full(layer, (position + row) / TOKENS);
            for (int head = from; head < to; head++) {
                page.put(head, (position + row) % TOKENS, key, value, row * kvDim + head * shape.headDim());
            }
        }
    }

    /** A page in {@link KvFormat#FULL}. */
    WritablePage full(int layer, int page) {
        return (WritablePage) pages[layer][page];
    }

    /** @param stored null for {@link KvFormat#EVICTED} */
    void replace(KvPage page, KvFormat format, StoredPage stored) {
        table.move(page.layer(), page.page(), format);
        pages[page.layer()][page.page()] = stored;
    }

    /** Drops pages [{@code kept}, {@code kept + dropped}) of every layer; those behind move down as they are. */
    void shift(int kept, int dropped) {
        table.shift(kept, dropped);
        for (StoredPage[] layer : pages) {
            System.arraycopy(layer, kept + dropped, layer, kept, layer.length - kept - dropped);
            Arrays.fill(layer, layer.length - dropped, layer.length, null);
        }
        filled -= dropped * TOKENS;
    }

    /** Of all arrays. */
    long allocatedBytes() {
        long bytes = 0;
        for (StoredPage[] layer : pages) {
            for (StoredPage page : layer) {
                bytes += page == null ? 0 : page.bytes();
            }
        }
        return bytes;
    }
}
