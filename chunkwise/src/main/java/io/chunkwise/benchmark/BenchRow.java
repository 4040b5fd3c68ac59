package io.chunkwise.benchmark;

import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.forward.ActivationFormat;
import io.chunkwise.model.forward.DeviceInfo;
import io.chunkwise.model.forward.ExecutorCounters.KernelTime;
import io.chunkwise.model.kv.KvType;
import java.util.List;
import java.util.Optional;

/**
 * One line of a benchmark: what was measured, and what came of it. Ratios that do not exist are NaN.
 *
 * @param speed            tokens per second
 * @param samples          tokens per second of each repetition, in order
 * @param toBase           speed relative to rank 0 in the same repetition; unknown where rank 0 was not measured
 * @param bytesPerSecond   read bandwidth, measured between the tests, median
 * @param bytesPerToken    that a decoded token has to read, see {@link DecodeFloor}; NaN for prefill, which is bound by arithmetic
 * @param floorMultiple    time of a token over the time that reading these bytes took in the same repetition, median; 1 is perfect
 * @param launchesPerToken kernels launched for a token
 * @param peakDeviceBytes  the most that the executor has held
 * @param profile          where the time of a token goes, from a run of its own; empty unless asked for
 */
public record BenchRow(Setting setting, SpeedTest test, Variant variant, Spread speed, List<Double> samples, MedianInterval toBase,
        double bytesPerSecond, double bytesPerToken, double floorMultiple, double launchesPerToken, long peakDeviceBytes, StartUp startUp,
        Optional<Profile> profile) {

    public BenchRow {
        samples = List.copyOf(samples);
    }

    /**
     * What rows of all adapters and tests share.
     *
     * @param model       name of the shape or file
     * @param type        number format of the projections
     * @param weightBytes of the whole model
     * @param threads     of the cpu executor, as many as there were; 0 for a device
     * @param depth       positions in the KV cache before the test
     * @param kvPolicy    as the command line spells it
     * @param kvType      of full pages
     * @param adapterType number format that components are kept in; empty: one as exact as the base's
     * @param activations that quantized weights were multiplied with in decode
     * @param tensorCores whether they multiplied in passes of many rows
     */
    public record Setting(String model, TensorType type, long weightBytes, String executor, DeviceInfo device, int threads, int depth,
            String kvPolicy, KvType kvType, Optional<TensorType> adapterType, ActivationFormat activations, boolean tensorCores) {
    }

    /**
     * Times of the executor's start, in seconds.
     *
     * @param compile    kernels
     * @param upload     weights and adapters
     * @param firstToken from opening the executor to the first token, the two before included
     */
    public record StartUp(double compile, double upload, double firstToken) {
    }

    /**
     * Where the time goes.
     *
     * @param kernels          of the whole test, the longest first
     * @param kernelSeconds    on the device, per token
     * @param hostSeconds      per token, what is left of the median time without a profiler
     */
    public record Profile(List<KernelTime> kernels, double kernelSeconds, double hostSeconds) {
        public Profile {
            kernels = List.copyOf(kernels);
        }
    }

    BenchRow with(Profile taken) {
        return new BenchRow(setting, test, variant, speed, samples, toBase, bytesPerSecond, bytesPerToken, floorMultiple, launchesPerToken,
                peakDeviceBytes, startUp, Optional.of(taken));
    }
}
