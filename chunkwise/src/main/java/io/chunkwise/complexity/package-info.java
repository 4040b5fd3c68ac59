/**
 * How complex the text is, token by token: four causal signals and their score (arXiv:2601.21109, token complexity estimator; the paper
 * names the signals and leaves formulas and weights open, so these are ours). Knows neither chunks nor executors.
 */
package io.chunkwise.complexity;
