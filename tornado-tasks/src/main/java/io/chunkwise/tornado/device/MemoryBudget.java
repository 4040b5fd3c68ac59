package io.chunkwise.tornado.device;

import io.chunkwise.model.forward.ExecutorException;
import java.util.Collection;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * What a device can hold.
 *
 * @param largestBytes most bytes of one buffer
 * @param deviceBytes  memory of the device
 * @param ledgerBytes  what TornadoVM lets itself allocate ({@code tornado.device.memory})
 */
public record MemoryBudget(long largestBytes, long deviceBytes, long ledgerBytes) {

    public static MemoryBudget of(TornadoDevice device) {
        return new MemoryBudget(device.getMaxAllocMemory(), device.getMaxGlobalMemory(), device.getMemoryProvider().getHeapSize());
    }

    /** @throws ExecutorException if the arrays don't fit, with what to change */
    public void check(Collection<TornadoNativeArray> arrays) {
        long total = 0;
        for (TornadoNativeArray array : arrays) {
            long bytes = array.getNumBytesOfSegmentWithHeader();
            if (bytes > largestBytes) {
                throw new ExecutorException("one array of " + bytes + " bytes is larger than the device's largest buffer of " + largestBytes
                        + ": use a smaller model or context, or --executor cpu");
            }
            total += bytes;
        }
        if (total > deviceBytes) {
            throw new ExecutorException("the model and its cache take " + total + " bytes, the device has " + deviceBytes
                    + ": use a smaller model or context, or --executor cpu");
        }
        if (total > ledgerBytes) {
            throw new ExecutorException("the model and its cache take " + total + " bytes, but TornadoVM may allocate only " + ledgerBytes
                    + ": start with a larger -Dtornado.device.memory");
        }
    }
}
