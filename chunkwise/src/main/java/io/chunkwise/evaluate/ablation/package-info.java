/**
 * What the parts of the method are worth: the experiments that arXiv:2601.21109 and its summaries name, as lists of policies that differ in
 * one thing, run on the same windows of a text and compared pair by pair.
 */
package io.chunkwise.evaluate.ablation;
