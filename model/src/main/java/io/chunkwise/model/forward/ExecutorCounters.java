package io.chunkwise.model.forward;

import java.util.List;

/**
 * What an executor has counted since it was opened.
 *
 * @param launches        kernels launched on the device; 0 where there are none (the CPU executor)
 * @param peakDeviceBytes the most memory that weights, adapter, activations and KV cache have taken at a time
 * @param compileNanos    time on the clock in which kernels were compiled and launched for the first time
 * @param uploadNanos     time on the clock in which weights and adapters were brought to the device
 * @param kernels         where the time of a profiled executor went, the longest first; empty unless {@link ExecutorOptions#profiled}
 */
public record ExecutorCounters(long launches, long peakDeviceBytes, long compileNanos, long uploadNanos, List<KernelTime> kernels) {

    public ExecutorCounters {
        kernels = List.copyOf(kernels);
    }

    /**
     * The launches of one kernel.
     *
     * @param name  of the task: "layer.project_query"
     * @param nanos on the device, all launches together
     */
    public record KernelTime(String name, long launches, long nanos) {
    }
}
