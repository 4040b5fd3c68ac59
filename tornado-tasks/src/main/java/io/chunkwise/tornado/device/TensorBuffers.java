package io.chunkwise.tornado.device;

import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.tornado.kernels.ProjectionKernels;
import io.chunkwise.tornado.kernels.TensorKernels;
import java.util.List;
import java.util.stream.IntStream;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * Scratch of projections on tensor cores, for one projection at a time.
 *
 * @param split   [rows in whole tiles, inputs and components in whole steps]: rows as pairs of halves, see {@link TensorKernels#splitRows}
 * @param factors [rows in whole tiles]
 * @param sums    [rows, outputs and components, each in whole tiles]
 */
public record TensorBuffers(IntArray split, FloatArray factors, FloatArray sums) {
    /** Weights of the largest stack, each with components. */
    private static final int STACKED = 3;

    /**
     * For a model's projections.
     *
     * @param rank the most components that a site can have
     */
    public static TensorBuffers of(LlamaConfig config, int rowCapacity, int rank) {
        int inputs = IntStream.of(config.hiddenSize(), config.queryDim(), config.ffnSize()).max().orElseThrow();
        int outputs = IntStream.of(config.hiddenSize(), config.queryDim() + 2 * config.kvDim(), 2 * config.ffnSize()).max().orElseThrow();
        return of(rowCapacity, inputs, outputs, rank);
    }

    /** For projections of at most so many inputs and outputs. */
    public static TensorBuffers of(int rowCapacity, int inputs, int outputs, int rank) {
        int rows = wholeTiles(rowCapacity);
        return new TensorBuffers(DeviceArrays.ints("split rows", rows, TensorKernels.splitInts(inputs, rank)),
                DeviceArrays.floats("factors of rows", rows),
                DeviceArrays.floats("sums of tiles", rows, wholeTiles(outputs + STACKED * rank)));
    }

    /** For executors without tensor cores: nothing that lies on a device. */
    public static TensorBuffers none() {
        return new TensorBuffers(new IntArray(1), new FloatArray(1), new FloatArray(1));
    }

    public List<TornadoNativeArray> arrays() {
        return factors.getSize() > 1 ? List.of(split, factors, sums) : List.of();
    }

    private static int wholeTiles(int count) {
        return Math.ceilDiv(count, ProjectionKernels.TILE) * ProjectionKernels.TILE;
    }
}
