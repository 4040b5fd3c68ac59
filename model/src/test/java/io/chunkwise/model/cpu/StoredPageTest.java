package io.chunkwise.model.cpu;

import static io.chunkwise.model.cpu.PageShape.TOKENS;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.model.fixtures.KvQuantization;
import io.chunkwise.model.kv.KvFormat;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Scores and weighted values of single pages against plain loops, for heads of any width. */
class StoredPageTest {
    private static final int[] HEAD_DIMS = {2, 4, 8, 12, 20, 24, 32, 64, 80, 100, 128};

    @ParameterizedTest
    @EnumSource(names = "EVICTED", mode = EnumSource.Mode.EXCLUDE)
    void scoresAndValuesAreThoseOfTheElementsReadBack(KvFormat format) {
        for (int headDim : HEAD_DIMS) {
            for (int kvHeads : new int[] {1, 3}) {
                check(format, new Heads(kvHeads, headDim, 100L * headDim + kvHeads));
            }
        }
    }

    private static void check(KvFormat format, Heads heads) {
        PageShape shape = heads.shape();
        StoredPage page = heads.in(format);
        float[] query = gaussians(shape.headDim() + 5, 2);
        for (int head = 0; head < shape.kvHeads(); head++) {
            float[] scores = new float[TOKENS + 3];
            page.score(head, query, 5, scores, 3);
            for (int p = 0; p < TOKENS; p++) {
                double[] key = heads.readBack(heads.key, head, p, format);
                double expected = 0;
                double magnitude = 0;
                for (int i = 0; i < shape.headDim(); i++) {
                    expected += query[5 + i] * key[i];
                    magnitude += Math.abs(query[5 + i] * key[i]);
                }
                double tolerance = (magnitude + 1) * 0x1p-23 * (4 + shape.headDim() / 4.0);
                assertEquals(expected, scores[3 + p], tolerance, format + " " + shape + ": score of head " + head + ", position " + p);
            }
            for (int[] positions : new int[][] {{0, TOKENS}, {0, 1}, {5, 12}, {15, 16}, {7, 7}}) {
                float[] scratch = gaussians(TOKENS + shape.sums(), 3);
                float[] before = scratch.clone();
                page.addValues(head, scratch, 0, positions[0], positions[1], TOKENS);
                for (int i = 0; i < shape.headDim(); i++) {
                    double expected = before[TOKENS + i];
                    double magnitude = Math.abs(expected);
                    for (int p = positions[0]; p < positions[1]; p++) {
                        double product = before[p] * heads.readBack(heads.value, head, p, format)[i];
                        expected += product;
                        magnitude += Math.abs(product);
                    }
                    assertEquals(expected, scratch[TOKENS + i], magnitude * 0x1p-23 * 10, format + " " + shape + ": element " + i
                            + " of head " + head + ", positions " + positions[0] + " to " + positions[1]);
                }
            }
        }
    }

    @Test
    void twoPagesScoredTogetherHaveTheBitsOfOneAfterTheOther() {
        for (int headDim : HEAD_DIMS) {
            Heads first = new Heads(3, headDim, 1);
            Heads second = new Heads(3, headDim, 2);
            float[] query = gaussians(headDim, 3);
            for (int head = 0; head < 3; head++) {
                float[] apart = new float[2 * TOKENS];
                first.full.score(head, query, 0, apart, 0);
                second.full.score(head, query, 0, apart, TOKENS);
                float[] together = new float[2 * TOKENS + 8];
                first.full.scoreBoth(second.full, head, query, 0, together, 3, TOKENS + 5);
                assertArrayEquals(Arrays.copyOf(apart, TOKENS), Arrays.copyOfRange(together, 3, 3 + TOKENS),
                        "head " + head + " of " + headDim);
                assertArrayEquals(Arrays.copyOfRange(apart, TOKENS, 2 * TOKENS), Arrays.copyOfRange(together, 8 + TOKENS, 8 + 2 * TOKENS),
                        "next page, head " + head + " of " + headDim);
            }
        }
    }

