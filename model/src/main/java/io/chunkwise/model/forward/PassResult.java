package io.chunkwise.model.forward;

/**
 * What a pass returned.
 *
 * @param statistics of the rows that were asked for: none, the last one, or all
 */
public record PassResult(PassOutput output, RowStatistics statistics) {
}
