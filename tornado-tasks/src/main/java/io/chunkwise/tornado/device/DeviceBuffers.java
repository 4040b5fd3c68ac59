package io.chunkwise.tornado.device;

import io.chunkwise.model.forward.Activation;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.RotaryTable;
import io.chunkwise.tornado.kernels.HeadKernels;
import io.chunkwise.tornado.kernels.Page;
import io.chunkwise.tornado.kernels.Splits;
import io.chunkwise.tornado.kernels.StatisticsKernels;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/** Activations and scratch of one executor, resident on the device between executions, and the small arrays that come back. */
public final class DeviceBuffers {
    /** Rows whose logits are computed in one execution of the head for all rows. */
    public static final int LOGIT_ROWS = 16;
    /** Parts of the vocabulary in the first stage of reductions over it; a power of two. */
    public static final int PARTS = 64;

    private final Map<Activation, FloatArray> activations = new EnumMap<>(Activation.class);
    private final FloatArray projected;
    private final FloatArray angles;
    private final FloatArray lastLogits;
    private final FloatArray rowLogits;
    private final FloatArray partLogits;
    private final IntArray partIds;
    private final IntArray partNext;
    private final FloatArray topLogits;
    private final IntArray topIds;
    private final FloatArray splits;
    private final FloatArray softmax;
    private final FloatArray vocabularySums;
    private final FloatArray statistics;
    private final MeasureBuffers measurement;

    public DeviceBuffers(LlamaConfig config, int rowCapacity, int contextLength) {
        for (Activation activation : Activation.values()) {
            if (activation != Activation.LOGITS) {
                activations.put(activation, DeviceArrays.floats("buffer " + activation, rowCapacity, activation.width(config)));
            }
        }
        projected = DeviceArrays.floats("buffer of stacked projections", rowCapacity,
                Math.max(config.queryDim() + 2 * config.kvDim(), 2 * config.ffnSize()));
        RotaryTable rotary = new RotaryTable(config, contextLength);
        angles = DeviceArrays.floats("rotary angles", contextLength, config.headDim() / 2, 2);
        for (int i = 0; i < rotary.cosine().length; i++) {
            angles.set(2 * i, rotary.cosine()[i]);
            angles.set(2 * i + 1, rotary.sine()[i]);
        }
        lastLogits = DeviceArrays.floats("logits of one row", config.vocabSize());
        rowLogits = DeviceArrays.floats("logits of rows", Math.min(rowCapacity, LOGIT_ROWS), config.vocabSize());
        partLogits = DeviceArrays.floats("top logits of parts", PARTS, HeadKernels.TOP_CAPACITY);
        partIds = DeviceArrays.ints("top ids of parts", PARTS, HeadKernels.TOP_CAPACITY);
        partNext = DeviceArrays.ints("top positions of parts", PARTS);
        topLogits = DeviceArrays.floats("top logits", HeadKernels.TOP_CAPACITY);
        topIds = DeviceArrays.ints("top ids", HeadKernels.TOP_CAPACITY);
        splits = DeviceArrays.floats("splits of attention", Splits.most(Math.max(rowCapacity, Page.PROBES), config.heads()),
                config.headDim() + Splits.NOTES);
        softmax = DeviceArrays.floats("attention of the probe layer", rowCapacity, config.heads(), Page.SOFTMAX);
        vocabularySums = DeviceArrays.floats("sums over the vocabulary", LOGIT_ROWS, PARTS, StatisticsKernels.PART);
        statistics = DeviceArrays.floats("statistics of rows", LOGIT_ROWS, StatisticsKernels.RESULT);
        measurement = MeasureBuffers.of(config);
    }

    /** [rowCapacity, width]; all but {@link Activation#LOGITS}. */
    public FloatArray activation(Activation activation) {
        return activations.get(activation);
    }

    /** [rowCapacity, outputs]: of the projections that read one input, before anything is added */
    public FloatArray projected() {
        return projected;
    }

    /** [context, headDim / 2, 2]: cosine, sine */
    public FloatArray angles() {
        return angles;
    }

    /** [vocab]: those of the first row of {@link #rowLogits}, to be copied back alone */
    public FloatArray lastLogits() {
        return lastLogits;
    }

    /** [LOGIT_ROWS, vocab], fewer rows where the row capacity is smaller */
    public FloatArray rowLogits() {
        return rowLogits;
    }

    /** [PARTS, TOP_CAPACITY] */
    public FloatArray partLogits() {
        return partLogits;
    }

    /** [PARTS, TOP_CAPACITY] */
    public IntArray partIds() {
        return partIds;
    }

    /** [PARTS] */
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

    /** [rows, heads, splits of a row's head, headDim + NOTES], of rows or of probes; see {@link Splits} */
    public FloatArray splits() {
        return splits;
    }

    /** [rowCapacity, heads, SOFTMAX]: how the rows attended in the probe layer */
    public FloatArray softmax() {
        return softmax;
    }

    /** [LOGIT_ROWS, PARTS, PART] */
    public FloatArray vocabularySums() {
        return vocabularySums;
    }

    /** [LOGIT_ROWS, RESULT] */
    public FloatArray statistics() {
        return statistics;
    }

    public MeasureBuffers measurement() {
        return measurement;
    }

    /** Everything that stays on the device; not the results that are copied back each time. */
    public List<TornadoNativeArray> arrays() {
        List<TornadoNativeArray> arrays = new ArrayList<>(activations.values());
        arrays.addAll(List.of(projected, angles, rowLogits, partLogits, partIds, partNext, splits, softmax, vocabularySums));
        arrays.addAll(measurement.arrays());
        return arrays;
    }
}
