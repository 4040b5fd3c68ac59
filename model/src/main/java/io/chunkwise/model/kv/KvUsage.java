package io.chunkwise.model.kv;

/**
 * Bytes of a KV cache.
 *
 * @param fullBytes     of pages in use, by format
 * @param allocatedBytes what the executor has allocated for keys and values; at least the sum of the others
 */
public record KvUsage(long fullBytes, long q8Bytes, long q4Bytes, long allocatedBytes) {

    /** Bytes of all pages in use. */
    public long usedBytes() {
        return fullBytes + q8Bytes + q4Bytes;
    }
}
