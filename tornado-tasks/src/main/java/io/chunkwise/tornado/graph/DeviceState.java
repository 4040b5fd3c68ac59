package io.chunkwise.tornado.graph;

import io.chunkwise.model.forward.LlamaForward;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.tornado.device.ControlBlock;
import io.chunkwise.tornado.device.DeviceAdapter;
import io.chunkwise.tornado.device.DeviceBuffers;
import io.chunkwise.tornado.device.DeviceWeights;
import io.chunkwise.tornado.device.KvPools;
import io.chunkwise.tornado.device.TensorBuffers;
import java.util.ArrayList;
import java.util.List;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * Everything that tasks name: the model's sizes, the description of a pass, and the arrays of one executor.
 *
 * @param quantizable whether pages of the KV cache may be quantized
 * @param tensors     scratch of passes of many rows; {@link TensorBuffers#none} where they don't run on tensor cores
 */
public record DeviceState(LlamaConfig config, boolean quantizable, DeviceWeights weights, DeviceBuffers buffers, KvPools pools,
        DeviceAdapter adapter, TensorBuffers tensors, ControlBlock control, int rowCapacity) {

    public LlamaForward forward() {
        return new LlamaForward(config, quantizable);
    }

    public DeviceState with(KvPools larger) {
        return new DeviceState(config, quantizable, weights, buffers, larger, adapter, tensors, control, rowCapacity);
    }

    public DeviceState with(DeviceAdapter larger, TensorBuffers tensors, ControlBlock control) {
        return new DeviceState(config, quantizable, weights, buffers, pools, larger, tensors, control, rowCapacity);
    }

    /** Everything that lies on the device, but the small arrays that are copied in every execution. */
    public List<TornadoNativeArray> arrays() {
        List<TornadoNativeArray> arrays = new ArrayList<>(weights.arrays());
        arrays.addAll(buffers.arrays());
        arrays.addAll(pools.arrays());
        arrays.addAll(adapter.arrays());
        arrays.addAll(tensors.arrays());
        return arrays;
    }
}
