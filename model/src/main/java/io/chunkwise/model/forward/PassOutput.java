package io.chunkwise.model.forward;

/** What a pass returned, as its {@link OutputRequest} asked. Arrays belong to the caller (fresh for each pass). */
public sealed interface PassOutput {

    record Nothing() implements PassOutput {
    }

    /**
     * @param rows   1 for {@link OutputRequest.LastLogits}, all for {@link OutputRequest.AllLogits}
     * @param values [rows, vocab]
     */
    record Logits(int rows, float[] values) implements PassOutput {
    }

    /**
     * The largest logits, in descending order; equal ones in ascending order of id.
     *
     * @param ids    [count] token ids
     * @param logits [count]
     */
    record Top(int[] ids, float[] logits) implements PassOutput {
    }
}
