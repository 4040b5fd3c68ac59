package io.chunkwise.model.cpu;

/** The queries of the newest rows, layer by layer: what pages are measured with. */
final class KvProbes {
    /** The most probes of a layer. */
    static final int COUNT = 16;

    private final int width;
    private final float[][] queries; // [layer][COUNT, width], allocated with the first pass; position p is row p % COUNT
    private int rows; // since the cache was cleared, rewound or shifted

    /** @param width of a query, all heads together */
    KvProbes(int layers, int width) {
        this.width = width;
        queries = new float[layers][];
    }

    void clear() {
        rows = 0;
    }

    /** @param query in [rows, width] */
    void remember(int layer, int position, int rows, float[] query) {
        if (queries[layer] == null) {
            queries[layer] = new float[COUNT * width];
        }
        for (int row = Math.max(0, rows - COUNT); row < rows; row++) {
            System.arraycopy(query, row * width, queries[layer], (position + row) % COUNT * width, width);
        }
    }

    /** All layers have remembered another {@code more} rows. */
    void finish(int more) {
        rows = Math.min(COUNT, rows + more);
    }

    /** Probes there are: those at the newest positions. */
    int count() {
        return rows;
    }

    /** [COUNT, width]; the probe at position p is row {@link #row}. */
    float[] queries(int layer) {
        return queries[layer];
    }

    int row(int position) {
        return position % COUNT;
    }
}
