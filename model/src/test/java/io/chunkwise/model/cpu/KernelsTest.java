package io.chunkwise.model.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.model.format.BlockCodec;
import io.chunkwise.model.format.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The vectorised kernels against plain loops. The executor's contract covers their interplay. */
class KernelsTest {

    @ParameterizedTest
    @EnumSource(TensorType.class)
    void decodingGivesTheBitsOfTheReferenceCodec(TensorType type) {
        try (Arena arena = Arena.ofConfined()) {
            for (int count : type.isQuantized() ? new int[] {32, 64, 352} : new int[] {1, 3, 8, 17, 33, 100}) {
                MemorySegment data = encoded(type, gaussians(count * 3, 1), arena);
                float[] expected = new float[count];
                float[] actual = new float[count + 5];
                BlockCodec.decode(type, data, 2L * count, expected, 0, count);
                WeightDecoder.decode(type, data, 2L * count, actual, 3, count);
                assertArrayEquals(expected, Arrays.copyOfRange(actual, 3, 3 + count), type + " x " + count);
            }
        }
    }

    @Test
    void everyFiniteHalfIsDecodedExactly() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment data = arena.allocate(1 << 17);
            for (int bits = 0; bits < 1 << 16; bits++) {
                boolean finite = (bits & 0x7c00) != 0x7c00;
                data.setAtIndex(ValueLayout.JAVA_SHORT, bits, finite ? (short) bits : 0);
            }
            float[] actual = new float[1 << 16];
            WeightDecoder.decode(TensorType.F16, data, 0, actual, 0, actual.length);
            for (int bits = 0; bits < 1 << 16; bits++) {
                float expected = Float.float16ToFloat(data.getAtIndex(ValueLayout.JAVA_SHORT, bits));
                assertEquals(Float.floatToRawIntBits(expected), Float.floatToRawIntBits(actual[bits]), "half " + Integer.toHexString(bits));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(TensorType.class)
    void oneRowAndManyRowsAgreeWithPlainLoops(TensorType type) {
        try (Arena arena = Arena.ofConfined()) {
            for (int inputs : type.isQuantized() ? new int[] {32, 96, 352} : new int[] {1, 3, 17, 33, 100, 300}) {
                for (int outputs : new int[] {1, 5, 24, 33}) {
                    for (int rows : new int[] {1, 3, 17, 33}) {
                        check(type, inputs, outputs, rows, arena);
                    }
                }
            }
        }
    }

    private static void check(TensorType type, int inputs, int outputs, int rows, Arena arena) {
        MemorySegment data = encoded(type, gaussians(inputs * outputs, 2), arena);
        float[] weights = new float[inputs * outputs];
        BlockCodec.decode(type, data, 0, weights, 0, weights.length);
        float[] in = gaussians(rows * inputs, 3);
        float[] before = gaussians(rows * outputs, 4);
        float[] byRow = before.clone();
        float[] byTile = before.clone();
        float[] prepared = new float[RowProjection.preparedSize(type, inputs)];
        for (int row = 0; row < rows; row++) {
            if (type.isQuantized()) {
                RowProjection.prepare(type, in, row * inputs, inputs, prepared, 0);
            }
            RowProjection.project(type, data, inputs, type.isQuantized() ? prepared : in, type.isQuantized() ? 0 : row * inputs,
                    true, byRow, row * outputs, 0, outputs);
        }
        int panels = TileProjection.panels(rows);
        float[] packed = new float[panels * TileProjection.PANEL * TileProjection.even(inputs)];
        TileProjection.pack(in, rows, inputs, packed, 0, panels);
        TileProjection.Product whole = new TileProjection.Product(TileProjection.stored(type, data, inputs), inputs, packed, null);
        float[] scratch = new float[TileProjection.scratchSize(rows)];
        Arrays.fill(scratch, Float.NaN);
        TileProjection.project(List.of(whole), rows, true, scratch, byTile, outputs, 0, outputs);
        for (int row = 0; row < rows; row++) {
            for (int o = 0; o < outputs; o++) {
                double expected = before[row * outputs + o];
                double magnitude = Math.abs(expected);
                for (int i = 0; i < inputs; i++) {
                    double product = (double) weights[o * inputs + i] * in[row * inputs + i];
                    expected += product;
                    magnitude += Math.abs(product);
                }
                // Quants are made positive and the surplus is taken off again: sums are some three times as large on the way.
                double tolerance = 3 * magnitude * 0x1p-23 * (4 + inputs / 16.0);
                String where = type + " [" + outputs + ", " + inputs + "] row " + row + " of " + rows + " output " + o;
                assertEquals(expected, byRow[row * outputs + o], tolerance, where + " by row");
                assertEquals(expected, byTile[row * outputs + o], tolerance, where + " by tile");
            }
        }
    }

    @Test
    void productsOfATileAddUpAndPanelsAreTheInputOfTheNextProjection() {
        for (int[] sizes : new int[][] {{17, 33, 5, 9}, {300, 64, 64, 40}, {3, 100, 1, 33}, {40, 81, 260, 17}}) {
            int inputs = sizes[0];
            int outputs = sizes[1];
            int rank = sizes[2];
            int rows = sizes[3];
            float[] base = gaussians(outputs * inputs, 1);
            float[] down = gaussians(rank * inputs, 2);
            float[] up = gaussians(outputs * rank, 3);
            float[] in = gaussians(rows * inputs, 4);
            int panels = TileProjection.panels(rows);
            float[] packed = new float[panels * TileProjection.PANEL * TileProjection.even(inputs)];
            TileProjection.pack(in, rows, inputs, packed, 0, panels);
            // The last panel takes half of the components.
            int[] active = new int[panels];
            Arrays.fill(active, rank);
            active[panels - 1] = rank / 2;
            float[] scratch = new float[TileProjection.scratchSize(rows)];
            Arrays.fill(scratch, Float.NaN);
            float[] hidden = new float[panels * TileProjection.PANEL * TileProjection.even(rank)];
            TileProjection.Product inner = new TileProjection.Product(rows(down, inputs), inputs, packed, null);
            TileProjection.projectToPanels(List.of(inner), panels, active, scratch, hidden, rank, 0, rank);
            for (int k = active[panels - 1]; k < rank; k++) {
                Arrays.fill(hidden, ((panels - 1) * TileProjection.even(rank) + k) * TileProjection.PANEL,
                        ((panels - 1) * TileProjection.even(rank) + k + 1) * TileProjection.PANEL, 0);
            }
            float[] out = new float[rows * outputs];
            TileProjection.project(List.of(new TileProjection.Product(rows(base, inputs), inputs, packed, null),
                    new TileProjection.Product(rows(up, rank), rank, hidden, active)), rows, false, scratch, out, outputs, 0, outputs);
            float[] turned = new float[out.length];
            TileProjection.project(List.of(new TileProjection.Product(rows(base, inputs), inputs, packed, null),
                    new TileProjection.Product(turned(up, rank), true, rank, hidden, active, () -> { })),
                    rows, false, scratch, turned, outputs, 0, outputs);
            assertArrayEquals(out, turned, Arrays.toString(sizes));
            for (int row = 0; row < rows; row++) {
                double[] h = new double[active[row / TileProjection.PANEL]];
                double magnitude = 0;
                for (int k = 0; k < h.length; k++) {
                    for (int i = 0; i < inputs; i++) {
                        h[k] += (double) down[k * inputs + i] * in[row * inputs + i];
                    }
                    magnitude += Math.abs(h[k]) + inputs;
                }
                for (int o = 0; o < outputs; o++) {
                    double expected = 0;
                    for (int i = 0; i < inputs; i++) {
                        expected += (double) base[o * inputs + i] * in[row * inputs + i];
                    }
                    for (int k = 0; k < h.length; k++) {
                        expected += h[k] * up[o * rank + k];
                    }
                    assertEquals(expected, out[row * outputs + o], (magnitude + inputs) * 0x1p-23 * 20,
                            Arrays.toString(sizes) + " row " + row + " output " + o);
                }
            }
        }
    }

    private static TileProjection.Weights turned(float[] weights, int inputs) {
        return (first, outputs, begin, count, tile) -> {
            for (int o = 0; o < outputs; o++) {
                for (int i = 0; i < count; i++) {
                    tile[i * TileProjection.TILE + o] = weights[(first + o) * inputs + begin + i];
                }
            }
        };
    }

    private static TileProjection.Weights rows(float[] weights, int inputs) {
        return (first, outputs, begin, count, tile) -> {
            for (int o = 0; o < outputs; o++) {
                System.arraycopy(weights, (first + o) * inputs + begin, tile, o * TileProjection.DEPTH, count);
            }
        };
    }

    @Test
    void theExponentialIsWithinTwoUnitsInTheLastPlace() {
        Random random = new Random(5);
        float[] x = new float[Lanes.COUNT];
        float[] actual = new float[Lanes.COUNT];
        for (int round = 0; round < 50_000; round++) {
            for (int i = 0; i < x.length; i++) {
                x[i] = random.nextFloat(-87, 88);
            }
            VectorMath.exp(FloatVector.fromArray(Lanes.FLOATS, x, 0)).intoArray(actual, 0);
            for (int i = 0; i < x.length; i++) {
                double expected = Math.exp(x[i]);
                double tolerance = 2 * Math.ulp((float) expected);
                assertEquals(expected, actual[i], tolerance, "e^" + x[i]);
            }
        }
    }

    @Test
    void theExponentialIsTameBeyondItsRange() {
        float[] x = new float[Lanes.COUNT];
        float[] actual = new float[Lanes.COUNT];
        Arrays.fill(x, Float.NEGATIVE_INFINITY);
        x[0] = 0;
        x[1] = 1000;
        VectorMath.exp(FloatVector.fromArray(Lanes.FLOATS, x, 0)).intoArray(actual, 0);
        assertEquals(1, actual[0], "e^0");
        assertTrue(actual[1] > 1e38 && Float.isFinite(actual[1]), "e^1000 is " + actual[1]);
        assertTrue(actual[2] >= 0 && actual[2] < 1e-37, "e^-infinity is " + actual[2]);
    }

    @Test
    void theSumOfLanesAddsHalvesInTheSameOrderCompiledOrNot() {
        float[] lanes = new float[Lanes.COUNT];
        Random random = new Random(6);
        for (int round = 0; round < 50_000; round++) {
            for (int i = 0; i < lanes.length; i++) {
                lanes[i] = random.nextFloat(-1, 1) * (1 << random.nextInt(20));
            }
            float[] sums = lanes.clone();
            for (int half = sums.length / 2; half > 0; half /= 2) {
                for (int i = 0; i < half; i++) {
                    sums[i] += sums[i + half];
                }
            }
            assertEquals(sums[0], Lanes.sum(FloatVector.fromArray(Lanes.FLOATS, lanes, 0)), 0f, "round " + round);
        }
    }

    private static MemorySegment encoded(TensorType type, float[] values, Arena arena) {
        MemorySegment data = arena.allocate(type.bytesFor(values.length));
        BlockCodec.encode(type, values, 0, values.length, data, 0);
        return data;
    }

    private static float[] gaussians(int count, int seed) {
        Random random = new Random(seed);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }
}
