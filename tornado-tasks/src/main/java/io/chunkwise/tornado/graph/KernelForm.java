package io.chunkwise.tornado.graph;

import uk.ac.manchester.tornado.api.enums.TornadoDeviceType;

/** Which form of a kernel a device gets. */
public enum KernelForm {
    /** One thread per result, several independent sums in it: CPU devices, and plain Java. */
    THREADED,
    /** One work-group per result, reduced in local memory: GPUs, where neighbouring threads then read neighbouring words. */
    GROUPED;

    public static KernelForm of(TornadoDeviceType type) {
        return type == TornadoDeviceType.GPU || type == TornadoDeviceType.ACCELERATOR ? GROUPED : THREADED;
    }
}
