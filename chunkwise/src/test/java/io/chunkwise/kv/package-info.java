/** Tests of plans of KV formats. */
package io.chunkwise.kv;
