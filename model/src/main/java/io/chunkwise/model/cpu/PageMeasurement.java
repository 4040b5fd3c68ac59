package io.chunkwise.model.cpu;

import static io.chunkwise.model.cpu.PageShape.TOKENS;

import io.chunkwise.model.kv.KvMeasurement;
import io.chunkwise.model.kv.KvPage;
import java.util.Arrays;
import java.util.List;

/**
 * What the probes' attention outputs become when one page changes. With the weights w, values v, Z = Σ w and O = Σ w·v of a head,
 * a page has the part z and o of the sums, and z' and o' after the change: the output O / Z becomes (O − o + o') / (Z − z + z').
 * Sums over pages are doubles, so that taking a page out leaves what the others had.
 */
final class PageMeasurement {
    private static final int FORMATS = 3; // Q8, Q4, evicted
    private static final double ALMOST_ALL = 1e-12; // of the weight outside a page: too little to be found by subtraction

    private final PageShape shape;
    private final int group; // query heads per key head
    private final int slidingWindow;
    private final int filled;
    private final KvProbes probes;
    private final float[] queries;
    private final StoredPage[] stored;
    private final List<KvPage> measured;
    private final StoredPage[][] changed; // [measured][Q8, Q4]
    private final double[][] error; // [head][measured, FORMATS], sums of squares
    private final double[][] mass; // [head][measured], sums
    private final double[] norm; // [head]

    /**
     * @param measured pages of one layer, all full
     * @param changed  [measured][Q8, Q4] the same pages in those formats
     */
    PageMeasurement(KvCache cache, KvProbes probes, int heads, int slidingWindow, List<KvPage> measured, StoredPage[][] changed) {
        int layer = measured.getFirst().layer();
        shape = cache.shape();
        group = heads / shape.kvHeads();
        this.slidingWindow = slidingWindow;
        filled = cache.filled();
        this.probes = probes;
        queries = probes.queries(layer);
        stored = cache.pages(layer);
        this.measured = measured;
        this.changed = changed;
        error = new double[heads][measured.size() * FORMATS];
        mass = new double[heads][measured.size()];
        norm = new double[heads];
    }

    /** Floats of scratch memory for {@link #measure}. */
    static int scratchSize(int filled, PageShape shape) {
        return AttentionKernels.scratchSize(1, filled, shape) + TOKENS;
    }

    /** Adds up what all probes see with one head. Different heads may be measured at the same time. */
    void measure(int head, float[] scratch) {
        for (int position = filled - probes.count(); position < filled; position++) {
            measure(head, position, probes.row(position) * shape.headDim() * error.length + head * shape.headDim(), scratch);
        }
    }

