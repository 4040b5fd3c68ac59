package io.chunkwise.model.forward;

/**
 * A device that an executor can run on.
 *
 * @param backend     "cpu" for the CPU executor, else TornadoVM's backend: "opencl", "ptx", …
 * @param index       within the backend
 * @param name        as the driver names it
 * @param type        CPU, GPU or ACCELERATOR: a CPU is never called anything else
 * @param memoryBytes global memory
 * @param driver      platform and driver version, or the instruction set for the CPU executor
 */
public record DeviceInfo(String backend, int index, String name, Type type, long memoryBytes, String driver) {

    public enum Type { CPU, GPU, ACCELERATOR }

    /** As {@code --device} takes it: "opencl:0". */
    public String selector() {
        return backend + ":" + index;
    }
}
