/**
 * Claims are checked here: an {@link io.chunkwise.evaluate.Evaluation} is a list of items with stable ids and a result for each, an
 * {@link io.chunkwise.evaluate.EvaluationRun} computes those that a journal lacks, and figures are computed from results alone, so that any
 * way of spreading items over runs and machines comes to the same figures. Knows neither terminals nor command lines.
 */
package io.chunkwise.evaluate;
