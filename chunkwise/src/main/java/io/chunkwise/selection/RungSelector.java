package io.chunkwise.selection;

import io.chunkwise.ladder.MergedRung;
import io.chunkwise.ladder.RankLadder;
import io.chunkwise.ladder.Rung;
import io.chunkwise.ladder.TokenBenefit;
import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.adapter.LowRankPair;
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
    private final String name;
    private final Optional<Adapter> adapter;
    private final List<List<Selection>> choices; // per band: its own rung, then every lower one, off last
    private final Optional<TokenBenefit> benefit;

    private RungSelector(String name, Optional<Adapter> adapter, List<List<Selection>> choices, Optional<TokenBenefit> benefit) {
        this.name = name;
        this.adapter = adapter;
        this.choices = choices;
        this.benefit = benefit;
    }

    /** No adapter: every band gets the base. */
    public static RungSelector base(ChunkPolicy policy) {
        return new RungSelector("", Optional.empty(), policy.bands().stream().map(band -> List.of(off(0, band))).toList(), Optional.empty());
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
        return cut(policy, adapter, List.of(), Optional.empty());
    }

    /** An adapter's ladder; all components in one group where the policy {@linkplain ChunkPolicy#needsLadder needs no rungs}. */
    public static RungSelector of(ChunkPolicy policy, RankLadder ladder) {
        List<Cut> cuts = cuts(policy, ladder, 0);
        return cut(policy, ladder.at(rungs(cuts)), cuts, ladder.benefit());
    }

    /**
     * An adapter's ladder, on a model into which a rung is merged ({@link MergedRung}): what is merged is on in every row, whatever the
     * band says, and bands of no more components than that take no adapter work.
     *
     * @param merged of the policy's kind
     */
    public static RungSelector merged(ChunkPolicy policy, RankLadder ladder, Rung merged) {
        Adapter lowest = ladder.at(List.of(merged));
        double components = meanComponents(lowest, 1);
        List<Cut> cuts = new ArrayList<>();
        cuts.add(new Cut(components, merged));
        cuts.addAll(cuts(policy, ladder, components));
        Adapter whole = ladder.at(rungs(cuts));
        List<List<Selection>> choices = new ArrayList<>();
        for (Band band : policy.bands()) {
            List<Selection> ofBand = new ArrayList<>();
            for (Selection choice : choices(policy, band, whole, cuts)) {
                if (choice.components() >= components) {
                    choice.gains()[0] = 0; // an empty group, which would count as active
                    ofBand.add(choice);
                }
            }
            if (ofBand.isEmpty()) {
                ofBand.add(new Selection(label(policy.rungs(), whole, cuts, 1), components, band.scale(), new float[whole.groups()]));
            }
            choices.add(List.copyOf(ofBand));
        }
        return attaching(MergedRung.residual(ladder, rungs(cuts)), choices, ladder.benefit());
    }

    /** What the executor has to attach: one component group per rung. Empty where no band uses any of it. */
    public Optional<Adapter> adapter() {
        return adapter;
    }

    /** Name of the adapter, used or not; empty without one. */
    public String name() {
        return name;
    }

    /** What the adapter's ladder knows of tokens; empty unless it has been calibrated. */
    public Optional<TokenBenefit> benefit() {
        return benefit;
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

    private static List<Rung> rungs(List<Cut> cuts) {
        return cuts.stream().map(Cut::rung).toList();
    }

    /** The policy's rungs that have more components than {@code above} and fewer than all, ascending. */
    private static List<Cut> cuts(ChunkPolicy policy, RankLadder ladder, double above) {
        TreeSet<Double> counts = new TreeSet<>();
        for (Band band : policy.bands()) {
            if (band.components() > above && band.components() < ladder.maxRank()) {
                counts.add(band.components());
            }
        }
        return counts.stream().map(components -> new Cut(components, switch (policy.rungs()) {
            case FIXED -> new Rung.Uniform(components.intValue());
            case THRESHOLD -> new Rung.Threshold(ladder.thresholdForMeanRank(components));
        })).toList();
    }

    /** @param cuts ascending; group i of the adapter ends at cut i, a last group at the adapter's rank */
    private static RungSelector cut(ChunkPolicy policy, Adapter adapter, List<Cut> cuts, Optional<TokenBenefit> benefit) {
        return attaching(adapter, policy.bands().stream().map(band -> choices(policy, band, adapter, cuts)).toList(), benefit);
    }

    /** With the adapter, unless no band has any of it: what no pass uses is not to be copied for a device. */
    private static RungSelector attaching(Adapter adapter, List<List<Selection>> choices, Optional<TokenBenefit> benefit) {
        boolean used = choices.stream().flatMap(List::stream).anyMatch(choice -> choice.activeGroups() > 0);
        return used ? new RungSelector(adapter.name(), Optional.of(adapter), choices, benefit)
                : new RungSelector(adapter.name(), Optional.empty(), choices.stream().map(ofBand -> ofBand.stream()
                        .map(Selection::withoutGroups).toList()).toList(), benefit);
    }

    private static List<Selection> choices(ChunkPolicy policy, Band band, Adapter adapter, List<Cut> cuts) {
        List<Selection> choices = new ArrayList<>();
        for (int groups = band.scale() == 0 ? 0 : groups(band, adapter, cuts); groups > 0; groups--) {
            float[] gains = new float[adapter.groups()];
            Arrays.fill(gains, 0, groups, band.scale());
            choices.add(new Selection(label(policy.rungs(), adapter, cuts, groups), meanComponents(adapter, groups), band.scale(), gains));
        }
        choices.add(off(adapter.groups(), band));
        return List.copyOf(choices);
    }

    private static double meanComponents(Adapter adapter, int groups) {
        return adapter.sites().values().stream().mapToInt((LowRankPair pair) -> pair.activeRank(groups)).average().orElse(0);
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

    private static String label(RungKind kind, Adapter adapter, List<Cut> cuts, int groups) {
        if (groups > cuts.size()) {
            return kind == RungKind.FIXED ? Integer.toString(adapter.maxRank()) : "all";
        }
        return switch (cuts.get(groups - 1).rung()) {
            case Rung.Uniform(int rank) -> Integer.toString(rank);
            case Rung.Threshold(float sigma) -> String.format(Locale.ROOT, "σ ≥ %.3g", sigma);
        };
    }

    private static Selection off(int groups, Band band) {
        return new Selection("off", 0, band.scale(), new float[groups]);
    }
}
