package io.chunkwise.model.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.chunkwise.model.adapter.LowRankPair;
import io.chunkwise.model.format.TensorType;
import java.lang.foreign.Arena;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class AttachedPairTest {

    @ParameterizedTest
    @EnumSource(TensorType.class)
    void updatesAreThoseOfTheDecodedComponents(TensorType type) {
        for (int[] shape : new int[][] {{1, 32, 32}, {5, 96, 160}, {17, 33, 100}, {3, 64, 7}, {64, 32, 64}}) {
            LowRankPair pair = pair(shape[0], shape[1], shape[2], 1, 1);
            try (Arena memory = Arena.ofConfined()) {
                AttachedPair attached = AttachedPair.of(pair, type, memory, false);
                float[] up = up(attached);
                float[] hidden = gaussians(4 * pair.rank(), 2, 1);
                float[] before = gaussians(4 * pair.outputs(), 3, 1);
                float[] byOne = before.clone();
                int active = (pair.rank() + 1) / 2;
                for (int row = 0; row < 4; row++) {
                    LowRankKernels.addUp(attached, hidden, row * pair.rank(), active, byOne, row * pair.outputs(), 0, pair.outputs());
                }
                for (int row = 0; row < 4; row++) {
                    for (int o = 0; o < pair.outputs(); o++) {
                        double expected = before[row * pair.outputs() + o];
                        double magnitude = Math.abs(expected);
                        for (int k = 0; k < active; k++) {
                            double product = (double) hidden[row * pair.rank() + k] * up[o * pair.rank() + k];
                            expected += product;
                            magnitude += Math.abs(product);
                        }
                        double tolerance = magnitude * 0x1p-23 * (4 + active);
                        String where = type + " " + pair.rank() + " components, row " + row + ", output " + o;
                        assertEquals(expected, byOne[row * pair.outputs() + o], tolerance, where);
                    }
                }
            }
        }
    }

    // An F16 scale of a block holds neither 1e-9 nor 1e9 as it is.
    @ParameterizedTest
    @EnumSource(TensorType.class)
    void theSizeOfComponentsDoesNotMatter(TensorType type) {
        double bound = switch (type) {
            case F32 -> 0;
            case F16 -> 0x1p-11;
            case BF16 -> 0x1p-8;
            case Q8_0 -> 1 / 127.0;
            case Q4_0 -> 1 / 7.0;
        };
        for (double size : new double[] {1e-12, 1e-5, 1, 1e9}) {
            LowRankPair pair = pair(4, 64, 96, size, 1e-6 / size);
            try (Arena memory = Arena.ofConfined()) {
                AttachedPair attached = AttachedPair.of(pair, type, memory, false);
                float[] down = new float[TileProjection.scratchSize(1)];
                float[] up = up(attached);
                for (int k = 0; k < 4; k++) {
                    attached.downWeights().read(k, 1, 0, 64, down);
                    double downNorm = 0;
                    for (int i = 0; i < 64; i++) {
                        downNorm = Math.max(downNorm, Math.abs(pair.down()[k * 64 + i]));
                    }
                    double upNorm = 0;
                    for (int o = 0; o < 96; o++) {
                        upNorm = Math.max(upNorm, Math.abs(pair.up()[o * 4 + k]));
                    }
                    for (int o = 0; o < 96; o++) {
                        for (int i = 0; i < 64; i++) {
                            double expected = (double) pair.up()[o * 4 + k] * pair.down()[k * 64 + i];
                            double actual = (double) up[o * 4 + k] * down[i] * attached.factor()[k];
                            assertEquals(expected, actual, 2.5 * bound * upNorm * downNorm,
                                    type + " of size " + size + ": component " + k + ", output " + o + ", input " + i);
                        }
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(TensorType.class)
    void tilesOfTheSecondHalfAreTheDecodedComponents(TensorType type) {
        for (int[] shape : new int[][] {{1, 32, 32}, {5, 96, 160}, {17, 33, 100}, {3, 64, 7}, {300, 32, 64}}) {
            try (Arena memory = Arena.ofConfined()) {
                AttachedPair attached = AttachedPair.of(pair(shape[0], shape[1], shape[2], 1, 1), type, memory, false);
                float[] up = up(attached);
                for (int first = 0; first < attached.outputs(); first += 5) {
                    int count = Math.min(TileProjection.TILE, attached.outputs() - first);
                    for (int begin = 0; begin < attached.rank(); begin += TileProjection.DEPTH) {
                        int components = Math.min(TileProjection.DEPTH, attached.rank() - begin);
                        float[] tile = new float[TileProjection.scratchSize(1)];
                        attached.upWeights().read(first, count, begin, components, tile);
                        for (int o = 0; o < count; o++) {
                            for (int k = 0; k < components; k++) {
                                assertEquals(up[(first + o) * attached.rank() + begin + k], tile[k * TileProjection.TILE + o],
                                        type + ": output " + (first + o) + ", component " + (begin + k));
                            }
                        }
                    }
                }
            }
        }
    }

    /** Blocks of packed halves are 32 neighbours of a row, be they inputs or components; no two components share a size here. */
    @ParameterizedTest
    @EnumSource(names = {"Q8_0", "Q4_0"})
    void packedHalvesAreOffByARoundingOfTheirBlocks(TensorType type) {
        assumeTrue(IntegerProjection.isSupported(), "vectors of 256 bits");
        double bound = type == TensorType.Q8_0 ? 0.5 / 127 + 0x1p-11 : 1 / 8.0 + 0x1p-11; // the largest positive value of Q4_0 is 7 of 8
        for (int rank : new int[] {1, 16, 17, 32, 40, 64, 300}) {
            LowRankPair pair = pair(rank, 96, 160, 1, 1);
            for (int k = 0; k < rank; k++) {
                for (int o = 0; o < pair.outputs(); o++) {
                    pair.up()[o * rank + k] *= Math.scalb(1f, k % 7 - 30);
                }
            }
            try (Arena memory = Arena.ofConfined()) {
                AttachedPair attached = AttachedPair.of(pair, type, memory, true);
                assertEquals(rank >= 17, attached.packedUp() != null, rank + " components");
                float[] tile = new float[TileProjection.scratchSize(1)];
                for (int first = 0; first < pair.outputs(); first += TileProjection.TILE) {
                    for (int begin = 0; begin < rank; begin += TileProjection.DEPTH) {
                        int components = Math.min(TileProjection.DEPTH, rank - begin);
                        attached.upWeights().read(first, TileProjection.TILE, begin, components, tile);
                        for (int i = 0; i < TileProjection.TILE * components; i++) {
                            int o = first + i % TileProjection.TILE;
                            int k = begin + i / TileProjection.TILE;
                            // Without what stands for the down half: relative to the power of two of the component, values are below 2.
                            double factor = Math.scalb(1, Math.getExponent(largest(pair, k)));
                            assertEquals(pair.up()[o * rank + k] / factor, tile[i], 2 * bound,
                                    type + ", " + rank + " components: output " + o + ", component " + k);
                        }
                    }
                }
                for (int k = 0; k < rank; k++) {
                    attached.downWeights().read(k, 1, 0, 96, tile);
                    double factor = attached.factor()[k] / Math.scalb(1, Math.getExponent(largest(pair, k)));
                    for (int i = 0; i < 96; i++) {
                        assertEquals(pair.down()[k * 96 + i] / factor, tile[i], 2 * bound, type + ": component " + k + ", input " + i);
                    }
                }
            }
        }
    }

    /** Of the up half's values of a component. */
    private static float largest(LowRankPair pair, int k) {
        float largest = 0;
        for (int o = 0; o < pair.outputs(); o++) {
            largest = Math.max(largest, Math.abs(pair.up()[o * pair.rank() + k]));
        }
        return largest;
    }

    /** [outputs, rank] without the factors. */
    private static float[] up(AttachedPair pair) {
        float[] up = new float[pair.outputs() * pair.rank()];
        float[] component = new float[AttachedPair.TILE];
        for (int first = 0; first < pair.outputs(); first += AttachedPair.TILE) {
            int width = Math.min(AttachedPair.TILE, pair.outputs() - first);
            for (int k = 0; k < pair.rank(); k++) {
                WeightDecoder.decode(pair.type(), pair.up(), pair.tileAt(first) + k * width, component, 0, width);
                for (int o = 0; o < width; o++) {
                    up[(first + o) * pair.rank() + k] = component[o];
                }
            }
        }
        return up;
    }

    private static LowRankPair pair(int rank, int inputs, int outputs, double downSize, double upSize) {
        return new LowRankPair(rank, inputs, outputs, gaussians(rank * inputs, 5, downSize), gaussians(rank * outputs, 6, upSize));
    }

    private static float[] gaussians(int count, int seed, double size) {
        Random random = new Random(seed);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) (random.nextGaussian() * size);
        }
        return values;
    }
}
