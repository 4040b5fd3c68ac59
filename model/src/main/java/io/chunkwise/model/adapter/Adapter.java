package io.chunkwise.model.adapter;

import io.chunkwise.model.llama.LlamaConfig;
import java.util.List;
import java.util.Map;

/**
 * A LoRA adapter, whatever it was read from: for each site that it attaches to, its update as low-rank components.
 *
 * @param name   for people
 * @param groups component groups that every pair has; the length of a row's gain vector
 * @param sites  the pairs; sites that are not named are left alone
 */
public record Adapter(String name, int groups, Map<AdapterSite, LowRankPair> sites) {

    public Adapter {
        sites = Map.copyOf(sites);
        for (LowRankPair pair : sites.values()) {
            if (pair.groupEnd().length != groups) {
                throw new IllegalArgumentException("a pair has " + pair.groupEnd().length + " component groups, expected " + groups);
            }
        }
    }

    /**
     * What the product B·A is multiplied with: α/r, or α/√r for rank-stabilised LoRA (rsLoRA), with the rank that the
     * pair was trained with. The only place that computes it.
     */
    public static float scale(float alpha, int trainedRank, boolean rankStabilized) {
        return rankStabilized ? (float) (alpha / Math.sqrt(trainedRank)) : alpha / trainedRank;
    }

    /** The largest rank of any site; 0 for an adapter without sites. */
    public int maxRank() {
        return sites.values().stream().mapToInt(LowRankPair::rank).max().orElse(0);
    }

    /**
     * Says where the adapter does not fit a model.
     *
     * @return one line per site that does not fit; empty if all do
     */
    public List<String> mismatches(LlamaConfig config) {
        return sites.entrySet().stream().filter(entry -> !fits(entry.getKey(), entry.getValue(), config))
                .map(entry -> "layer " + entry.getKey().layer() + " " + entry.getKey().role() + " is [" + entry.getValue().outputs()
                        + ", " + entry.getValue().inputs() + "], the model has " + (entry.getKey().layer() < config.layers()
                        ? entry.getKey().role().shape(config).toString() : config.layers() + " layers"))
                .sorted().toList();
    }

    /** @throws IllegalArgumentException naming the first of the {@link #mismatches} */
    public void requireFits(LlamaConfig config) {
        List<String> mismatches = mismatches(config);
        if (!mismatches.isEmpty()) {
            throw new IllegalArgumentException("adapter '" + name + "' does not fit the model at " + mismatches.size()
                    + (mismatches.size() == 1 ? " site: " : " sites, the first: ") + mismatches.getFirst());
        }
    }

    private static boolean fits(AdapterSite site, LowRankPair pair, LlamaConfig config) {
        return site.layer() < config.layers()
                && site.role().shape(config).equals(List.of((long) pair.outputs(), (long) pair.inputs()));
    }
}
