package io.chunkwise.generate;

import io.chunkwise.model.forward.ExecutorException;
import io.chunkwise.model.forward.LargestLogits;
import io.chunkwise.model.forward.OutputRequest;
import io.chunkwise.model.forward.PassOutput;
import java.util.SplittableRandom;

/**
 * Chooses the next token from a pass's logits. In this order, which is llama.cpp's default chain:
 * <ol>
 * <li><b>repetition penalty</b>: the logit of every token of the penalty window is divided by the penalty if it is
 *     positive, multiplied if it is negative (once per distinct token; arXiv:1909.05858 §4.1);
 * <li>temperature 0 ends here, with the largest logit (the smallest id of equal ones);
 * <li><b>top-k</b>: the k largest logits stay;
 * <li><b>top-p</b>: of those, renormalised, the fewest most likely ones whose probabilities reach p;
 * <li><b>min-p</b>: of those, the ones at least min-p times as likely as the most likely one;
 * <li><b>temperature</b>: the logits that stay are divided by it, then one is drawn.
 * </ol>
 * Transformers' filters are the same, but it applies the temperature before top-k, top-p and min-p: at temperatures
 * other than 1 its top-p and min-p therefore keep other tokens than llama.cpp's and ours.
 *
 * <p>Not thread-safe. The same options and logits give the same tokens, on any machine.
 */
public final class Sampler {
    /** The most logits that are worth reducing where they were computed. */
    static final int LARGEST_DEVICE_TOP = 64;

    private final SamplingOptions options;
    private final SplittableRandom random;
    private final RecentTokens recent;

    /** @param vocabSize logits per row */
    public Sampler(SamplingOptions options, int vocabSize) {
        this.options = options;
        random = new SplittableRandom(options.seed());
        recent = new RecentTokens(options.penalizes() ? options.penaltyWindow() : 0, vocabSize);
    }

    /** The least that a pass must return for {@link #next}. */
    public OutputRequest request() {
        if (!options.penalizes() && options.isGreedy()) {
            return new OutputRequest.LastTop(1);
        }
        if (!options.penalizes() && options.topK() > 0 && options.topK() <= LARGEST_DEVICE_TOP) {
            return new OutputRequest.LastTop(Math.min(options.topK(), recent.vocabSize()));
        }
        return new OutputRequest.LastLogits();
    }

    /** Tells of a token of the prompt; {@link #next} tells of its own. */
    public void observe(int id) {
        recent.add(id);
    }

    /**
     * Chooses the token after the last row of a pass.
     *
     * @param output what the pass returned for {@link #request()}; logits are changed in place
     * @throws ExecutorException if a logit is not a number
     */
    public int next(PassOutput output) {
        int id = distribution(output).draw(random);
        recent.add(id);
        return id;
    }

    /** What {@link #next} draws from. */
    Distribution distribution(PassOutput output) {
        return switch (output) {
            case PassOutput.Top(int[] ids, float[] logits) -> {
                requireFinite(logits[0]);
                yield options.isGreedy() ? Distribution.only(ids[0]) : truncated(ids, logits, weightSum(logits, logits[0]));
            }
            case PassOutput.Logits(int rows, float[] values) -> {
                assert rows == 1 : "the sampler asked for one row, got " + rows;
                yield fromAll(values);
            }
            case PassOutput.Nothing() -> throw new IllegalArgumentException("a pass without output has no next token");
        };
    }

    private Distribution fromAll(float[] logits) {
        penalize(logits);
        float max = Float.NEGATIVE_INFINITY;
        int best = 0;
        for (int id = 0; id < logits.length; id++) {
            if (!(logits[id] <= max)) { // also true for NaN, which must not go unseen
                requireFinite(logits[id]);
                max = logits[id];
                best = id;
            }
        }
        requireFinite(max);
        if (options.isGreedy()) {
            return Distribution.only(best);
        }
        if (options.topK() > 0 && options.topK() < logits.length) {
            int[] ids = LargestLogits.ids(logits, 0, logits.length, options.topK());
            float[] kept = gather(logits, ids, ids.length);
            return truncated(ids, kept, weightSum(kept, max));
        }
        if (options.topP() == 1 && options.minP() == 0) {
            int[] ids = new int[logits.length];
            for (int id = 0; id < ids.length; id++) {
                ids[id] = id;
            }
            return tempered(ids, logits, ids.length, max);
        }
        return truncatedWithoutTopK(logits, max);
    }

