/**
 * Where one chunk ends and the next one begins (arXiv:2601.21109, adaptive chunker): scores to percentiles to bands to spans. Knows neither
 * rungs nor executors.
 */
package io.chunkwise.chunking;
