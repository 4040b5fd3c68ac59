package io.chunkwise.evaluate;

/**
 * One piece of an evaluation.
 *
 * @param id stable: the same in every run over the same data, and no other item's
 */
public record Item<T>(String id, T content) {

    public Item {
        if (id.isEmpty()) {
            throw new IllegalArgumentException("an item without an id");
        }
    }
}
