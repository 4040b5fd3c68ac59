package io.chunkwise.evaluate;

import java.util.List;

/**
 * Something that is evaluated item by item.
 *
 * @param <T> what an item holds
 * @param <R> result of an item: a record of numbers, strings, booleans and lists of these, which JSON gives back as it was
 */
public interface Evaluation<T, R> {

    /** All items, in order; ids are unique. */
    List<Item<T>> items();

    /** The result of one item, in any order of calls; it goes by the item and the configuration, not by items that came before. */
    R evaluate(Item<T> item);
}
