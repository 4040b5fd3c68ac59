/**
 * The KV cache as pages: which positions lie in which page, in which format, and what a change of format would cost. Bookkeeping
 * and formats only; when a page changes is decided elsewhere (arXiv:2601.21109, KV-cache policy controller), and memory belongs to
 * the executors.
 */
package io.chunkwise.model.kv;
