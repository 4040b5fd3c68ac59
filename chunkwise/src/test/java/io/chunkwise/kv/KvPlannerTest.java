package io.chunkwise.kv;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.fixtures.FakeKvPages;
import io.chunkwise.model.kv.KvFormat;
import io.chunkwise.model.kv.KvMeasurement;
import io.chunkwise.model.kv.KvPage;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.SyntheticLlama;
import io.chunkwise.policy.Band;
import io.chunkwise.policy.KvBounds;
import io.chunkwise.policy.KvPolicy;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class KvPlannerTest {
    private static final int LAYERS = 3;
    private static final int CONTEXT = 700;
    private static final LlamaConfig CONFIG = SyntheticLlama.config(16, LAYERS, 2, 1, 24, 40, CONTEXT);
    private static final Band FREE = band(KvFormat.FULL, KvFormat.Q8, KvFormat.Q4, KvFormat.EVICTED);

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void adaptivePagesKeepToBandsAndBoundsAndNeverClimbBack(long seed) {
        Random random = new Random(seed);
        KvBounds bounds = new KvBounds(random.nextInt(200), 0.05, 0.01);
        FakeKvPages cache = new FakeKvPages(CONFIG, CONTEXT, page -> measurement(seed, page));
        KvPlanner planner = new KvPlanner(new KvPolicy.Adaptive(bounds), LAYERS, CONTEXT);
        Band[] bandAt = new Band[CONTEXT];
        KvFormat[] before = new KvFormat[LAYERS * KvPage.count(CONTEXT)];
        int filled = 0;
        while (filled < CONTEXT) {
            Band band = randomBand(random);
            int end = Math.min(CONTEXT, filled + 1 + random.nextInt(70));
            for (; filled < end; filled++) {
                bandAt[filled] = band;
                planner.cover(filled, band);
                cache.write(filled, 1);
            }
            planner.plan(cache);
            for (int page = 0; page < KvPage.count(filled); page++) {
                Set<KvFormat> allowed = EnumSet.allOf(KvFormat.class);
                for (int position = page * KvPage.TOKENS; position < Math.min(filled, (page + 1) * KvPage.TOKENS); position++) {
                    allowed.retainAll(bandAt[position].kvFormats());
                }
                boolean isFresh = page == 0 || (page + 1) * KvPage.TOKENS > filled - bounds.recentTokens();
                for (int layer = 0; layer < LAYERS; layer++) {
                    KvPage at = new KvPage(layer, page);
                    KvFormat format = cache.format(at);
                    KvFormat expected = isFresh ? KvFormat.FULL : cheapest(measurement(seed, at), allowed, bounds);
                    assertEquals(expected, format, "seed " + seed + ", filled " + filled + ", " + at + " may be " + allowed);
                    int index = layer * KvPage.count(CONTEXT) + page;
                    assertTrue(before[index] == null || before[index].ordinal() <= format.ordinal(), "seed " + seed + ": " + at
                            + " climbed back");
                    before[index] = format;
                    if (format != KvFormat.FULL) {
                        assertEquals(measurement(seed, at).error(format), planner.error(at), "seed " + seed + ": error of " + at);
                    }
                }
            }
        }
        assertEquals(cache.changes().size(), cache.changes().stream().map(FakeKvPages.Change::page).distinct().count(),
                "each page is stored once");
    }

    private static KvFormat cheapest(KvMeasurement measured, Set<KvFormat> allowed, KvBounds bounds) {
        if (allowed.contains(KvFormat.EVICTED) && measured.evictedError() <= bounds.errorBound()
                && measured.attentionMass() < bounds.massBound()) {
            return KvFormat.EVICTED;
        }
        if (allowed.contains(KvFormat.Q4) && measured.q4Error() <= bounds.errorBound()) {
            return KvFormat.Q4;
        }
        return allowed.contains(KvFormat.Q8) && measured.q8Error() <= bounds.errorBound() ? KvFormat.Q8 : KvFormat.FULL;
    }

    @Test
    void aPageThatHasToStayFullIsMeasuredAgainOnlyNowAndThen() {
        FakeKvPages cache = new FakeKvPages(CONFIG, CONTEXT, page -> new KvMeasurement(page, 1, 1, 1, 1));
        KvPlanner planner = new KvPlanner(new KvPolicy.Adaptive(new KvBounds(32, 0.05, 0.01)), LAYERS, CONTEXT);
        int boundaries = 0;
        for (int filled = 0; filled < CONTEXT; filled++) {
            planner.cover(filled, FREE);
            cache.write(filled, 1);
            if (filled % 8 == 7) {
                planner.plan(cache);
                boundaries++;
            }
        }
        int pages = LAYERS * (KvPage.count(CONTEXT) - 2);
        assertTrue(cache.measured() >= pages, cache.measured() + " measurements of " + pages + " pages");
        assertTrue(cache.measured() <= 6 * pages, cache.measured() + " measurements of " + pages + " pages at " + boundaries
                + " boundaries");
        assertTrue(cache.changes().isEmpty());
    }

    @Test
    void aFullPageIsTriedAgainWhenItMattersLess() {
        int[] asked = new int[1];
        FakeKvPages cache = new FakeKvPages(CONFIG, CONTEXT, page -> new KvMeasurement(page, 1, asked[0]++ < LAYERS ? 1 : 0, 1, 1));
        KvPlanner planner = new KvPlanner(new KvPolicy.Adaptive(new KvBounds(32, 0.05, 0.01)), LAYERS, CONTEXT);
        for (int filled = 0; filled < 200; filled++) {
            planner.cover(filled, FREE);
            cache.write(filled, 1);
            planner.plan(cache);
        }
        assertEquals(KvFormat.Q8, cache.format(new KvPage(0, 1)));
        assertEquals(96, cache.changes().stream().filter(change -> change.page().page() == 1).findFirst().orElseThrow().filled(),
                "measured first at 64, 32 positions behind its end, and again at twice as many");
    }

    @Test
    void aBandThatKeepsEverythingFullIsNotMeasured() {
        FakeKvPages cache = new FakeKvPages(CONFIG, CONTEXT, page -> {
            throw new AssertionError(page + " is measured");
        });
        KvPlanner planner = new KvPlanner(new KvPolicy.Adaptive(KvBounds.DEFAULT), LAYERS, CONTEXT);
        fill(cache, planner, 0, 500, band(KvFormat.FULL));
        planner.plan(cache);
        assertTrue(cache.changes().isEmpty());
    }

    @Test
    void q8TakesAllOldPagesOnce() {
        FakeKvPages cache = new FakeKvPages(CONFIG, CONTEXT, page -> null);
        KvPlanner planner = new KvPlanner(new KvPolicy.Q8(100), LAYERS, CONTEXT);
        List<Integer> expected = new ArrayList<>();
        for (int filled = 0; filled < 500; filled += 50) {
            fill(cache, planner, filled, filled + 50, band(KvFormat.FULL));
            planner.plan(cache);
            planner.plan(cache);
        }
        for (int page = 1; (page + 1) * KvPage.TOKENS <= 400; page++) {
            expected.addAll(List.of(page, page, page));
        }
        assertEquals(expected, cache.changes().stream().map(change -> change.page().page()).sorted().toList());
        assertTrue(cache.changes().stream().allMatch(change -> change.to() == KvFormat.Q8));
        assertTrue(Float.isNaN(planner.error(new KvPage(0, 1))), "nothing was measured");
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 16, 17, 100, 300})
    void aWindowEvictsWhatItLeavesBehindAndClosesTheGap(int window) {
        FakeKvPages cache = new FakeKvPages(CONFIG, CONTEXT, page -> null);
        KvPlanner planner = new KvPlanner(new KvPolicy.Window(window), LAYERS, CONTEXT);
        int position = 0;
        int dropped = 0;
        for (int token = 0; token < 5000; token++) {
            if (position == CONTEXT) {
                int moved = planner.makeRoom(cache);
                assertTrue(moved > 0 && moved % KvPage.TOKENS == 0, "moved by " + moved);
                position -= moved;
                dropped += moved;
                assertEquals(position, cache.filled(), "token " + token);
                assertTrue(position >= window + KvPage.TOKENS && position < window + 3 * KvPage.TOKENS, "filled " + position
                        + " of a window of " + window);
            }
            planner.cover(position, FREE);
            cache.write(position, 1);
            position++;
            if (token % 37 == 0) {
                planner.plan(cache);
                for (int page = 0; page < KvPage.count(position); page++) {
                    boolean isOld = page > 0 && (page + 1) * KvPage.TOKENS <= position - window;
                    for (int layer = 0; layer < LAYERS; layer++) {
                        assertEquals(isOld ? KvFormat.EVICTED : KvFormat.FULL, cache.format(new KvPage(layer, page)),
                                "token " + token + ", page " + page + " of " + position + " positions");
                    }
                }
            }
        }
        assertTrue(dropped > 3000, "dropped " + dropped);
    }

    @Test
    void fullChangesNothing() {
        FakeKvPages cache = new FakeKvPages(CONFIG, CONTEXT, page -> null);
        KvPlanner planner = new KvPlanner(new KvPolicy.Full(), LAYERS, CONTEXT);
        fill(cache, planner, 0, CONTEXT, FREE);
        planner.plan(cache);
        assertEquals(0, planner.makeRoom(cache));
        assertTrue(cache.changes().isEmpty());
    }

    private static void fill(FakeKvPages cache, KvPlanner planner, int from, int to, Band band) {
        for (int position = from; position < to; position++) {
            planner.cover(position, band);
        }
        cache.write(from, to - from);
    }

    private static KvMeasurement measurement(long seed, KvPage page) {
        Random random = new Random(seed * 1_000_003 + page.layer() * 1009 + page.page());
        float q8 = 0.08f * random.nextFloat();
        return new KvMeasurement(page, 0.02f * random.nextFloat(), q8, q8 + 0.05f * random.nextFloat(), 0.1f * random.nextFloat());
    }

    private static Band randomBand(Random random) {
        List<KvFormat> formats = new ArrayList<>(List.of(KvFormat.FULL));
        for (KvFormat format : List.of(KvFormat.Q8, KvFormat.Q4, KvFormat.EVICTED)) {
            if (random.nextInt(3) > 0) {
                formats.add(format);
            }
        }
        return band(formats.toArray(KvFormat[]::new));
    }

    private static Band band(KvFormat... formats) {
        return new Band("test", 100, 1, 100, 1, 1, List.of(formats));
    }
}
