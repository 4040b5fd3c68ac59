package io.chunkwise.evaluate.ablation;

import io.chunkwise.evaluate.perplexity.PairedDifference;
import io.chunkwise.evaluate.perplexity.PerplexityFigures;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What uniform ranks come to at any mean number of components: a policy that spends another number than the uniform one beside it is
 * compared with what that number is worth.
 */
final class UniformCurve {
    private static final String EXPERIMENT = Experiment.RANK.word();
    private static final String KV = "full";

    private final Map<String, TreeMap<Double, Map<Integer, AblationRow>>> byRungs = new HashMap<>();
    private final TreeMap<Double, Map<Integer, AblationRow>> whole = new TreeMap<>();

    /** @param variants rows by variant */
    UniformCurve(List<List<AblationRow>> variants) {
        for (List<AblationRow> rows : variants) {
            AblationRow of = rows.getFirst();
            if (of.experiment().equals(EXPERIMENT) && of.uniform() && of.result().meanComponents() > 0) {
                Map<Integer, AblationRow> byWindow = new HashMap<>();
                rows.forEach(row -> byWindow.put(row.window(), row));
                boolean all = of.variant().equals("uniform:max"); // as trained: no matter of rungs
                (all ? whole : byRungs.computeIfAbsent(of.rungs(), _ -> new TreeMap<>())).put(of.result().meanComponents(), byWindow);
            }
        }
        byRungs.values().forEach(curve -> curve.putAll(whole));
    }

    /** Of a variant that is not uniform, with a full KV cache; empty where the curve does not reach. */
    Optional<PairedDifference> difference(List<AblationRow> rows) {
        AblationRow of = rows.getFirst();
        TreeMap<Double, Map<Integer, AblationRow>> curve = byRungs.getOrDefault(of.rungs(), new TreeMap<>());
        double mean = PerplexityFigures.of(rows.stream().map(AblationRow::result).toList()).meanComponents();
        Map.Entry<Double, Map<Integer, AblationRow>> low = curve.floorEntry(mean);
        Map.Entry<Double, Map<Integer, AblationRow>> high = curve.ceilingEntry(mean);
        if (of.uniform() || !of.kvPolicy().equals(KV) || low == null || high == null) {
            return Optional.empty();
        }
        List<AblationRow> shared = rows.stream()
                .filter(row -> low.getValue().containsKey(row.window()) && high.getValue().containsKey(row.window())).toList();
        if (shared.isEmpty()) {
            return Optional.empty();
        }
        double share = low.getKey().equals(high.getKey()) ? 0 : Math.log(mean / low.getKey()) / Math.log(high.getKey() / low.getKey());
        double[] reference = shared.stream().mapToDouble(row -> (1 - share) * low.getValue().get(row.window()).result().nllSum()
                + share * high.getValue().get(row.window()).result().nllSum()).toArray();
        return Optional.of(PairedDifference.of(shared.stream().mapToDouble(row -> row.result().nllSum()).toArray(), reference,
                shared.stream().mapToInt(row -> row.result().scored()).toArray()));
    }
}