    private void measure(int head, int position, int query, float[] scratch) {
        int headDim = shape.headDim();
        int end = position + 1;
        int first = slidingWindow == 0 ? 0 : Math.max(0, end - slidingWindow);
        int firstPage = first / TOKENS;
        int endPage = KvPage.count(end);
        int count = (endPage - firstPage) * TOKENS;
        int kvHead = head / group;
        int seen = 0;
        for (int page = firstPage; page < endPage; page++) {
            int s = (page - firstPage) * TOKENS;
            if (stored[page] == null) {
                Arrays.fill(scratch, s, s + TOKENS, Float.NEGATIVE_INFINITY);
            } else {
                stored[page].score(kvHead, queries, query, scratch, s);
                seen += AttentionKernels.mask(scratch, s, first - page * TOKENS, end - page * TOKENS);
            }
        }
        if (seen == 0) {
            return; // the probe has no output
        }
        float scale = (float) (1 / Math.sqrt(headDim));
        float most = AttentionKernels.largest(scratch, 0, endPage - firstPage, TOKENS);
        int sums = count;
        double total = 0;
        double[] out = new double[headDim];
        double[] weight = new double[endPage - firstPage];
        for (int page = firstPage; page < endPage; page++) {
            if (stored[page] != null) {
                int s = (page - firstPage) * TOKENS;
                weight[page - firstPage] = AttentionKernels.exponentiate(scratch, s, 1, TOKENS, most, scale);
                total += weight[page - firstPage];
                addPart(stored[page], kvHead, scratch, s, first - page * TOKENS, end - page * TOKENS, sums, 1, out);
            }
        }
        for (int i = 0; i < headDim; i++) {
            norm[head] += out[i] / total * (out[i] / total);
        }
        for (int m = 0; m < measured.size(); m++) {
            int page = measured.get(m).page();
            if (page < firstPage || page >= endPage) {
                continue; // out of the probe's sight
            }
            int begin = first - page * TOKENS;
            int stop = end - page * TOKENS;
            int s = (page - firstPage) * TOKENS;
            double part = weight[page - firstPage];
            double[] rest = out.clone();
            addPart(stored[page], kvHead, scratch, s, begin, stop, sums, -1, rest);
            mass[head][m] += part / total;
            int other = sums + shape.sums(); // scores of the page in another format
            for (int format = 0; format < 2; format++) {
                StoredPage stands = changed[m][format];
                stands.score(kvHead, queries, query, scratch, other);
                AttentionKernels.mask(scratch, other, begin, stop);
                double[] after = rest.clone();
                double otherPart = AttentionKernels.exponentiate(scratch, other, 1, TOKENS, most, scale);
                addPart(stands, kvHead, scratch, other, begin, stop, sums, 1, after);
                error[head][m * FORMATS + format] += distance(out, total, after, total - part + otherPart);
            }
            if (total - part < ALMOST_ALL * total) {
                rest = without(page, kvHead, query, end);
                error[head][m * FORMATS + 2] += distance(out, total, rest, 1);
            } else {
                error[head][m * FORMATS + 2] += distance(out, total, rest, total - part);
            }
        }
    }

    /** Adds {@code sign} times the weighted values of a page to {@code out}. */
    private void addPart(StoredPage page, int kvHead, float[] scratch, int w, int begin, int end, int sums, int sign, double[] out) {
        Arrays.fill(scratch, sums, sums + shape.sums(), 0);
        page.addValues(kvHead, scratch, w, Math.max(0, begin), Math.min(TOKENS, end), sums);
        for (int i = 0; i < out.length; i++) {
            out[i] += sign * scratch[sums + i];
        }
    }

    /** The output of attention to all pages but one. */
    private double[] without(int page, int kvHead, int query, int end) {
        StoredPage[] others = stored.clone();
        others[page] = null;
        float[] in = Arrays.copyOfRange(queries, query, query + shape.headDim());
        float[] out = new float[shape.headDim()];
        float[] scratch = new float[AttentionKernels.scratchSize(1, end, shape)];
        QueryBlock block = new QueryBlock(kvHead, 1, 1, shape.headDim(), 0, 0, end, slidingWindow);
        AttentionKernels.attend(others, shape, block, in, out, null, 0, 0, 1, scratch);
        double[] precise = new double[out.length];
        Arrays.setAll(precise, i -> out[i]);
        return precise;
    }

    private static double distance(double[] a, double aTotal, double[] b, double bTotal) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            double difference = a[i] / aTotal - b[i] / bTotal;
            sum += difference * difference;
        }
        return sum;
    }

    /** When all heads are measured: one measurement per page. */
    List<KvMeasurement> result() {
        double full = Arrays.stream(norm).sum();
        KvMeasurement[] result = new KvMeasurement[measured.size()];
        for (int m = 0; m < result.length; m++) {
            double seen = 0;
            double[] errors = new double[FORMATS];
            for (int head = 0; head < error.length; head++) {
                seen += mass[head][m];
                for (int format = 0; format < FORMATS; format++) {
                    errors[format] += error[head][m * FORMATS + format];
                }
            }
            float mean = (float) Math.clamp(seen / error.length / probes.count(), 0, 1);
            result[m] = new KvMeasurement(measured.get(m), mean,
                    relative(errors[0], full), relative(errors[1], full), relative(errors[2], full));
        }
        return List.of(result);
    }

    private static float relative(double squares, double full) {
        return squares == 0 ? 0 : (float) Math.sqrt(squares / full);
    }
}
