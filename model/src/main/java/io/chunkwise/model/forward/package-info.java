/**
 * The forward pass as data ({@link io.chunkwise.model.forward.LlamaForward}) and the interface of the executors that run it. Knows
 * active groups and gains per row, but no chunk, rung or ladder (arXiv:2601.21109).
 */
package io.chunkwise.model.forward;
