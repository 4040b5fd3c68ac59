/**
 * From a prompt to text: prefill, decode, sampling and stop conditions, over a {@link io.chunkwise.schedule.ChunkScheduler}
 * (arXiv:2601.21109 §3). Knows neither files nor terminals.
 */
package io.chunkwise.generate;
