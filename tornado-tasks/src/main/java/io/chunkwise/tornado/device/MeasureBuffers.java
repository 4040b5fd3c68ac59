package io.chunkwise.tornado.device;

import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.tornado.kernels.Jobs;
import io.chunkwise.tornado.kernels.MeasureKernels;
import io.chunkwise.tornado.kernels.Page;
import java.util.List;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * Scratch of measurements of pages, one layer at a time.
 *
 * @param query    [PROBES, queryDim]
 * @param attended [PROBES, queryDim]
 * @param softmax  [PROBES, heads, SOFTMAX]
 * @param changes  [CAPACITY of jobs, PROBES, heads, CHANGE]
 * @param result   [CAPACITY of jobs, RESULT]; copied back each time
 */
public record MeasureBuffers(FloatArray query, FloatArray attended, FloatArray softmax, FloatArray changes, FloatArray result) {

    static MeasureBuffers of(LlamaConfig config) {
        return new MeasureBuffers(DeviceArrays.floats("queries of probes", Page.PROBES, config.queryDim()),
                DeviceArrays.floats("attention of probes", Page.PROBES, config.queryDim()),
                DeviceArrays.floats("softmax of probes", Page.PROBES, config.heads(), Page.SOFTMAX),
                DeviceArrays.floats("changes of pages", Jobs.CAPACITY, Page.PROBES, config.heads(), MeasureKernels.CHANGE),
                DeviceArrays.floats("measurements of pages", Jobs.CAPACITY, MeasureKernels.RESULT));
    }

    /** What stays on the device. */
    List<TornadoNativeArray> arrays() {
        return List.of(query, attended, softmax, changes);
    }
}
