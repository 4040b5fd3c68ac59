package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;

/**
 * What a thread of the threaded form does: {@link ProjectionKernels#CHUNK} outputs of a row, for any {@link WeightFormat}. Inputs are read
 * through a {@link RowTile}.
 */
final class ChunkProjection {
    private static final int CHUNK = ProjectionKernels.CHUNK;
    private static final int TILE = RowTile.SIZE;

    private ChunkProjection() {
    }

    /** Threads of a projection, or of a stack, with so many outputs. */
    static int count(IntArray control, int outputs) {
        return control.get(Control.ROWS) * ((outputs + CHUNK - 1) / CHUNK);
    }

    /** Thread {@code index} of {@link ProjectionKernels#projectRows}. */
    static void project(int index, IntArray control, FloatArray in, int format, FloatArray floats, ShortArray halves, IntArray quants,
            ByteArray nibbles, int mantissaBits, FloatArray parts, IntArray adapter, IntArray upCodes, FloatArray upFloats, FloatArray out,
            int inputs, int outputs, int layerStride, int accumulate, int site, int partCount) {
        int layer = control.get(Control.LAYER) * layerStride;
        int rows = LowRankKernels.rowsDivisor(control);
        int chunk = index / rows;
        int row = index - chunk * rows;
        int first = chunk * CHUNK;
        int used = TornadoMath.min(CHUNK, outputs - first);
        float[] tile = new float[TILE];
        float[] sums = new float[CHUNK];
        RowTile.clear(sums, CHUNK);
        for (int t = 0; t < inputs; t += TILE) {
            int width = TornadoMath.min(TILE, inputs - t);
            RowTile.load(tile, in, row * inputs + t, width);
            for (int o = 0; o < used; o++) {
                sums[o] += WeightFormat.tileDot(format, floats, halves, quants, nibbles, mantissaBits, tile,
                        layer + (first + o) * inputs + t, width);
            }
        }
        UpHalves.addParts(sums, tile, control, adapter, parts, partCount, site, row, first, upCodes, upFloats);
        RowTile.store(sums, used, out, row * outputs + first, accumulate);
    }

    /** Thread {@code index} of {@link ProjectionKernels#normAndProjectRows}. */
    static void normAndProject(int index, IntArray control, FloatArray in, FloatArray norm, FloatArray gains, IntArray adapter,
            IntArray downCodes, FloatArray downFloats, int format, int mantissaBits, FloatArray floatsA, ShortArray halvesA,
            IntArray quantsA, ByteArray nibblesA, FloatArray floatsB, ShortArray halvesB, IntArray quantsB, ByteArray nibblesB,
            FloatArray floatsC, ShortArray halvesC, IntArray quantsC, ByteArray nibblesC, FloatArray out, FloatArray hidden, int inputs,
            int outputsA, int outputsB, int weights, float epsilon) {
        int rows = LowRankKernels.rowsDivisor(control);
        int layer = control.get(Control.LAYER);
        int outputsC = (weights - 2) * outputsB;
        int width = outputsA + outputsB + outputsC;
        int stacked = LowRankKernels.stacked(control, outputsA, outputsB, weights);
        int chunk = index / rows;
        int row = index - chunk * rows;
        int first = chunk * CHUNK;
        int end = first + CHUNK;
        int endA = TornadoMath.min(end, outputsA);
        int startB = TornadoMath.max(first - outputsA, 0);
        int endB = TornadoMath.min(end - outputsA, outputsB);
        int startC = TornadoMath.max(first - outputsA - outputsB, 0);
        int endC = TornadoMath.min(end - outputsA - outputsB, outputsC);
        int startDown = TornadoMath.max(first - width, 0);
        int endDown = TornadoMath.min(end, stacked) - width;
        float[] tile = new float[TILE];
        float[] sums = new float[CHUNK];
        RowTile.clear(sums, CHUNK);
        float squares = 0f;
        for (int t = 0; t < inputs; t += TILE) {
            int used = TornadoMath.min(TILE, inputs - t);
            squares += RowTile.loadNormed(tile, in, row * inputs + t, norm, layer * inputs + t, used);
            for (int o = first; o < endA; o++) {
                sums[o - first] += WeightFormat.tileDot(format, floatsA, halvesA, quantsA, nibblesA, mantissaBits, tile,
                        (layer * outputsA + o) * inputs + t, used);
            }
            for (int o = startB; o < endB; o++) {
                sums[outputsA + o - first] += WeightFormat.tileDot(format, floatsB, halvesB, quantsB, nibblesB, mantissaBits, tile,
                        (layer * outputsB + o) * inputs + t, used);
            }
            for (int o = startC; o < endC; o++) {
                sums[outputsA + outputsB + o - first] += WeightFormat.tileDot(format, floatsC, halvesC, quantsC, nibblesC, mantissaBits,
                        tile, (layer * outputsC + o) * inputs + t, used);
            }
            DownHalves.addToStack(sums, width - first, startDown, endDown, tile, t, used, control, adapter, downCodes, downFloats, weights,
                    row, inputs);
        }
        float inverse = 1f / TornadoMath.sqrt(squares / inputs + epsilon);
        int endOut = TornadoMath.min(end, width);
        for (int o = first; o < endOut; o++) {
            out.set(row * width + o, inverse * sums[o - first]);
        }
        DownHalves.storeOfStack(sums, width - first, startDown, endDown, inverse, control, gains, adapter, hidden, weights, row);
    }
}
