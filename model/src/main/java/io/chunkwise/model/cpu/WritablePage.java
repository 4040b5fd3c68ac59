package io.chunkwise.model.cpu;

import io.chunkwise.model.kv.KvType;
import java.util.function.Consumer;

/** A page in {@link io.chunkwise.model.kv.KvFormat#FULL}, which rows are written to. */
sealed interface WritablePage extends StoredPage permits FullPage, F16Page {

    static WritablePage empty(PageShape shape, KvType type) {
        return switch (type) {
            case F32 -> FullPage.empty(shape);
            case F16 -> F16Page.empty(shape);
        };
    }

    /**
     * Stores one row.
     *
     * @param key   in [headDim] from {@code at}
     * @param value in [headDim] from {@code at}
     */
    void put(int kvHead, int position, float[] key, float[] value, int at);

    /** Its elements as floats: the page itself if they are. */
    FullPage decoded();

    /** @param change of the keys [kvHeads, headDim, TOKENS], in place */
    void changeKeys(Consumer<float[]> change);
}
