/**
 * How well a model predicts a text. Two recipes of cutting it into windows, each an item of its own; a window is scored like any other
 * text, so that every policy, adapter and executor works.
 */
package io.chunkwise.evaluate.perplexity;
