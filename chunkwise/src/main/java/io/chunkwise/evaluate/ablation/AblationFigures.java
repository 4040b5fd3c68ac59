package io.chunkwise.evaluate.ablation;

import io.chunkwise.evaluate.perplexity.PairedDifference;
import io.chunkwise.evaluate.perplexity.PerplexityFigures;
import io.chunkwise.evaluate.perplexity.PerplexityRow;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What a variant comes to.
 *
 * @param of         any of its rows: what it is
 * @param figures    over its windows
 * @param windows    how many
 * @param msPerToken median over windows: whatever else the machine did for a while does not count
 * @param difference to the reference, over windows that both have; empty for a reference, and where there are none
 * @param atUniform  difference to uniform ranks with as many components on average, interpolated linearly in the logarithm of the rank;
 *                   empty for uniform policies, other KV policies than full, and where no two uniform ranks lie around it
 */
public record AblationFigures(AblationRow of, PerplexityFigures figures, int windows, double msPerToken,
        Optional<PairedDifference> difference, Optional<PairedDifference> atUniform) {

    /** @param rows of any variants and windows, each once; at least one */
    public static List<AblationFigures> of(List<AblationRow> rows) {
        Map<Integer, TreeMap<Integer, AblationRow>> byPlace = new TreeMap<>();
        rows.forEach(row -> byPlace.computeIfAbsent(row.place(), _ -> new TreeMap<>()).put(row.window(), row));
        Map<String, TreeMap<Integer, AblationRow>> byName = new LinkedHashMap<>();
        byPlace.values().forEach(windows -> byName.put(name(first(windows), first(windows).variant()), windows));
        UniformCurve curve = new UniformCurve(byPlace.values().stream().map(windows -> List.copyOf(windows.values())).toList());
        List<AblationFigures> figures = new ArrayList<>();
        for (TreeMap<Integer, AblationRow> windows : byPlace.values()) {
            AblationRow of = first(windows);
            TreeMap<Integer, AblationRow> reference = of.reference() == null ? new TreeMap<>()
                    : byName.getOrDefault(name(of, of.reference()), new TreeMap<>());
            figures.add(new AblationFigures(of, PerplexityFigures.of(results(windows.values())), windows.size(),
                    medianMillis(windows.values()),
                    difference(windows, reference), curve.difference(List.copyOf(windows.values()))));
        }
        return figures;
    }

    private static double medianMillis(Collection<AblationRow> rows) {
        double[] sorted = rows.stream().map(AblationRow::result).mapToDouble(row -> row.millis() / row.tokens()).sorted().toArray();
        return (sorted[(sorted.length - 1) / 2] + sorted[sorted.length / 2]) / 2;
    }

    private static Optional<PairedDifference> difference(TreeMap<Integer, AblationRow> ours, TreeMap<Integer, AblationRow> reference) {
        List<Integer> shared = ours.keySet().stream().filter(reference::containsKey).toList();
        return shared.isEmpty() ? Optional.empty() : Optional.of(PairedDifference.of(
                results(shared.stream().map(ours::get).toList()), results(shared.stream().map(reference::get).toList())));
    }

    private static List<PerplexityRow> results(Iterable<AblationRow> rows) {
        List<PerplexityRow> results = new ArrayList<>();
        rows.forEach(row -> results.add(row.result()));
        return results;
    }

    private static AblationRow first(TreeMap<Integer, AblationRow> windows) {
        return windows.firstEntry().getValue();
    }

    private static String name(AblationRow row, String variant) {
        return row.experiment() + "/" + variant;
    }
}
