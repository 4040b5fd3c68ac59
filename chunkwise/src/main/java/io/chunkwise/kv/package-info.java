/**
 * Which page of the KV cache takes which format when (arXiv:2601.21109, KV-cache policy controller). Decides; the executors store.
 */
package io.chunkwise.kv;
