package io.chunkwise.policy;

import io.chunkwise.ladder.TokenBenefit;
import io.chunkwise.model.kv.KvFormat;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Everything that is decided about adapter capacity: how complexity is estimated, which bands of complexity there are, what each gets,
 * and how one chunk's gains become the next one's (arXiv:2601.21109; every number that the paper leaves open).
 *
 * @param name       "uniform:8", "adaptive", or the file's name
 * @param estimation signals and percentiles; without signals where there is one band
 * @param rungs      what the bands' components mean
 * @param bands      from easy to hard, at least one; percentiles ascend to 100
 * @param fadeTokens rows over which gains move from one chunk's to the next one's; 0 is a hard switch
 * @param budget     mean active components per site over the sequence at most; infinite for no budget
 * @param kv         bounds for the KV policies that keep pages in fewer bytes
 */
public record ChunkPolicy(String name, Estimation estimation, RungKind rungs, List<Band> bands, int fadeTokens, double budget,
        KvBounds kv) {
    /** Rows of the longest cross-fade. */
    public static final int LONGEST_FADE = 64;
    /** Length of all chunks of a uniform policy: KV policies need boundaries, and this is a pass of the usual row capacity. */
    private static final int UNIFORM_CHUNK = 128;
    static final int MOST_BANDS = 16;

    public ChunkPolicy {
        bands = List.copyOf(bands);
        Check.that(!bands.isEmpty() && bands.size() <= MOST_BANDS, bands.size() + " bands, expected 1 to " + MOST_BANDS);
        double before = 0;
        for (Band band : bands) {
            Check.that(band.upperPercentile() > before,
                    "band '" + band.name() + "': upper percentile " + band.upperPercentile() + " is not above that of the band before, "
                    + before);
            before = band.upperPercentile();
            Check.that(rungs == RungKind.THRESHOLD || band.components() == Math.rint(band.components()),
                    "band '" + band.name() + "': " + band.components() + " components; fixed rungs need a whole number");
        }
        Check.that(before == 100, "the last band ends at percentile " + before + ", expected 100");
        Check.that(bands.stream().map(Band::name).distinct().count() == bands.size(), "two bands have the same name");
        Check.that(bands.size() == 1 || estimation.estimates(), bands.size() + " bands need at least one signal with a weight");
        Check.that(fadeTokens >= 0 && fadeTokens <= LONGEST_FADE, "a cross-fade of " + fadeTokens + " tokens is not in [0, " + LONGEST_FADE
                + "]");
        Check.that(budget >= 0, "a budget of " + budget + " components, expected 0 or more");
    }

    /** One rung for all tokens. @param components of every site that has so many, 0 or more */
    public static ChunkPolicy uniform(int components) {
        return uniform("uniform:" + components, components);
    }

    /** The whole adapter for all tokens: plain LoRA. */
    public static ChunkPolicy uniformMax() {
        return uniform("uniform:max", Band.ALL_COMPONENTS);
    }

    private static ChunkPolicy uniform(String name, double components) {
        Band all = new Band("all", 100, UNIFORM_CHUNK, UNIFORM_CHUNK, components, 1, List.of(KvFormat.FULL, KvFormat.Q8, KvFormat.Q4));
        return new ChunkPolicy(name, Estimation.NONE, RungKind.FIXED, List.of(all), 0, Double.POSITIVE_INFINITY, KvBounds.DEFAULT);
    }

    /** The policy of {@link PolicyFile#adaptiveText()}. */
    public static ChunkPolicy adaptive() {
        return PolicyFile.parse("adaptive", PolicyFile.adaptiveText());
    }

    /**
     * The policy that a name on the command line means: uniform:R, uniform:max or adaptive; empty for anything else, which is a file's.
     *
     * @throws IllegalArgumentException for uniform: with something that is no number of components
     */
    public static Optional<ChunkPolicy> builtIn(String name) {
        if (name.equals("adaptive")) {
            return Optional.of(adaptive());
        }
        if (name.equals("uniform:max")) {
            return Optional.of(uniformMax());
        }
        if (name.matches("uniform:[0-9]{1,6}")) {
            return Optional.of(uniform(Integer.parseInt(name.substring("uniform:".length()))));
        }
        Check.that(!name.startsWith("uniform:"), "there is no policy '" + name
                + "'; use uniform:R with a rank, uniform:max, adaptive or a file");
        return Optional.empty();
    }

    /** Whether chunks depend on the text. */
    public boolean estimates() {
        return bands.size() > 1;
    }

    /** An adapter's token benefits, if they are the score; empty if the weighted signals are. */
    public Optional<TokenBenefit> scoring(Optional<TokenBenefit> benefit) {
        return estimates() && estimation.benefit() != BenefitUse.IGNORE ? benefit : Optional.empty();
    }

    /** Whether the weighted signals take {@link io.chunkwise.model.forward.RowStatistics}, which passes then have to return. */
    public boolean needsModelStatistics() {
        return estimates() && estimation.needsModelStatistics();
    }

    /** Whether an adapter of this rank has to be cut into rungs; if not, it is used as it was trained, all of it or nothing. */
    public boolean needsLadder(int maxRank) {
        return bands.stream().anyMatch(band -> band.components() > 0 && band.components() < maxRank);
    }

    /** Tokens of the longest chunk. */
    public int longestChunk() {
        return bands.stream().mapToInt(Band::maxTokens).max().orElseThrow();
    }

    /**
     * The same with the other signals switched off. {@link SignalKind#BENEFIT} requires token benefits, and goes with no other: the
     * weighted signals keep their weights then, for whoever looks at them. Without it token benefits are ignored.
     *
     * @throws IllegalArgumentException if the policy has no weight for one of them, or none is left for several bands
     */
    public ChunkPolicy withSignals(Set<SignalKind> kept) {
        if (kept.contains(SignalKind.BENEFIT)) {
            Check.that(kept.size() == 1, "the signal benefit is the score alone; leave the others out");
            return withEstimation(estimation.withBenefit(BenefitUse.REQUIRE));
        }
        Map<SignalKind, Double> weights = new EnumMap<>(SignalKind.class);
        for (SignalKind kind : kept) {
            Double weight = estimation.weights().get(kind);
            Check.that(weight != null, "policy '" + name + "' has no weight for the signal " + kind.word() + "; it has "
                    + estimation.signals().stream().map(SignalKind::word).collect(Collectors.joining(", ")));
            weights.put(kind, weight);
        }
        return withEstimation(estimation.withWeights(weights).withBenefit(BenefitUse.IGNORE));
    }

    private ChunkPolicy withEstimation(Estimation other) {
        return new ChunkPolicy(name, other, rungs, bands, fadeTokens, budget, kv);
    }

    /** The same with other components per band. @param components [bands] */
    public ChunkPolicy withComponents(List<Double> components) {
        Check.that(components.size() == bands.size(), components.size() + " numbers of components for " + bands.size() + " bands");
        List<Band> changed = IntStream.range(0, bands.size()).mapToObj(at -> bands.get(at).withComponents(components.get(at))).toList();
        return new ChunkPolicy(name, estimation, rungs, changed, fadeTokens, budget, kv);
    }

    /** The same with other bounds for the KV cache. */
    public ChunkPolicy withKv(KvBounds other) {
        return new ChunkPolicy(name, estimation, rungs, bands, fadeTokens, budget, other);
    }

    /** The same with another cross-fade. */
    public ChunkPolicy withFade(int otherFadeTokens) {
        return new ChunkPolicy(name, estimation, rungs, bands, otherFadeTokens, budget, kv);
    }

    /** The same with another budget. */
    public ChunkPolicy withBudget(double otherBudget) {
        return new ChunkPolicy(name, estimation, rungs, bands, fadeTokens, otherBudget, kv);
    }

    /** The same with rungs of another kind. */
    public ChunkPolicy withRungs(RungKind other) {
        return new ChunkPolicy(name, estimation, other, bands, fadeTokens, budget, kv);
    }
}
