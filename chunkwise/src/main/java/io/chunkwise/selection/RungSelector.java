package io.chunkwise.selection;

import io.chunkwise.ladder.MergedRung;
import io.chunkwise.ladder.RankLadder;
import io.chunkwise.ladder.Rung;
import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.policy.Band;
import io.chunkwise.policy.ChunkPolicy;
import io.chunkwise.policy.RungKind;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;

/** One adapter, cut into the rungs of one policy: what each band gets. */
public final class RungSelector {
    private final Optional<Adapter> adapter;
    private final List<List<Selection>> choices; // per band: its own rung, then every lower one, off last

    private RungSelector(Optional<Adapter> adapter, List<List<Selection>> choices) {
        this.adapter = adapter;
        this.choices = choices;
    }

    /** No adapter: every band gets the base. */
    public static RungSelector base(ChunkPolicy policy) {
        return new RungSelector(Optional.empty(), policy.bands().stream().map(band -> List.of(off(0, band))).toList());
    }

    /**
     * An adapter as it was trained.
     *
     * @throws IllegalArgumentException if the policy {@linkplain ChunkPolicy#needsLadder needs a ladder}
     */
    public static RungSelector plain(ChunkPolicy policy, Adapter adapter) {
        if (policy.needsLadder(adapter.maxRank())) {
            throw new IllegalArgumentException("policy '" + policy.name() + "' cuts adapter '" + adapter.name() + "' of rank "
                    + adapter.maxRank() + " into rungs, which takes a rank ladder");
        }
        return cut(policy, adapter, new Cuts(List.of(), adapter.maxRank(), adapter.sites().size(), false));
    }

    /** An adapter's ladder; all components in one group where the policy {@linkplain ChunkPolicy#needsLadder needs no rungs}. */
    public static RungSelector of(ChunkPolicy policy, RankLadder ladder) {
        Cuts cuts = new Cuts(cuts(policy, ladder, 0), ladder.maxRank(), ladder.sites().size(), false);
        return cut(policy, ladder.at(cuts.rungs()), cuts);
    }

    /**
     * A ladder whose lowest rung is part of the model's weights ({@link MergedRung}): no band gets fewer components than that, and what is
     * left to the adapter is all that counts as active.
     *
     * @param components of the merged rung, 1 or more
     */
    public static RungSelector merged(ChunkPolicy policy, RankLadder ladder, int components) {
        Cuts cuts = new Cuts(cuts(policy, ladder, components), ladder.maxRank(), ladder.sites().size(), true);
        return cut(policy, MergedRung.residual(ladder, cuts.rungs()), cuts);
    }

    /** What {@link MergedRung#merge} has to merge for {@link #merged}. */
    public static Rung mergedRung(ChunkPolicy policy, RankLadder ladder, int components) {
        return cuts(policy, ladder, components).getFirst().rung();
    }

    /** One cut per number of components that a band has, if there are more in the ladder; before them, one at {@code least} if not 0. */
    private static List<Cut> cuts(ChunkPolicy policy, RankLadder ladder, int least) {
        TreeSet<Double> counts = new TreeSet<>();
        for (Band band : policy.bands()) {
            if (band.components() > least && band.components() < ladder.maxRank()) {
                counts.add(band.components());
            }
        }
        if (least > 0) {
            counts.add((double) least);
        }
        return counts.stream().map(components -> switch (policy.rungs()) {
            case FIXED -> new Cut(components, new Rung.Uniform(components.intValue()));
            case THRESHOLD -> new Cut(components, new Rung.Threshold(ladder.thresholdForMeanRank(components)));
        }).toList();
    }

    /** What the executor has to attach: one component group per rung. */
    public Optional<Adapter> adapter() {
        return adapter;
    }

    /** Name of the adapter; empty without one. */
    public String name() {
        return adapter.map(Adapter::name).orElse("");
    }

    /** What a band gets without a budget. */
    public Selection select(int band) {
        return choices.get(band).getFirst();
    }

    /** Every rung that some chunk may get, under a budget or without, ascending in components. */
    public List<Selection> rungs() {
        Map<String, Selection> byLabel = new HashMap<>();
        choices.forEach(ofBand -> ofBand.forEach(choice -> byLabel.putIfAbsent(choice.rung(), choice)));
        return byLabel.values().stream().sorted(Comparator.comparingDouble(Selection::components)).toList();
    }

    /** What a band may get instead, in descending order of components: first what it gets without a budget, last no adapter. */
    List<Selection> choices(int band) {
        return choices.get(band);
    }

    private record Cut(double components, Rung rung) {
    }

    /**
     * @param cuts    ascending; group i of the adapter ends at cut i, a last group at the adapter's rank
     * @param maxRank of the whole adapter
     * @param sites   of the whole adapter
     * @param merged  group 0 is empty, its components being part of the weights
     */
    private record Cuts(List<Cut> cuts, int maxRank, int sites, boolean merged) {

        List<Rung> rungs() {
            return cuts.stream().map(Cut::rung).toList();
        }

        String label(RungKind kind, int groups) {
            if (groups > cuts.size()) {
                return kind == RungKind.FIXED ? Integer.toString(maxRank) : "all";
            }
            return switch (cuts.get(groups - 1).rung()) {
                case Rung.Uniform(int rank) -> Integer.toString(Math.min(rank, maxRank));
                case Rung.Threshold(float sigma) -> String.format(Locale.ROOT, "σ ≥ %.3g", sigma);
            };
        }
    }

    private static RungSelector cut(ChunkPolicy policy, Adapter adapter, Cuts cuts) {
        List<List<Selection>> choices = new ArrayList<>();
        int lowest = cuts.merged() ? 1 : 0;
        for (Band band : policy.bands()) {
            List<Selection> ofBand = new ArrayList<>();
            for (int groups = band.scale() == 0 ? 0 : groups(band, adapter, cuts.cuts()); groups > lowest; groups--) {
                ofBand.add(selection(policy.rungs(), band, adapter, cuts, groups));
            }
            ofBand.add(cuts.merged() ? new Selection(cuts.label(policy.rungs(), 1), 0, band.scale(), new float[adapter.groups()])
                    : off(adapter.groups(), band));
            choices.add(List.copyOf(ofBand));
        }
        return new RungSelector(Optional.of(adapter), choices);
    }

    /** Leading groups that a band has on. */
    private static int groups(Band band, Adapter adapter, List<Cut> cuts) {
        if (band.components() == 0) {
            return 0;
        }
        for (int cut = 0; cut < cuts.size(); cut++) {
            if (band.components() <= cuts.get(cut).components()) {
                return cut + 1;
            }
        }
        return adapter.groups();
    }

    private static Selection selection(RungKind kind, Band band, Adapter adapter, Cuts cuts, int groups) {
        float[] gains = new float[adapter.groups()];
        Arrays.fill(gains, 0, groups, band.scale());
        double components = adapter.sites().values().stream().mapToDouble(pair -> pair.activeRank(groups)).sum();
        return new Selection(cuts.label(kind, groups), components / Math.max(1, cuts.sites()), band.scale(), gains);
    }

    private static Selection off(int groups, Band band) {
        return new Selection("off", 0, band.scale(), new float[groups]);
    }
}
