package io.chunkwise.benchmark;

import java.util.List;

/**
 * The measurements of one model on one executor.
 *
 * @param model          name of what was measured
 * @param executor       its name and device
 * @param weightBytes    that one decoded token has to read, without an adapter
 * @param bytesPerSecond that all threads together read of the same weights, with nothing else to do
 */
public record BenchmarkResult(String model, String executor, long weightBytes, Spread bytesPerSecond, List<Case> cases) {

    /**
     * One adapter rank.
     *
     * @param rank               0 for the base
     * @param prefill            tokens per second
     * @param decode             tokens per second
     * @param prefillToBase      of the same repetition, median; 1 for the base
     * @param decodeToBase       of the same repetition, median; 1 for the base
     * @param decodeBound        tokens per second if a token took just as long as reading its weights and adapter
     * @param decodeTimeToBound  time of a decoded token over the time that the bound allows, median; 1 is perfect
     */
    public record Case(int rank, Spread prefill, Spread decode, double prefillToBase, double decodeToBase, double decodeBound,
            double decodeTimeToBound) {
    }
}
