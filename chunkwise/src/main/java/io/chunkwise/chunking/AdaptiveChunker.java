package io.chunkwise.chunking;

import io.chunkwise.policy.Band;
import io.chunkwise.policy.ChunkPolicy;
import io.chunkwise.policy.Estimation;
import java.util.List;
import java.util.Optional;

/**
 * Cuts a sequence into chunks while it goes by. A chunk has the band of its first token. It ends before a token of another band if it has
 * the band's least length, and in any case at its greatest. To leave the band, a token's percentile has to be beyond the band's bounds by
 * more than the hysteresis, also where the chunk ends because of its length.
 */
public final class AdaptiveChunker {
    private final List<Band> bands;
    private final double hysteresis;
    private final RunningPercentile percentile;
    private int position;
    private int start;
    private int band;
    private boolean isFirst; // of its scores: no band to stay in

    public AdaptiveChunker(ChunkPolicy policy) {
        bands = policy.bands();
        Estimation estimation = policy.estimation();
        hysteresis = estimation.hysteresis();
        percentile = new RunningPercentile(estimation.percentileTokens(), estimation.warmupTokens(), estimation.expectedScores());
        reset();
    }

    /** A new sequence begins. */
    public void reset() {
        position = 0;
        start = 0;
        band = 0;
        forgetScores();
    }

    /**
     * From here on scores are of another kind: those before are forgotten, and these take their place.
     *
     * @param ascending scores in [0, 1] that are typical of those to come; empty if none are known
     */
    public void compareWith(float[] ascending) {
        forgetScores();
        percentile.seed(ascending);
    }

    private void forgetScores() {
        percentile.reset();
        isFirst = true;
    }

    /**
     * Takes the next token.
     *
     * @param score in [0, 1]; any value where the policy has one band
     * @return the chunk that has ended before this token, if one has
     */
    public Optional<Chunk> accept(double score) {
        int wanted = wanted(score);
        int length = position - start;
        Band open = bands.get(band);
        Optional<Chunk> ended = length >= open.maxTokens() || length >= open.minTokens() && wanted != band ? end() : Optional.empty();
        if (position == start) {
            band = wanted;
        }
        position++;
        return ended;
    }

    /** Ends the open chunk, so that the next token begins one; nothing if there is none. */
    public Optional<Chunk> end() {
        if (position == start) {
            return Optional.empty();
        }
        Chunk ended = new Chunk(new Span(start, position), band);
        start = position;
        return Optional.of(ended);
    }

    /** Band of the open chunk; 0 is the easiest. */
    public int band() {
        return band;
    }

    /** Whether the last token taken began a chunk. */
    public boolean atStart() {
        return position == start + 1;
    }

    private int wanted(double score) {
        if (bands.size() == 1) {
            return 0;
        }
        double at = percentile.add(score);
        double lower = band == 0 ? 0 : bands.get(band - 1).upperPercentile();
        boolean stays = !isFirst && at >= lower - hysteresis && at <= bands.get(band).upperPercentile() + hysteresis;
        isFirst = false;
        return stays ? band : bandAt(at);
    }

    private int bandAt(double at) {
        int found = 0;
        while (found < bands.size() - 1 && at > bands.get(found).upperPercentile()) {
            found++;
        }
        return found;
    }
}
