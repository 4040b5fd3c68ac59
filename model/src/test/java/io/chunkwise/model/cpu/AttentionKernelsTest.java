package io.chunkwise.model.cpu;

import static io.chunkwise.model.cpu.PageShape.TOKENS;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.chunkwise.model.kv.KvPage;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Blocks of queries over pages of all formats against the definition. */
class AttentionKernelsTest {

    @ParameterizedTest
    @CsvSource({
        "1, 1, 64, 5, 0", "1, 8, 64, 30, 0", "1, 8, 64, 90, 20", "1, 3, 20, 17, 0", "1, 7, 20, 60, 7", "2, 8, 32, 50, 0",
        "3, 5, 100, 33, 0", "4, 1, 64, 100, 0", "8, 1, 64, 100, 40", "5, 1, 12, 70, 0", "6, 2, 2, 40, 0",
        "1, 8, 20, 60, 7", "1, 8, 2, 100, 0", "2, 8, 100, 70, 0", "9, 1, 24, 70, 0", "12, 2, 20, 60, 30", "16, 1, 100, 130, 0"})
    void everyQueryGetsWhatTheDefinitionSaysAndTheBitsOfItAlone(int heads, int rows, int headDim, int position, int window) {
        int kvHeads = 2;
        int end = position + rows;
        PageShape shape = new PageShape(kvHeads, headDim);
        StoredPage[] pages = pages(shape, end);
        int width = 2 * heads * headDim; // another group of heads lies beside
        float[] query = gaussians(rows * width, 3);
        float[] out = new float[rows * width];
        float[] entropy = new float[rows * 2 * heads];
        int at = heads * headDim;
        attend(pages, new QueryBlock(1, heads, rows, headDim, at, width, position + 1, window), query, out, entropy, heads);
        for (int row = 0; row < rows; row++) {
            for (int head = 0; head < heads; head++) {
                int offset = row * width + at + head * headDim;
                String where = "row " + row + ", head " + head;
                float[] alone = new float[out.length];
                float[] entropyAlone = new float[entropy.length];
                attend(pages, new QueryBlock(1, 1, 1, headDim, offset, width, position + row + 1, window), query, alone, entropyAlone,
                        row * 2 * heads + heads + head);
                assertArrayEquals(Arrays.copyOfRange(alone, offset, offset + headDim), Arrays.copyOfRange(out, offset, offset + headDim),
                        where);
                assertEquals(entropyAlone[row * 2 * heads + heads + head], entropy[row * 2 * heads + heads + head], where);
                double[] expected = expected(pages, shape, query, offset, Math.max(0, window == 0 ? 0 : position + row + 1 - window),
                        position + row + 1);
                for (int i = 0; i < headDim; i++) {
                    assertEquals(expected[i], out[offset + i], 2e-5, where + ", element " + i);
                }
                assertEquals(expected[headDim], entropy[row * 2 * heads + heads + head], 2e-5, where + ", entropy");
            }
        }
    }

    private static void attend(StoredPage[] pages, QueryBlock block, float[] query, float[] out, float[] entropy, int e) {
        PageShape shape = pages[0].shape();
        float[] scratch = new float[AttentionKernels.scratchSize(block.count(), block.end(block.count() - 1), shape)];
        Arrays.fill(scratch, Float.NaN);
        AttentionKernels.attend(pages, shape, block, query, out, entropy, e, entropy.length / (out.length / block.rowStep()), 0, scratch);
    }

    /** Full, Q8, Q4, evicted, full, full …; the last two are full. */
    private static StoredPage[] pages(PageShape shape, int end) {
        StoredPage[] pages = new StoredPage[KvPage.count(end)];
        for (int page = 0; page < pages.length; page++) {
            FullPage full = FullPage.empty(shape);
            float[] key = gaussians(TOKENS * shape.kvHeads() * shape.headDim(), 10 + page);
            float[] value = gaussians(key.length, 100 + page);
            for (int p = 0; p < TOKENS; p++) {
                for (int head = 0; head < shape.kvHeads(); head++) {
                    full.put(head, p, key, value, (p * shape.kvHeads() + head) * shape.headDim());
                }
            }
            pages[page] = page + 2 >= pages.length ? full : switch (page % 6) {
                case 1 -> Q8Page.of(full);
                case 2 -> Q4Page.of(full);
                case 3 -> null;
                default -> full;
            };
        }
        return pages;
    }

    /** [headDim] and the entropy. */
    private static double[] expected(StoredPage[] pages, PageShape shape, float[] query, int at, int first, int end) {
        int headDim = shape.headDim();
        double[] score = new double[end];
        double[][] value = new double[end][headDim];
        double most = Double.NEGATIVE_INFINITY;
        int attended = 0;
        for (int p = first; p < end; p++) {
            StoredPage page = pages[p / TOKENS];
            score[p] = Double.NEGATIVE_INFINITY;
            if (page != null) {
                float[] keys = new float[headDim * TOKENS];
                float[] values = new float[TOKENS * shape.sums()];
                float[] keyScales = ones();
                float[] valueScales = ones();
                page.readKeys(1, keys, 0);
                page.readValues(1, values, 0);
                page.scaleScores(1, keyScales, 0, 1);
                page.scaleWeights(1, valueScales, 0, 1);
                score[p] = 0;
                for (int i = 0; i < headDim; i++) {
                    score[p] += query[at + i] * (double) keys[i * TOKENS + p % TOKENS] * keyScales[p % TOKENS] / Math.sqrt(headDim);
                    value[p][i] = values[p % TOKENS * shape.sums() + i] * (double) valueScales[p % TOKENS];
                }
                most = Math.max(most, score[p]);
                attended++;
            }
        }
        double total = 0;
        double weighted = 0;
        double[] out = new double[headDim + 1];
        for (int p = first; p < end; p++) {
            double weight = Math.exp(score[p] - most);
            total += weight;
            weighted += weight == 0 ? 0 : weight * (score[p] - most);
            for (int i = 0; i < headDim; i++) {
                out[i] += weight * value[p][i];
            }
        }
        for (int i = 0; i < headDim; i++) {
            out[i] /= total;
        }
        out[headDim] = attended < 2 ? 0 : (Math.log(total) - weighted / total) / Math.log(attended);
        return out;
    }

    private static float[] ones() {
        float[] ones = new float[TOKENS];
        Arrays.fill(ones, 1);
        return ones;
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
