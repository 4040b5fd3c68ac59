/**
 * From a prompt to text: prefill, decode, sampling and stop conditions, over any {@link io.chunkwise.model.forward.ForwardExecutor}
 * (arXiv:2601.21109 §3, with one rung for all tokens). Knows neither files nor terminals.
 */
package io.chunkwise.generate;