    @Test
    void aPageOfF16ReadsBackTheNearestOnes() {
        for (int headDim : HEAD_DIMS) {
            Random random = new Random(headDim);
            float[] key = gaussians(headDim, headDim + 1);
            float[] value = gaussians(headDim, headDim + 2);
            for (int i = 0; i < headDim; i++) {
                // Subnormals, what rounds to zero, halves of a step, and what F16 cannot hold.
                key[i] = (float) Math.scalb(key[i], random.nextInt(-30, 16));
                value[i] = i % 3 == 0 ? (2048 + random.nextInt(2048)) * 0.5f : value[i];
            }
            key[0] = 1e30f;
            value[0] = -65520;
            F16Page page = F16Page.empty(new PageShape(2, headDim));
            page.put(1, 13, key, value, 0);
            float[] keys = new float[headDim * TOKENS];
            float[] values = new float[TOKENS * page.shape().sums()];
            page.readKeys(1, keys, 0);
            page.readValues(1, values, 0);
            FullPage decoded = page.decoded();
            for (int i = 0; i < headDim; i++) {
                assertEquals(nearest(key[i]), keys[i * TOKENS + 13], "key " + key[i]);
                assertEquals(nearest(value[i]), values[13 * page.shape().sums() + i], "value " + value[i]);
                assertEquals(0, keys[i * TOKENS + 12], "another position");
            }
            float[] query = gaussians(headDim, 7);
            float[] scores = new float[TOKENS];
            float[] expected = new float[TOKENS];
            page.score(1, query, 0, scores, 0);
            decoded.score(1, query, 0, expected, 0);
            assertArrayEquals(expected, scores, "scores of heads of " + headDim);
            assertEquals(page.bytes() * 2, decoded.bytes());
        }
    }

    private static float nearest(float x) {
        float near = Float.float16ToFloat(Float.floatToFloat16(x));
        return Float.isInfinite(near) ? Math.copySign(65504, x) : near;
    }

    @Test
    void aPageOfZerosStaysOne() {
        PageShape shape = new PageShape(2, 20);
        for (StoredPage page : new StoredPage[] {Q8Page.of(FullPage.empty(shape)), Q4Page.of(FullPage.empty(shape))}) {
            float[] scores = new float[TOKENS];
            page.score(1, gaussians(20, 4), 0, scores, 0);
            assertArrayEquals(new float[TOKENS], scores, 1e-30f, page.getClass().getSimpleName());
        }
    }

    @Test
    void pagesOfFewerBitsAreSmaller() {
        for (int headDim : new int[] {32, 64, 128}) {
            Heads heads = new Heads(2, headDim, 1);
            long full = heads.full.bytes();
            assertEquals(2 * 2 * TOKENS * headDim * 4L, full);
            assertEquals(2 * 2 * TOKENS * (headDim + 4L), Q8Page.of(heads.full).bytes());
            assertEquals(2 * 2 * TOKENS * (headDim / 2 + 4L), Q4Page.of(heads.full).bytes());
        }
        Heads narrow = new Heads(1, 8, 1);
        long q8 = Q8Page.of(narrow.full).bytes();
        long q4 = Q4Page.of(narrow.full).bytes();
        assertTrue(q4 <= q8 && q8 < narrow.full.bytes(), "heads of 8: " + narrow.full.bytes() + " bytes, Q8 " + q8 + ", Q4 " + q4);
    }

    /** Random keys and values with some outliers. */
    private static final class Heads {
        private final float[] key; // [TOKENS, kvHeads, headDim]
        private final float[] value;
        private final FullPage full;

        Heads(int kvHeads, int headDim, long seed) {
            key = gaussians(TOKENS * kvHeads * headDim, seed);
            value = gaussians(TOKENS * kvHeads * headDim, seed + 1);
            key[headDim / 2] = 30;
            full = FullPage.empty(new PageShape(kvHeads, headDim));
            for (int p = 0; p < TOKENS; p++) {
                for (int head = 0; head < kvHeads; head++) {
                    full.put(head, p, key, value, (p * kvHeads + head) * headDim);
                }
            }
        }

        PageShape shape() {
            return full.shape();
        }

        StoredPage in(KvFormat format) {
            return switch (format) {
                case FULL -> full;
                case Q8 -> Q8Page.of(full);
                case Q4 -> Q4Page.of(full);
                case EVICTED -> throw new IllegalArgumentException("an evicted page is no page");
            };
        }

        double[] readBack(float[] elements, int head, int position, KvFormat format) {
            int at = (position * shape().kvHeads() + head) * shape().headDim();
            double[] exact = new double[shape().headDim()];
            Arrays.setAll(exact, i -> elements[at + i]);
            return format == KvFormat.FULL ? exact : KvQuantization.roundTrip(exact, format);
        }
    }

    private static float[] gaussians(int count, long seed) {
        Random random = new Random(seed);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }
}
