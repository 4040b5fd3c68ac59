package io.chunkwise.tornado.device;

import io.chunkwise.model.forward.Activation;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.RotaryTable;
import io.chunkwise.tornado.kernels.HeadKernels;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/** Activations, key/value cache and scratch of one executor, all resident on the device between executions. */
public final class DeviceBuffers {
    /** Rows whose logits are computed in one execution of the head for all rows. */
    public static final int LOGIT_ROWS = 16;
    /** Parts of the vocabulary in the first stage of the top-k reduction; a power of two. */
    public static final int TOP_PARTS = 64;

    private final Map<Activation, FloatArray> activations = new EnumMap<>(Activation.class);
    private final FloatArray keys;
    private final FloatArray values;
    private final FloatArray cosine;
    private final FloatArray sine;
    private final FloatArray lastLogits;
    private final FloatArray rowLogits;
    private final FloatArray partLogits;
    private final IntArray partIds;
    private final IntArray partNext;
    private final FloatArray topLogits;
    private final IntArray topIds;

    public DeviceBuffers(LlamaConfig config, int rowCapacity, int contextLength) {
        for (Activation activation : Activation.values()) {
            if (activation != Activation.LOGITS) {
                activations.put(activation, DeviceArrays.floats("buffer " + activation, rowCapacity, activation.width(config)));
            }
        }
        keys = DeviceArrays.floats("KV cache (keys)", config.layers(), contextLength, config.kvDim());
        values = DeviceArrays.floats("KV cache (values)", config.layers(), contextLength, config.kvDim());
        RotaryTable rotary = new RotaryTable(config, contextLength);
        cosine = DeviceArrays.floats("rotary cosines", rotary.cosine());
        sine = DeviceArrays.floats("rotary sines", rotary.sine());
        lastLogits = DeviceArrays.floats("logits of one row", config.vocabSize());
        rowLogits = DeviceArrays.floats("logits of rows", Math.min(rowCapacity, LOGIT_ROWS), config.vocabSize());
        partLogits = DeviceArrays.floats("top logits of parts", TOP_PARTS, HeadKernels.TOP_CAPACITY);
        partIds = DeviceArrays.ints("top ids of parts", TOP_PARTS, HeadKernels.TOP_CAPACITY);
        partNext = DeviceArrays.ints("top positions of parts", TOP_PARTS);
        topLogits = DeviceArrays.floats("top logits", HeadKernels.TOP_CAPACITY);
        topIds = DeviceArrays.ints("top ids", HeadKernels.TOP_CAPACITY);
    }

    /** [rowCapacity, width]; all but {@link Activation#LOGITS}. */
    public FloatArray activation(Activation activation) {
        return activations.get(activation);
    }

    /** [layers, context, kvDim] */
    public FloatArray keys() {
        return keys;
    }

    /** [layers, context, kvDim] */
    public FloatArray values() {
        return values;
    }

    /** [context, headDim / 2] */
    public FloatArray cosine() {
        return cosine;
    }

    /** [context, headDim / 2] */
    public FloatArray sine() {
        return sine;
    }

    /** [vocab] */
    public FloatArray lastLogits() {
        return lastLogits;
    }

    /** [LOGIT_ROWS, vocab], fewer rows where the row capacity is smaller */
    public FloatArray rowLogits() {
        return rowLogits;
    }

    /** [TOP_PARTS, TOP_CAPACITY] */
    public FloatArray partLogits() {
        return partLogits;
    }

    /** [TOP_PARTS, TOP_CAPACITY] */
    public IntArray partIds() {
        return partIds;
    }

    /** [TOP_PARTS] */
    public IntArray partNext() {
        return partNext;
    }

    /** [TOP_CAPACITY] */
    public FloatArray topLogits() {
        return topLogits;
    }

    /** [TOP_CAPACITY] */
    public IntArray topIds() {
        return topIds;
    }

    /** Everything that stays on the device; not the small results of the top-k reduction, which are copied back each time. */
    public List<TornadoNativeArray> arrays() {
        List<TornadoNativeArray> arrays = new ArrayList<>(activations.values());
        arrays.addAll(List.of(keys, values, cosine, sine, lastLogits, rowLogits, partLogits, partIds, partNext));
        return arrays;
    }
}
