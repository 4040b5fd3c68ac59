package io.chunkwise.model.forward;

import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.kv.KvFormat;
import io.chunkwise.model.kv.KvPage;
import io.chunkwise.model.kv.KvPageTable;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * What an executor can take: the checks that {@link ForwardExecutor#run} promises, in one place for all executors.
 *
 * @param vocabSize     token ids are below it
 * @param contextLength positions of the KV cache
 * @param rowCapacity   rows of a pass
 */
public record PassLimits(int vocabSize, int contextLength, int rowCapacity) {
    private static final int LARGEST_ARRAY = Integer.MAX_VALUE - 64;

    /**
     * @param filled   positions that the KV cache holds so far
     * @param attached the adapter whose component groups the rows must have gains for
     * @throws IllegalArgumentException saying which limit the pass is beyond
     */
    public void check(TokenBatch batch, OutputRequest request, int filled, Optional<Adapter> attached) {
        int rows = batch.rows();
        require(rows <= rowCapacity, () -> "the pass has " + rows + " rows, the executor takes " + rowCapacity + " at a time");
        require(batch.position() <= contextLength - rows,
                () -> "the pass ends at position " + ((long) batch.position() + rows) + ", the KV cache holds " + contextLength);
        require(batch.position() <= filled,
                () -> "the pass starts at position " + batch.position() + ", but the KV cache is filled to " + filled + " only");
        for (int token : batch.tokens()) {
            require(token >= 0 && token < vocabSize, () -> "token " + token + " is outside the vocabulary of " + vocabSize);
        }
        int groups = attached.map(Adapter::groups).orElse(0);
        require(batch.groups() == groups, () -> "the pass has gains for " + batch.groups() + " component groups, "
                + attached.map(adapter -> "adapter '" + adapter.name() + "' has " + groups).orElse("but no adapter is attached"));
        require(!(request instanceof OutputRequest.AllLogits) || (long) rows * vocabSize <= LARGEST_ARRAY,
                () -> "the logits of " + rows + " rows are too many for one array; ask for " + LARGEST_ARRAY / vocabSize + " rows at most");
    }

    /**
     * A pass that begins inside a page writes into it.
     *
     * @param pages of the KV cache before the pass
     * @throws IllegalArgumentException if a layer does not keep that page in full
     */
    public void checkRewind(TokenBatch batch, KvPageTable pages) {
        int page = batch.position() / KvPage.TOKENS;
        if (batch.position() % KvPage.TOKENS == 0) {
            return;
        }
        for (int layer = 0; layer < pages.layers(); layer++) {
            if (pages.format(layer, page) != KvFormat.FULL) {
                throw new IllegalArgumentException("the pass starts at position " + batch.position()
                        + ", inside a page of the KV cache that layer " + layer + " keeps as " + pages.format(layer, page)
                        + "; start at position " + page * KvPage.TOKENS + ", where the page begins");
            }
        }
    }

    private static void require(boolean condition, Supplier<String> problem) {
        if (!condition) {
            throw new IllegalArgumentException(problem.get());
        }
    }
}
