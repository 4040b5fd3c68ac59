package io.chunkwise.schedule;

import io.chunkwise.model.kv.KvFormat;
import io.chunkwise.model.kv.KvPage;
import io.chunkwise.model.kv.KvPages;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.trace.KvTrace;

/** Bytes of the KV cache over time. */
final class KvLedger {
    private final KvPages cache;
    private final long fullPageBytes; // of one page in all layers
    private long bytes;
    private long peak;

    KvLedger(KvPages cache, LlamaConfig config) {
        this.cache = cache;
        fullPageBytes = (long) config.layers() * KvPage.TOKENS * KvFormat.FULL.bytesPerToken(config, cache.type());
    }

    void reset() {
        bytes = 0;
        peak = 0;
    }

    /** Looks at the cache as it is now. */
    void look() {
        bytes = cache.usage().usedBytes();
        peak = Math.max(peak, bytes);
    }

    long bytes() {
        return bytes;
    }

    long peak() {
        return peak;
    }

    /** What so many tokens would take in full. */
    long full(int tokens) {
        return KvPage.count(tokens) * fullPageBytes;
    }

    KvTrace state(int tokens) {
        return new KvTrace(tokens, bytes, full(tokens));
    }
}
