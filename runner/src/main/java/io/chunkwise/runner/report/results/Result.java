package io.chunkwise.runner.report.results;

import java.util.List;

/** What one file says. NaN stands for numbers that are not known. */
public sealed interface Result {

    /** The file. */
    Source source();

    /** Those of one kind. */
    static <R extends Result> List<R> of(Class<R> kind, List<Result> results) {
        return results.stream().filter(kind::isInstance).map(kind::cast).toList();
    }

    /** Speeds, of {@code bench}. */
    record Bench(Source source, List<Speed> rows) implements Result {
    }

    /**
     * One row of {@code bench}.
     *
     * @param device          as {@code --device} takes it
     * @param threads         0 for a device
     * @param decode          whether tokens are written one by one
     * @param tokensPerSecond mean
     * @param toBase          speed relative to rank 0
     * @param floorMultiple   time of a token over that of reading what it needs
     */
    record Speed(String model, String type, String executor, String device, String deviceName, long threads, String test, boolean decode,
            long depth, String kvPolicy, long rank, String loraMode, double tokensPerSecond, double deviation, double toBase,
            double floorMultiple, double launchesPerToken, long peakDeviceBytes) {
    }

    /** {@code eval perplexity}. */
    record Perplexity(Source source, String text, String recipe, long window, long stride, Quality quality) implements Result {
    }

    /**
     * What a policy costs and gives on a text.
     *
     * @param nll            mean in nats per token
     * @param meanComponents active per token and projection
     * @param kvBytes        peak
     * @param msPerToken     of reading the text
     */
    record Quality(String policy, String kvPolicy, double nll, double perplexity, double meanComponents, double kvBytes,
            double msPerToken) {
    }

    /** {@code eval squad}; figures in percent. */
    record Squad(Source source, double exact, double f1, double hasAnsExact, double hasAnsF1, double noAnsExact, double noAnsF1, long total)
            implements Result {
    }

    /** {@code eval bleu}; figures in percent. */
    record Bleu(Source source, double bleu, double chrf2, String signature, long segments) implements Result {
    }

    /** {@code eval ablate}. */
    record Ablation(Source source, String text, String window, List<Trial> rows) implements Result {
    }

    /**
     * One variant of an experiment.
     *
     * @param reference     variant that it is compared with; "" for that one itself
     * @param difference    to the reference in nats per token
     * @param standardError of the difference
     * @param atUniform     difference to as many uniform components as it came to use, between those measured
     */
    record Trial(String experiment, String variant, String reference, Quality quality, long windows, long tokens, double difference,
            double standardError, double atUniform, double atUniformError) {
    }

    /**
     * {@code calibrate}.
     *
     * @param policy         file that was written; "" for none
     * @param maxIncrease    of the budget, as a fraction; NaN where the budget is of components
     * @param maxComponents  of the budget; NaN where it is of perplexity
     * @param predictedIncrease of perplexity over the whole adapter, on the calibration text, as a fraction
     * @param measuredIncrease  the same on held-out text
     */
    record Calibration(Source source, String policy, double maxIncrease, double maxComponents, double predictedIncrease,
            double measuredIncrease, double predictedComponents, double measuredComponents, double kvBytes, double kvBytesFull,
            boolean withinBudget, List<Candidate> candidates, HeldOut heldOut) implements Result {
    }

    /**
     * @param policyKind {@code uniform} or {@code adaptive}; "" if the file does not say
     * @param increase   of perplexity, as a fraction
     */
    record Candidate(String name, String policyKind, String kvPolicy, double meanComponents, double kvBytes, double increase,
            double standardError, boolean chosen) {
    }

    /**
     * What a calibrated policy came to on text that it was not calibrated on.
     *
     * @param standardError of the increase
     */
    record HeldOut(String text, double tokens, double nll, double perplexity, double fullNll, double fullPerplexity, double standardError) {
    }

    /** {@code generate} or {@code score}: what was decided for every token. */
    record Trace(Source source, List<Token> tokens, List<Chunk> chunks, double meanComponents, long kvBytesPeak, long kvBytesFull)
            implements Result {
    }

    /** @param components active in this row, mean over projections; cross-faded ones count by their gain */
    record Token(double score, double components) {
    }

    /** @param kvFormat that most of its pages have at the end */
    record Chunk(long start, long end, String band, String rung, double meanComponents, String kvFormat) {
    }
}
