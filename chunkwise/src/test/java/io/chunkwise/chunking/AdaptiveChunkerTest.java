package io.chunkwise.chunking;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.fixtures.RandomPolicies;
import io.chunkwise.policy.Band;
import io.chunkwise.policy.BenefitUse;
import io.chunkwise.policy.ChunkPolicy;
import io.chunkwise.policy.Estimation;
import io.chunkwise.policy.KvBounds;
import io.chunkwise.policy.RungKind;
import io.chunkwise.policy.SignalKind;
import io.chunkwise.model.kv.KvFormat;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AdaptiveChunkerTest {

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
    void chunksCoverTheSequenceOnceWithLengthsInBounds(long seed) {
        ChunkPolicy policy = RandomPolicies.policy(seed, 8, RungKind.FIXED);
        Random random = new Random(seed);
        Set<Integer> forced = new HashSet<>();
        List<Chunk> chunks = new ArrayList<>();
        AdaptiveChunker chunker = new AdaptiveChunker(policy);
        int length = 3000;
        double score = 0.5;
        for (int t = 0; t < length; t++) {
            if (random.nextInt(200) == 0) {
                chunker.end().ifPresent(chunks::add);
                forced.add(t);
            }
            score = Math.clamp(score + 0.1 * random.nextGaussian(), 0, 1);
            chunker.accept(score).ifPresent(chunks::add);
            int start = chunks.isEmpty() ? 0 : chunks.getLast().span().end();
            assertEquals(t == start, chunker.atStart(), "seed " + seed + ", token " + t);
        }
        chunker.end().ifPresent(chunks::add);
        int position = 0;
        for (Chunk chunk : chunks) {
            assertEquals(position, chunk.span().start(), "seed " + seed + ": start of " + chunk);
            Band band = policy.bands().get(chunk.band());
            assertTrue(chunk.span().length() <= band.maxTokens(), "seed " + seed + ": " + chunk + " is longer than " + band);
            assertTrue(chunk.span().length() >= band.minTokens() || forced.contains(chunk.span().end()) || chunk.span().end() == length,
                    "seed " + seed + ": " + chunk + " is shorter than " + band);
            position = chunk.span().end();
        }
        assertEquals(length, position, "seed " + seed + ": end of the last chunk");
        assertTrue(chunks.stream().map(Chunk::band).distinct().count() == policy.bands().size(), "seed " + seed + ": every band occurs");
    }

    @Test
    void oneBandGivesChunksOfItsGreatestLength() {
        AdaptiveChunker chunker = new AdaptiveChunker(ChunkPolicy.uniform(4));
        List<Chunk> chunks = new ArrayList<>();
        for (int t = 0; t < 300; t++) {
            chunker.accept(Double.NaN).ifPresent(chunks::add);
        }
        chunker.end().ifPresent(chunks::add);
        assertEquals(List.of(new Chunk(new Span(0, 128), 0), new Chunk(new Span(128, 256), 0), new Chunk(new Span(256, 300), 0)), chunks);
        assertTrue(chunker.end().isEmpty(), "an empty chunk is none");
    }

    @Test
    void aChunkHasTheBandOfItsFirstTokenAndEndsWhereAnotherBandBeginsButNotBeforeItsLeastLength() {
        AdaptiveChunker chunker = new AdaptiveChunker(twoBands(0));
        List<Chunk> chunks = feed(chunker, 0.1, 0.9, 0.9, 0.9, 0.9, 0.9, 0.1, 0.9, 0.9, 0.9, 0.1, 0.1);
        assertEquals(List.of(new Chunk(new Span(0, 4), 0), new Chunk(new Span(4, 10), 1), new Chunk(new Span(10, 12), 0)), chunks);
    }

    @Test
    void hysteresisKeepsATokenJustBeyondTheBoundInTheBand() {
        assertEquals(1, feed(new AdaptiveChunker(twoBands(10)), 0.4, 0.4, 0.4, 0.4, 0.55, 0.59).size());
        assertEquals(2, feed(new AdaptiveChunker(twoBands(10)), 0.4, 0.4, 0.4, 0.4, 0.55, 0.75).size());
        assertEquals(2, feed(new AdaptiveChunker(twoBands(0)), 0.4, 0.4, 0.4, 0.4, 0.55, 0.59).size());
    }

    @Test
    void theFirstTokenHasNoBandToStayIn() {
        AdaptiveChunker chunker = new AdaptiveChunker(twoBands(49));
        chunker.accept(0.6);
        assertEquals(1, chunker.band());
    }

    /** Easy up to percentile 50, hard above; scores are their own percentiles, for the warm-up is endless. */
    @Test
    void scoresOfAnotherKindAreComparedWithTheirOwnPastAndStayInNoBand() {
        Estimation estimation = new Estimation(Map.of(SignalKind.NGRAM, 1.0), 32, 0.5, 4096, 0.8, 64, 0, 100, 0,
                List.of(0.0, 1.0), 20, BenefitUse.IGNORE);
        ChunkPolicy two = twoBands(5);
        AdaptiveChunker chunker = new AdaptiveChunker(
                new ChunkPolicy("two", estimation, two.rungs(), two.bands(), 0, two.budget(), two.kv()));
        for (int t = 0; t < 30; t++) {
            chunker.accept(0.9 - 0.01 * t); // descending: each is the lowest so far
        }
        assertEquals(0, chunker.band());
        chunker.end();
        chunker.compareWith(new float[] {0.1f, 0.2f, 0.3f, 0.4f, 0.45f, 0.55f, 0.6f, 0.7f, 0.8f, 0.9f});
        chunker.accept(0.58); // percentile 60: beyond the bound, but not by the hysteresis
        assertEquals(1, chunker.band());
    }

    private static ChunkPolicy twoBands(double hysteresis) {
        Estimation estimation = new Estimation(Map.of(SignalKind.NGRAM, 1.0), 32, 0.5, 4096, 0.8, 64, 0, 1, 1 << 20,
                List.of(0.0, 1.0), hysteresis, BenefitUse.IGNORE);
        return new ChunkPolicy("two", estimation, RungKind.FIXED, List.of(new Band("easy", 50, 4, 20, 1, 1, List.of(KvFormat.FULL)),
                new Band("hard", 100, 3, 8, 2, 1, List.of(KvFormat.FULL))), 0, Double.POSITIVE_INFINITY, KvBounds.DEFAULT);
    }

    private static List<Chunk> feed(AdaptiveChunker chunker, double... scores) {
        List<Chunk> chunks = new ArrayList<>();
        for (double score : scores) {
            chunker.accept(score).ifPresent(chunks::add);
        }
        chunker.end().ifPresent(chunks::add);
        return chunks;
    }
}
