package io.chunkwise.model.cpu;

import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.adapter.AdapterSite;
import io.chunkwise.model.adapter.LowRankPair;
import io.chunkwise.model.forward.AdapterExecution;
import io.chunkwise.model.llama.LlamaWeights;
import java.lang.foreign.Arena;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Copies of adapters as the kernels want them: of the one that is attached, and of reserved ones that were attached before, because
 * copying takes as long as some passes. Owns the copies.
 */
final class AttachedAdapters implements AutoCloseable {
    private final LlamaWeights weights;
    private final AdapterExecution execution;
    private final boolean integers;
    private final WorkerTeam team;
    private final Map<Adapter, Copy> copies = new IdentityHashMap<>();
    private final Set<Adapter> reserved = Collections.newSetFromMap(new IdentityHashMap<>());
    private Optional<Adapter> attached = Optional.empty();
    private Map<AdapterSite, AttachedPair> pairs = Map.of(); // of the attached one

    private record Copy(Map<AdapterSite, AttachedPair> pairs, Arena memory) {
    }

    /**
     * @param weights  of the model, which say what number format components come in
     * @param integers as in {@link AttachedPair#of}
     * @param team     does the work
     */
    AttachedAdapters(LlamaWeights weights, AdapterExecution execution, boolean integers, WorkerTeam team) {
        this.weights = weights;
        this.execution = execution;
        this.integers = integers;
        this.team = team;
    }

    /** Copies of these adapters are kept from now on, and no longer those of adapters that were reserved before. */
    void reserve(Collection<Adapter> adapters) {
        reserved.clear();
        reserved.addAll(adapters);
        freeAllBut(attached);
    }

    void attach(Optional<Adapter> adapter) {
        attached = Optional.empty();
        pairs = Map.of();
        freeAllBut(adapter);
        pairs = adapter.map(attaching -> copies.computeIfAbsent(attaching, this::copy).pairs()).orElse(Map.of());
        attached = adapter;
    }

    /** Reserved ones are kept, too. */
    private void freeAllBut(Optional<Adapter> kept) {
        copies.entrySet().removeIf(entry -> {
            boolean free = !reserved.contains(entry.getKey()) && kept.filter(adapter -> adapter == entry.getKey()).isEmpty();
            if (free) {
                entry.getValue().memory().close();
            }
            return free;
        });
    }

    private Copy copy(Adapter adapter) {
        List<Map.Entry<AdapterSite, LowRankPair>> sites = List.copyOf(adapter.sites().entrySet());
        AttachedPair[] made = new AttachedPair[sites.size()];
        Arena memory = Arena.ofShared();
        try {
            team.share(made.length, 1, (_, from, to) -> {
                for (int i = from; i < to; i++) {
                    AdapterSite site = sites.get(i).getKey();
                    made[i] = AttachedPair.of(sites.get(i).getValue(), execution.typeFor(weights.get(site.role(), site.layer()).type()),
                            memory, integers);
                }
            });
        } catch (RuntimeException | Error e) {
            memory.close();
            throw e;
        }
        Map<AdapterSite, AttachedPair> bySite = HashMap.newHashMap(made.length);
        for (int i = 0; i < made.length; i++) {
            bySite.put(sites.get(i).getKey(), made[i]);
        }
        return new Copy(bySite, memory);
    }

    Optional<Adapter> attached() {
        return attached;
    }

    /** Of the attached adapter; null where it has none. */
    AttachedPair get(AdapterSite site) {
        return pairs.get(site);
    }

    /** Of all copies. */
    long bytes() {
        return copies.values().stream().flatMap(copy -> copy.pairs().values().stream()).mapToLong(AttachedPair::bytes).sum();
    }

    @Override
    public void close() {
        reserved.clear();
        attached = Optional.empty();
        pairs = Map.of();
        freeAllBut(attached);
    }
}