    // Most of a vocabulary is too unlikely for top-p or min-p to keep; only the rest is worth sorting.
    private Distribution truncatedWithoutTopK(float[] logits, float max) {
        double sum = weightSum(logits, max);
        // A token below (1 - p) / (n - 1) cannot be needed to reach p: all tokens after it together have less than 1 - p.
        // Half of that leaves room for rounding.
        double topPFloor = options.topP() == 1 ? 0 : 0.5 * sum * (1 - options.topP()) / Math.max(1, logits.length - 1);
        double minPFloor = options.topP() == 1 ? 0.999 * options.minP() : 0;
        double floor = Math.max(topPFloor, minPFloor);
        int[] ids = new int[logits.length];
        int count = 0;
        for (int id = 0; id < logits.length; id++) {
            if (Math.exp(logits[id] - (double) max) >= floor) {
                ids[count++] = id;
            }
        }
        int[] order = LargestLogits.ids(gather(logits, ids, count), 0, count, count);
        int[] sorted = new int[count];
        for (int i = 0; i < count; i++) {
            sorted[i] = ids[order[i]];
        }
        return truncated(sorted, gather(logits, sorted, count), sum);
    }

    /** @param sum of exp(logit - largest logit) over all tokens that top-p counts, also those not in {@code ids} */
    private Distribution truncated(int[] ids, float[] logits, double sum) {
        int kept = ids.length;
        if (options.topP() < 1) {
            double reached = 0;
            for (int i = 0; i < kept; i++) {
                reached += Math.exp(logits[i] - (double) logits[0]);
                if (reached >= options.topP() * sum) {
                    kept = i + 1;
                }
            }
        }
        while (kept > 1 && Math.exp(logits[kept - 1] - (double) logits[0]) < options.minP()) {
            kept--;
        }
        return tempered(ids, logits, kept, logits[0]);
    }

    private Distribution tempered(int[] ids, float[] logits, int kept, float max) {
        double[] weights = new double[kept];
        double sum = 0;
        for (int i = 0; i < kept; i++) {
            weights[i] = Math.exp((logits[i] - (double) max) / options.temperature());
            sum += weights[i];
        }
        return new Distribution(ids, weights, sum);
    }

    private void penalize(float[] logits) {
        for (int id : recent.distinct()) {
            float penalty = (float) options.repetitionPenalty();
            logits[id] = logits[id] > 0 ? logits[id] / penalty : logits[id] * penalty;
        }
    }

    private static double weightSum(float[] logits, float max) {
        double sum = 0;
        for (float logit : logits) {
            sum += Math.exp(logit - (double) max);
        }
        return sum;
    }

    private static float[] gather(float[] logits, int[] ids, int count) {
        float[] gathered = new float[count];
        for (int i = 0; i < count; i++) {
            gathered[i] = logits[ids[i]];
        }
        return gathered;
    }

    private static void requireFinite(float logit) {
        if (!Float.isFinite(logit)) {
            throw new ExecutorException("the model's logits are not finite numbers (" + logit
                    + "): its weights, or the adapter's, do not work in this precision");
        }
    }

    /**
     * Tokens and how likely each is.
     *
     * @param ids     [weights.length] or longer
     * @param weights [n] not normalised
     * @param sum     of the weights
     */
    record Distribution(int[] ids, double[] weights, double sum) {

        static Distribution only(int id) {
            return new Distribution(new int[] {id}, new double[] {1}, 1);
        }

        int draw(SplittableRandom random) {
            if (weights.length == 1) {
                return ids[0];
            }
            double left = random.nextDouble() * sum;
            int last = 0;
            for (int i = 0; i < weights.length; i++) {
                if (weights[i] > 0) {
                    last = i;
                    left -= weights[i];
                    if (left < 0) {
                        break;
                    }
                }
            }
            return ids[last];
        }
    }
}
