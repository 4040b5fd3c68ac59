/**
 * One sequence through one executor, with everything that is decided about it: complexity, chunks, rungs, cross-fade, KV policy, in the
 * order in which a row needs them (arXiv:2601.21109 §3). The only path: plain LoRA is a policy that estimates nothing.
 */
package io.chunkwise.schedule;
