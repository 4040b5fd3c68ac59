/**
 * Which rung and scale a chunk gets (arXiv:2601.21109, rank and scale selector): bands to rungs of one ladder, under a budget on mean
 * active components. Knows neither text nor executors.
 */
package io.chunkwise.selection;
