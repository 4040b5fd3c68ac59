package io.chunkwise.model.cpu;

import static io.chunkwise.model.cpu.PageShape.TOKENS;

import io.chunkwise.model.forward.LayerOp;
import io.chunkwise.model.kv.KvFormat;
import io.chunkwise.model.kv.KvLimits;
import io.chunkwise.model.kv.KvMeasurement;
import io.chunkwise.model.kv.KvPage;
import io.chunkwise.model.kv.KvPages;
import io.chunkwise.model.kv.KvType;
import io.chunkwise.model.kv.KvUsage;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.RotaryTable;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** Changes and measures the pages of a cache, on the executor's team. */
final class CpuKvPages implements KvPages {
    private final LlamaConfig config;
    private final KvCache cache;
    private final KvProbes probes;
    private final KvLimits limits;
    private final WorkerTeam team;
    private final Scratch scratch;
    private final Supplier<RotaryTable> rotary;

    /** @param rotary that of the executor now, which covers every position that is filled */
    CpuKvPages(LlamaConfig config, KvCache cache, KvProbes probes, boolean quantizable, WorkerTeam team, Scratch scratch,
            Supplier<RotaryTable> rotary) {
        this.config = config;
        this.cache = cache;
        this.probes = probes;
        limits = new KvLimits(cache.table(), quantizable);
        this.team = team;
        this.scratch = scratch;
        this.rotary = rotary;
    }

    @Override
    public int filled() {
        return cache.filled();
    }

    @Override
    public KvType type() {
        return cache.type();
    }

    @Override
    public KvFormat format(KvPage page) {
        limits.checkFormat(page, cache.filled());
        return cache.table().format(page.layer(), page.page());
    }

    @Override
    public void store(List<KvPage> pages, KvFormat format) {
        limits.checkStore(pages, format, cache.filled());
        List<KvPage> changing = pages.stream().distinct()
                .filter(page -> cache.table().format(page.layer(), page.page()) != format).toList();
        StoredPage[] stored = new StoredPage[changing.size()];
        cache.withinHeap("change the format of " + changing.size() + " pages", () -> {
            team.share(stored.length, 1, (_, from, to) -> {
                for (int i = from; i < to; i++) {
                    stored[i] = inFormat(changing.get(i), format);
                }
            });
            return null;
        });
        for (int i = 0; i < stored.length; i++) {
            cache.replace(changing.get(i), format, stored[i]);
        }
    }

    private StoredPage inFormat(KvPage page, KvFormat format) {
        return switch (format) {
            case FULL -> throw new IllegalStateException(page + " cannot become full again");
            case Q8 -> Q8Page.of(cache.full(page.layer(), page.page()).decoded());
            case Q4 -> Q4Page.of(cache.full(page.layer(), page.page()).decoded());
            case EVICTED -> null;
        };
    }

    @Override
    public List<KvMeasurement> measure(List<KvPage> pages) {
        limits.checkMeasure(pages, cache.filled());
        if (probes.count() == 0) {
            throw new IllegalStateException("there are no probes to measure pages with: run a pass first");
        }
        scratch.reserve(PageMeasurement.scratchSize(cache.filled(), cache.shape()));
        Map<Integer, List<KvPage>> perLayer = new HashMap<>();
        pages.stream().distinct().forEach(page -> perLayer.computeIfAbsent(page.layer(), _ -> new ArrayList<>()).add(page));
        Map<KvPage, KvMeasurement> measured = new HashMap<>();
        perLayer.values().forEach(layer -> measureLayer(layer).forEach(measurement -> measured.put(measurement.page(), measurement)));
        return pages.stream().map(measured::get).toList();
    }

    private List<KvMeasurement> measureLayer(List<KvPage> pages) {
        StoredPage[][] changed = new StoredPage[pages.size()][];
        cache.withinHeap("measure " + pages.size() + " pages", () -> {
            team.share(changed.length, 1, (_, from, to) -> {
                for (int i = from; i < to; i++) {
                    changed[i] = new StoredPage[] {inFormat(pages.get(i), KvFormat.Q8), inFormat(pages.get(i), KvFormat.Q4)};
                }
            });
            return null;
        });
        PageMeasurement measurement = new PageMeasurement(cache, probes, config.heads(), config.slidingWindow(), pages, changed);
        team.share(config.heads(), 1, (worker, from, to) -> {
            for (int head = from; head < to; head++) {
                measurement.measure(head, scratch.of(worker));
            }
        });
        return measurement.result();
    }

    /** Keys were rotated by their positions ({@link LayerOp.Rotate}); angles add up, so they are rotated back by the difference. */
    @Override
    public void shift(int keptPages, int droppedPages) {
        limits.checkShift(keptPages, droppedPages, cache.filled());
        cache.shift(keptPages, droppedPages);
        probes.clear();
        int end = KvPage.count(cache.filled());
        team.share(config.layers(), 1, (_, from, to) -> {
            for (int layer = from; layer < to; layer++) {
                for (int page = keptPages; page < end; page++) {
                    if (cache.table().format(layer, page) == KvFormat.FULL) {
                        cache.full(layer, page).changeKeys(keys -> RotaryKernels.turnBack(keys, rotary.get(), config.rotaryPairing(),
                                droppedPages * TOKENS, config.kvHeads(), config.headDim()));
                    }
                }
            }
        });
    }

    @Override
    public KvUsage usage() {
        return new KvUsage(bytes(KvFormat.FULL), bytes(KvFormat.Q8), bytes(KvFormat.Q4), cache.allocatedBytes());
    }

    private long bytes(KvFormat format) {
        return (long) cache.table().used(format) * TOKENS * format.bytesPerToken(config, cache.type());
    }
}
