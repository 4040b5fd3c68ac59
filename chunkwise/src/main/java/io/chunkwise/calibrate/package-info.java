/**
 * Learns from a sample of text what an adapter's components are worth, token by token (the learned mapping of arXiv:2601.21109, which
 * leaves its form open). Knows executors and ladders, neither chunks nor policies of its own: it scores with uniform ones.
 */
package io.chunkwise.calibrate;
