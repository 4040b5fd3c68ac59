package io.chunkwise.schedule;

import io.chunkwise.chunking.Chunk;
import io.chunkwise.chunking.Span;
import io.chunkwise.kv.KvPlanner;
import io.chunkwise.model.kv.KvFormat;
import io.chunkwise.model.kv.KvPage;
import io.chunkwise.model.kv.KvPages;
import io.chunkwise.policy.Band;
import io.chunkwise.policy.KvBounds;
import io.chunkwise.selection.Selection;
import io.chunkwise.trace.ChunkTrace;
import io.chunkwise.trace.KvTrace;
import io.chunkwise.trace.SequenceTrace;
import io.chunkwise.trace.TokenTrace;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** Keeps what was decided about a sequence, token by token. */
final class TraceRecorder {
    private final int layers;
    private final List<Band> bands;
    private final List<TokenTrace> tokens = new ArrayList<>();
    private final List<Ended> chunks = new ArrayList<>();
    private final List<KvTrace> kv = new ArrayList<>();

    TraceRecorder(int layers, List<Band> bands) {
        this.layers = layers;
        this.bands = bands;
    }

    private record Ended(Chunk chunk, Selection selection, String adapter) {
    }

    void reset() {
        tokens.clear();
        chunks.clear();
        kv.clear();
    }

    void token(TokenTrace token) {
        tokens.add(token);
    }

    void chunk(Chunk chunk, Selection selection, String adapter) {
        chunks.add(new Ended(chunk, selection, adapter));
    }

    /** A later state of the cache at the same number of tokens replaces the one before. */
    void kv(KvTrace state) {
        if (!kv.isEmpty() && kv.getLast().tokens() == state.tokens()) {
            kv.removeLast();
        }
        kv.add(state);
    }

    /** @param dropped tokens behind the first page that the cache has no positions for any more */
    SequenceTrace trace(KvPages cache, KvPlanner planner, int dropped, SequenceTrace.Memory memory) {
        return new SequenceTrace(tokens, chunks.stream().map(ended -> trace(ended, cache, planner, dropped)).toList(), kv, memory);
    }

    private ChunkTrace trace(Ended ended, KvPages cache, KvPlanner planner, int dropped) {
        Span span = ended.chunk().span();
        Band band = bands.get(ended.chunk().band());
        Map<KvFormat, Integer> pages = new EnumMap<>(KvFormat.class);
        double error = Double.NaN;
        for (int page = span.start() / KvPage.TOKENS; page < KvPage.count(span.end()); page++) {
            int gone = dropped / KvPage.TOKENS;
            boolean isSink = page < KvBounds.SINK_PAGES;
            if (!isSink && page < KvBounds.SINK_PAGES + gone) {
                pages.merge(KvFormat.EVICTED, layers, Integer::sum);
                continue;
            }
            int at = isSink ? page : page - gone;
            for (int layer = 0; at * KvPage.TOKENS < cache.filled() && layer < layers; layer++) {
                KvPage stored = new KvPage(layer, at);
                pages.merge(cache.format(stored), 1, Integer::sum);
                float measured = planner.error(stored);
                if (!Float.isNaN(measured)) {
                    error = Double.isNaN(error) ? measured : Math.max(error, measured);
                }
            }
        }
        KvFormat most = pages.entrySet().stream().max(Map.Entry.comparingByValue()).map(Map.Entry::getKey).orElse(KvFormat.FULL);
        double components = tokens.subList(span.start(), span.end()).stream().mapToDouble(TokenTrace::components).average().orElseThrow();
        return new ChunkTrace(span.start(), span.end(), band.name(), ended.chunk().band(), bands.size(), ended.selection().rung(),
                components, ended.selection().scale(), most, pages, error, ended.adapter());
    }
}
