package io.chunkwise.calibrate.budget;

import io.chunkwise.model.kv.KvFormat;
import io.chunkwise.policy.Band;
import io.chunkwise.policy.BenefitUse;
import io.chunkwise.policy.ChunkPolicy;
import io.chunkwise.policy.KvBounds;
import io.chunkwise.policy.KvPolicy;
import io.chunkwise.policy.RungKind;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** The policies that are tried. */
final class Candidates {
    private static final List<KvFormat> QUANTIZED = List.of(KvFormat.FULL, KvFormat.Q8, KvFormat.Q4);
    private static final double[][] PERCENTILES = {{33.3, 66.7, 100}, {50, 100}};
    private static final double[] SPREADS = {0.125, 0.25}; // of the mean, from it to the outermost band
    private static final double[] ERROR_BOUNDS = {0.05, 0.01};

    private Candidates() {
    }

    /** One rung for all tokens; 0 is the base, {@code maxRank} the adapter as it was trained. */
    static Candidate uniform(double components, RungKind kind, int maxRank) {
        if (components >= maxRank) {
            return Candidate.full("uniform:max", ChunkPolicy.uniformMax());
        }
        if (components == 0) {
            return Candidate.full("uniform:0", ChunkPolicy.uniform(0));
        }
        ChunkPolicy policy = ChunkPolicy.uniform(1).withRungs(kind).withComponents(List.of(components));
        return Candidate.full("uniform:" + number(components) + ", " + kind.word(), policy);
    }

    /**
     * Bands by token benefit around a mean; percentiles and distances differ.
     *
     * @param budget of mean components, infinite for none
     */
    static List<Candidate> adaptive(double mean, RungKind kind, int maxRank, double budget) {
        List<Candidate> candidates = new ArrayList<>();
        for (double[] percentiles : PERCENTILES) {
            for (double spread : SPREADS) {
                candidates.add(adaptive(mean, spread, percentiles, kind, maxRank, budget));
            }
        }
        return candidates.stream().distinct().toList();
    }

    private static Candidate adaptive(double mean, double spread, double[] percentiles, RungKind kind, int maxRank, double budget) {
        ChunkPolicy builtIn = ChunkPolicy.adaptive();
        double step = kind == RungKind.FIXED ? Math.max(1, Math.rint(spread * mean)) : Math.max(0.5, Math.rint(2 * spread * mean) / 2);
        List<Band> bands = new ArrayList<>();
        for (int at = 0; at < percentiles.length; at++) {
            // Of two bands the outer ones of three.
            Band like = builtIn.bands().get(percentiles.length == 2 ? 2 * at : at);
            double components = Math.clamp(mean + step * (2.0 * at / (percentiles.length - 1) - 1), 0, maxRank);
            bands.add(new Band(like.name(), percentiles[at], like.minTokens(), like.maxTokens(), components, 1, QUANTIZED));
        }
        ChunkPolicy policy = new ChunkPolicy("adaptive", builtIn.estimation().withBenefit(BenefitUse.REQUIRE), kind, bands,
                builtIn.fadeTokens(), budget, KvBounds.DEFAULT);
        String rungs = bands.stream().map(band -> number(band.components())).collect(Collectors.joining("/"));
        return Candidate.full("adaptive " + rungs + ", " + kind.word(), policy);
    }

    /** The same with a hard switch from chunk to chunk. */
    static Candidate withoutFade(Candidate candidate) {
        return Candidate.full(candidate.name() + ", fade 0", candidate.policy().withFade(0));
    }

    /** The same with other KV policies than full. */
    static List<Candidate> caches(Candidate candidate) {
        List<Candidate> candidates = new ArrayList<>();
        for (double errorBound : ERROR_BOUNDS) {
            KvBounds bounds = new KvBounds(KvBounds.DEFAULT.recentTokens(), errorBound, KvBounds.DEFAULT.massBound());
            candidates.add(candidate.with("adaptive, error at most " + number(errorBound), new KvPolicy.Adaptive(bounds)));
        }
        candidates.add(candidate.with("q8", new KvPolicy.Q8(KvBounds.DEFAULT.recentTokens())));
        return candidates;
    }

    private static String number(double value) {
        return new BigDecimal(Double.toString(value)).stripTrailingZeros().toPlainString();
    }
}
