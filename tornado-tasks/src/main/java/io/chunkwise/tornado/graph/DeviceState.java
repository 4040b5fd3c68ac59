package io.chunkwise.tornado.graph;

import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.tornado.device.ControlBlock;
import io.chunkwise.tornado.device.DeviceAdapter;
import io.chunkwise.tornado.device.DeviceBuffers;
import io.chunkwise.tornado.device.DeviceWeights;
import java.util.ArrayList;
import java.util.List;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/** Everything that tasks name: the model's sizes and the arrays of one executor. */
public record DeviceState(LlamaConfig config, DeviceWeights weights, DeviceBuffers buffers, DeviceAdapter adapter, ControlBlock control,
        int contextLength, int rowCapacity) {

    /** Everything that lies on the device, but the small arrays that are copied in every execution. */
    public List<TornadoNativeArray> arrays() {
        List<TornadoNativeArray> arrays = new ArrayList<>(weights.arrays());
        arrays.addAll(buffers.arrays());
        arrays.addAll(adapter.arrays());
        return arrays;
    }
}
