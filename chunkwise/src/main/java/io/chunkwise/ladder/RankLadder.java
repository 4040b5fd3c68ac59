package io.chunkwise.ladder;

import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.adapter.AdapterSite;
import io.chunkwise.model.adapter.LowRankPair;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * A trained adapter whose components are ordered by singular value at every site, so that each truncation of it is the
 * best one of its rank (Eckart–Young). Prefixes nest: rungs differ in how many leading components are on, and slicing
 * copies nothing.
 */
public final class RankLadder {
    private static final Comparator<AdapterSite> FORWARD_ORDER =
            Comparator.comparingInt(AdapterSite::layer).thenComparing(AdapterSite::role);

    private final String name;
    private final SequencedMap<AdapterSite, LadderSite> sites;
    private final Optional<TokenBenefit> benefit;

    /**
     * Without token benefits.
     *
     * @throws IllegalArgumentException if there is no site
     */
    public RankLadder(String name, Map<AdapterSite, LadderSite> sites) {
        this(name, sites, Optional.empty());
    }

    private RankLadder(String name, Map<AdapterSite, LadderSite> sites, Optional<TokenBenefit> benefit) {
        if (sites.isEmpty()) {
            throw new IllegalArgumentException("a ladder needs at least one site");
        }
        this.name = name;
        this.benefit = benefit;
        TreeMap<AdapterSite, LadderSite> ordered = new TreeMap<>(FORWARD_ORDER);
        ordered.putAll(sites);
        this.sites = Collections.unmodifiableSequencedMap(ordered);
    }

    /** Name of the adapter that it was built from. */
    public String name() {
        return name;
    }

    /** What more components gain by token; empty unless the ladder has been calibrated. */
    public Optional<TokenBenefit> benefit() {
        return benefit;
    }

    /** The same calibrated, or calibrated anew. */
    public RankLadder withBenefit(TokenBenefit calibrated) {
        return new RankLadder(name, sites, Optional.of(calibrated));
    }

    /** The same by another name. */
    public RankLadder named(String other) {
        return new RankLadder(other, sites, benefit);
    }

    /** Unmodifiable, in the order of the forward pass. */
    public SequencedMap<AdapterSite, LadderSite> sites() {
        return sites;
    }

    /** The largest rank of any site. */
    public int maxRank() {
        return sites.values().stream().mapToInt(site -> site.pair().rank()).max().orElseThrow();
    }

    /**
     * The adapter with one component group per step from rung to rung: group 0 is the first rung, group i what rung i adds
     * to the one before. A last group holds what is above the last rung, where anything is. Factors are shared with this
     * ladder, not copied. Which rung a row uses is a matter of its gains: see {@link #gainsAt}.
     *
     * @param rungs ascending; empty for the whole adapter in one group
     * @throws IllegalArgumentException if a rung has fewer components at some site than the rung before
     */
    public Adapter at(List<Rung> rungs) {
        boolean restNeeded = rungs.isEmpty()
                || sites.values().stream().anyMatch(site -> site.components(rungs.getLast()) < site.pair().rank());
        int groups = rungs.size() + (restNeeded ? 1 : 0);
        Map<AdapterSite, LowRankPair> pairs = new HashMap<>();
        sites.forEach((at, site) -> pairs.put(at, grouped(at, site, rungs, groups)));
        return new Adapter(name, groups, pairs);
    }

    private static LowRankPair grouped(AdapterSite at, LadderSite site, List<Rung> rungs, int groups) {
        LowRankPair pair = site.pair();
        int[] groupEnd = new int[groups];
        Arrays.fill(groupEnd, pair.rank());
        for (int rung = 0; rung < rungs.size(); rung++) {
            groupEnd[rung] = site.components(rungs.get(rung));
            if (rung > 0 && groupEnd[rung] < groupEnd[rung - 1]) {
                throw new IllegalArgumentException(rungs.get(rung) + " has " + groupEnd[rung] + " components at layer " + at.layer() + " "
                        + at.role() + ", fewer than " + rungs.get(rung - 1) + " before it with " + groupEnd[rung - 1]);
            }
        }
        return new LowRankPair(pair.rank(), pair.inputs(), pair.outputs(), pair.down(), pair.up(), groupEnd);
    }

    /**
     * The gains of a row that uses one rung fully: 1 up to the rung's group, 0 above.
     *
     * @param sliced what {@link #at} returned
     * @param rung   index into the rungs given there; −1 switches the adapter off
     * @return [groups], fresh
     */
    public static float[] gainsAt(Adapter sliced, int rung) {
        if (rung < -1 || rung >= sliced.groups()) {
            throw new IllegalArgumentException("rung " + rung + " of an adapter with " + sliced.groups() + " component groups");
        }
        float[] gains = new float[sliced.groups()];
        Arrays.fill(gains, 0, rung + 1, 1);
        return gains;
    }

    /**
     * The threshold with which sites have {@code meanRank} components on average, to the nearest whole number of
     * components over all sites (equal singular values at the threshold come in together).
     *
     * @param meanRank 0 or more; the whole adapter where it is at least the mean of the sites' ranks
     */
    public float thresholdForMeanRank(double meanRank) {
        if (!(meanRank >= 0)) {
            throw new IllegalArgumentException("a mean rank of " + meanRank + ", expected 0 or more");
        }
        double[] ascending = sites.values().stream()
                .flatMapToDouble(site -> IntStream.range(0, site.sigmas().length).mapToDouble(k -> site.sigmas()[k])).sorted().toArray();
        long components = Math.round(meanRank * sites.size());
        if (components >= ascending.length) {
            return 0;
        }
        return components == 0 ? Float.POSITIVE_INFINITY : (float) ascending[ascending.length - (int) components];
    }
}
