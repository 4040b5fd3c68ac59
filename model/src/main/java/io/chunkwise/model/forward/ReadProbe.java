package io.chunkwise.model.forward;

/** Reads memory of a device as fast as the device can, with nothing else to do: what a decoded token is compared with. */
public interface ReadProbe extends AutoCloseable {

    /**
     * Reads everything once.
     *
     * @return bytes per second
     * @throws ExecutorException if the device fails
     */
    double bytesPerSecond();

    @Override
    void close();
}
