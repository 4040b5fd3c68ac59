package io.chunkwise.ladder;

import io.chunkwise.model.Progress;
import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.adapter.AdapterSite;
import io.chunkwise.model.adapter.LowRankPair;
import java.util.HashMap;
import java.util.Map;

/** Builds the ladder of a trained adapter: one small SVD per site. Starts ND4J. */
public final class LadderBuilder {

    private LadderBuilder() {
    }

    /**
     * @param plain with the scale in its pairs, as every {@link Adapter} has it; component groups don't matter
     * @throws IllegalArgumentException if it has no site, or a value that is not finite
     */
    public static RankLadder build(Adapter plain, Progress progress) {
        Map<AdapterSite, LadderSite> sites = new HashMap<>();
        progress.report("rank ladder", 0, plain.sites().size());
        for (Map.Entry<AdapterSite, LowRankPair> entry : plain.sites().entrySet()) {
            AdapterSite at = entry.getKey();
            sites.put(at, LowRankSvd.decompose("layer " + at.layer() + " " + at.role(), entry.getValue()));
            progress.report("rank ladder", sites.size(), plain.sites().size());
        }
        return new RankLadder(plain.name(), sites);
    }
}
