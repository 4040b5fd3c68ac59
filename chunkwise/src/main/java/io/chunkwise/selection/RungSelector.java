package io.chunkwise.selection;

import io.chunkwise.ladder.RankLadder;
import io.chunkwise.ladder.Rung;
import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.adapter.LowRankPair;
import io.chunkwise.policy.Band;
import io.chunkwise.policy.ChunkPolicy;
import io.chunkwise.policy.RungKind;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
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
        return cut(policy, adapter, List.of());
    }

    /** An adapter's ladder; all components in one group where the policy {@linkplain ChunkPolicy#needsLadder needs no rungs}. */
    public static RungSelector of(ChunkPolicy policy, RankLadder ladder) {
        List<Cut> cuts = new ArrayList<>();
        TreeSet<Double> counts = new TreeSet<>();
        for (Band band : policy.bands()) {
            if (band.components() > 0 && band.components() < ladder.maxRank()) {
                counts.add(band.components());
            }
        }
        for (double components : counts) {
            cuts.add(switch (policy.rungs()) {
                case FIXED -> new Cut(components, new Rung.Uniform((int) components));
                case THRESHOLD -> new Cut(components, new Rung.Threshold(ladder.thresholdForMeanRank(components)));
            });
        }
        return cut(policy, ladder.at(cuts.stream().map(Cut::rung).toList()), cuts);
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

    /** What a band may get instead, in descending order of components: first what it gets without a budget, last no adapter. */
    List<Selection> choices(int band) {
        return choices.get(band);
    }

    private record Cut(double components, Rung rung) {
    }

    /** @param cuts ascending; group i of the adapter ends at cut i, a last group at the adapter's rank */
    private static RungSelector cut(ChunkPolicy policy, Adapter adapter, List<Cut> cuts) {
        List<List<Selection>> choices = new ArrayList<>();
        for (Band band : policy.bands()) {
            List<Selection> ofBand = new ArrayList<>();
            for (int groups = band.scale() == 0 ? 0 : groups(band, adapter, cuts); groups > 0; groups--) {
                ofBand.add(selection(policy.rungs(), band, adapter, cuts, groups));
            }
            ofBand.add(off(adapter.groups(), band));
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

    private static Selection selection(RungKind kind, Band band, Adapter adapter, List<Cut> cuts, int groups) {
        float[] gains = new float[adapter.groups()];
        Arrays.fill(gains, 0, groups, band.scale());
        double components = adapter.sites().values().stream().mapToInt((LowRankPair pair) -> pair.activeRank(groups)).average().orElse(0);
        return new Selection(label(kind, adapter, cuts, groups), components, band.scale(), gains);
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
