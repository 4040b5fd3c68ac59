package io.chunkwise.evaluate.ablation;

import io.chunkwise.policy.Band;
import io.chunkwise.policy.ChunkPolicy;
import io.chunkwise.policy.KvPolicy;
import io.chunkwise.policy.RungKind;
import io.chunkwise.policy.SignalKind;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * The variants of the experiments.
 *
 * @param policy     that is varied; it has several bands
 * @param maxRank    of the adapter
 * @param benefits   whether its ladder has token benefits
 * @param components mean active components at which uniform and adaptive ranks are compared
 * @param kvPolicies the first is what the others are compared with
 */
public record AblationPlan(ChunkPolicy policy, int maxRank, boolean benefits, List<Integer> components, List<KvPolicy> kvPolicies) {
    private static final int[] FADES = {0, 1, 4, 8, 16};
    private static final KvPolicy FULL = new KvPolicy.Full();

    /** @throws IllegalArgumentException if the policy has no bands to decide between, or the adapter no rungs */
    public AblationPlan {
        components = List.copyOf(components);
        kvPolicies = List.copyOf(kvPolicies);
        if (!policy.estimates()) {
            throw new IllegalArgumentException("policy '" + policy.name() + "' treats all tokens alike; an ablation takes one of several "
                    + "bands, such as adaptive");
        }
        if (maxRank < 2) {
            throw new IllegalArgumentException("an adapter of rank " + maxRank + " has no rungs to compare");
        }
    }

    /** In the order of a report; names are unique in an experiment. */
    public List<AblationVariant> variants(Set<Experiment> experiments) {
        List<AblationVariant> variants = new ArrayList<>();
        for (Experiment experiment : EnumSet.copyOf(experiments)) {
            switch (experiment) {
                case SIGNALS -> signals(variants);
                case FADE -> fades(variants);
                case RANK -> ranks(variants);
                case KV -> caches(variants);
            }
        }
        return variants;
    }

    private void signals(List<AblationVariant> variants) {
        Set<SignalKind> all = policy.estimation().signals();
        String reference = all.size() == SignalKind.values().length - 1 ? "all four" : "all signals";
        if (!all.isEmpty()) {
            variants.add(signals(reference, Optional.empty(), all));
        }
        if (all.size() > 1) {
            all.forEach(kind -> variants.add(signals(kind.word() + " alone", Optional.of(reference), EnumSet.of(kind))));
        }
        if (all.size() > 2) { // of two, one left out is the other alone
            for (SignalKind kind : all) {
                Set<SignalKind> others = EnumSet.copyOf(all);
                others.remove(kind);
                variants.add(signals("without " + kind.word(), Optional.of(reference), others));
            }
        }
        if (benefits) {
            variants.add(signals("token benefits", all.isEmpty() ? Optional.empty() : Optional.of(reference),
                    EnumSet.of(SignalKind.BENEFIT)));
        }
    }

    private AblationVariant signals(String name, Optional<String> reference, Set<SignalKind> kept) {
        return new AblationVariant(Experiment.SIGNALS, name, reference, policy.name() + ", signals "
                + kept.stream().map(SignalKind::word).collect(Collectors.joining(" ")), policy.withSignals(kept), FULL);
    }

    private void fades(List<AblationVariant> variants) {
        for (int fade : FADES) {
            variants.add(new AblationVariant(Experiment.FADE, "fade " + fade, fade == 0 ? Optional.empty() : Optional.of("fade 0"),
                    policy.name() + ", fade " + fade, policy.withFade(fade), FULL));
        }
    }

    /**
     * Uniform ranks around each number of components, so that what an adaptive policy came to spend lies between two of them, and the
     * policy with its bands moved there; with rungs of both kinds.
     */
    private void ranks(List<AblationVariant> variants) {
        variants.add(uniform(ChunkPolicy.uniform(0), RungKind.FIXED, "uniform:0"));
        List<Integer> means = components.stream().filter(mean -> mean < maxRank).sorted().distinct().toList();
        TreeSet<Integer> ranks = new TreeSet<>();
        means.forEach(mean -> ranks.addAll(List.of(Math.max(1, mean / 2), mean, mean + 1)));
        ranks.removeIf(rank -> rank >= maxRank);
        for (RungKind kind : RungKind.values()) {
            ranks.forEach(rank -> variants.add(uniform(ChunkPolicy.uniform(rank).withRungs(kind), kind, uniformName(rank, kind))));
            for (int mean : means) {
                ChunkPolicy moved = movedTo(mean, kind);
                String bands = moved.bands().stream().map(band -> number(band.components())).collect(Collectors.joining("/"));
                String name = "adaptive " + bands + ", " + kind.word();
                variants.add(new AblationVariant(Experiment.RANK, name, Optional.of(uniformName(mean, kind)),
                        policy.name() + ", bands " + bands + ", " + kind.word() + " rungs", moved, FULL));
            }
        }
        variants.add(uniform(ChunkPolicy.uniformMax(), RungKind.FIXED, "uniform:max"));
    }

    private static AblationVariant uniform(ChunkPolicy policy, RungKind kind, String name) {
        return new AblationVariant(Experiment.RANK, name, Optional.empty(),
                policy.name() + (kind == RungKind.THRESHOLD ? ", threshold rungs" : ""), policy, FULL);
    }

    private static String uniformName(int rank, RungKind kind) {
        return "uniform:" + rank + ", " + kind.word();
    }

    /** The policy with the components of all bands moved by the same number, so that they are about this many on average. */
    private ChunkPolicy movedTo(int mean, RungKind kind) {
        double before = 0;
        double now = 0;
        for (Band band : policy.bands()) {
            now += (band.upperPercentile() - before) / 100 * finite(band);
            before = band.upperPercentile();
        }
        double by = mean - Math.rint(now);
        List<Double> moved = policy.bands().stream().map(band -> Math.clamp(finite(band) + by, 0, maxRank))
                .map(wanted -> kind == RungKind.FIXED ? Math.rint(wanted) : wanted).toList();
        return policy.withComponents(moved).withRungs(kind);
    }

    private double finite(Band band) {
        return band.components() == Band.ALL_COMPONENTS ? maxRank : band.components();
    }

    private void caches(List<AblationVariant> variants) {
        String reference = kvPolicies.getFirst().word();
        for (KvPolicy kv : kvPolicies) {
            variants.add(new AblationVariant(Experiment.KV, kv.word(),
                    kv.word().equals(reference) ? Optional.empty() : Optional.of(reference), policy.name(), policy, kv));
        }
    }

    private static String number(double value) {
        return value == Math.rint(value) ? Long.toString(Math.round(value)) : String.format(Locale.ROOT, "%.4g", value);
    }
}
