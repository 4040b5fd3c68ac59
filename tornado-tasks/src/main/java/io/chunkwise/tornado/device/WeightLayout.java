package io.chunkwise.tornado.device;

import io.chunkwise.model.forward.DeviceInfo;

/**
 * Which of several layouts of a number format the kernels of an executor read.
 *
 * @param packedQ4     Q4_0 as {@link StackedWeight.PackedQ4}; else as {@link StackedWeight.Q4}
 * @param nativeHalves F16 as {@link StackedWeight.NativeF16}; else as {@link StackedWeight.F16}
 */
public record WeightLayout(boolean packedQ4, boolean nativeHalves) {
    /** For kernels in threaded form. */
    public static final WeightLayout THREADED = new WeightLayout(false, false);

    /** For kernels in grouped form. Of OpenCL devices some have no half type, so that all of them decode F16 by a table. */
    public static WeightLayout grouped(DeviceInfo device) {
        return new WeightLayout(true, device.backend().equals("ptx"));
    }
}
