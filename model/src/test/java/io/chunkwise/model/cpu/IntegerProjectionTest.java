package io.chunkwise.model.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.chunkwise.model.format.BlockCodec;
import io.chunkwise.model.format.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Integer activations against plain sums of the unrounded ones: what may differ is half of a step per activation. */
class IntegerProjectionTest {

    @BeforeEach
    void assumeLongVectors() {
        assumeTrue(IntegerProjection.isSupported(), "vectors of 256 bits");
    }

    @ParameterizedTest
    @EnumSource(names = {"Q8_0", "Q4_0"})
    void sumsDifferByTheRoundingOfActivationsOnly(TensorType type) {
        try (Arena arena = Arena.ofConfined()) {
            for (int inputs : new int[] {32, 96, 256, 352, 1024}) {
                for (int outputs : new int[] {1, 2, 5, 24}) {
                    float[] weights = gaussians(inputs * outputs, 1);
                    MemorySegment data = arena.allocate(type.bytesFor(weights.length));
                    BlockCodec.encode(type, weights, 0, weights.length, data, 0);
                    float[] in = gaussians(3 * inputs, 2);
                    Arrays.fill(in, inputs, inputs + 32, 0); // a block without a largest activation
                    check(type, data, inputs, outputs, in, 3, arena);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"Q8_0", "Q4_0"})
    void theLargestProductsFitWhateverTheirSigns(TensorType type) {
        int inputs = 64;
        try (Arena arena = Arena.ofConfined()) {
            for (int quant : new int[] {0x80, 0x7f, 0x00, 0xff}) { // bytes of Q8_0, pairs of nibbles of Q4_0
                MemorySegment data = arena.allocate(type.bytesFor(inputs));
                data.fill((byte) quant);
                for (long block = 0; block < data.byteSize(); block += type.bytesFor(32)) {
                    data.set(ValueLayout.JAVA_SHORT_UNALIGNED, block, Float.floatToFloat16(0.5f));
                }
                for (float sign : new float[] {1, -1}) {
                    float[] in = new float[inputs];
                    Arrays.fill(in, 3 * sign);
                    check(type, data, inputs, 1, in, 1, arena);
                    for (int i = 0; i < inputs; i += 2) {
                        in[i] = -in[i];
                    }
                    check(type, data, inputs, 1, in, 1, arena);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"Q8_0", "Q4_0"})
    void packedWeightsAreDecodedToTheBitsOfTheFile(TensorType type) {
        try (Arena arena = Arena.ofConfined()) {
            for (int inputs : new int[] {32, 96, 224, 256, 288, 768}) {
                int outputs = 5;
                MemorySegment data = arena.allocate(type.bytesFor(inputs * outputs));
                BlockCodec.encode(type, gaussians(inputs * outputs, inputs), 0, inputs * outputs, data, 0);
                float[] expected = new float[inputs * outputs];
                BlockCodec.decode(type, data, 0, expected, 0, expected.length);
                PackedWeights weights = packed(type, data, inputs, outputs, arena);
                float[] actual = new float[inputs * outputs];
                int[] quants = new int[PackedWeights.scratchSize()];
                for (int o = 0; o < outputs; o++) {
                    for (int begin = 0; begin < inputs; begin += 256) {
                        weights.decode(o, begin / 256, quants, actual, o * inputs + begin, Math.min(256, inputs - begin));
                    }
                }
                assertArrayEquals(expected, actual, type + " " + inputs);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"Q8_0", "Q4_0"})
    void anOutputHasTheSameBitsInWhateverPieceItIsComputed(TensorType type) {
        int inputs = 96;
        int outputs = 13;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment data = arena.allocate(type.bytesFor(inputs * outputs));
            BlockCodec.encode(type, gaussians(inputs * outputs, 3), 0, inputs * outputs, data, 0);
            IntegerProjection.Input rounded = new IntegerProjection.Input(type, false);
            rounded.round(gaussians(inputs, 4), inputs, 1);
            PackedWeights weights = packed(type, data, inputs, outputs, arena);
            float[] whole = gaussians(outputs, 5);
            float[] pieces = whole.clone();
            IntegerProjection.project(weights, rounded, 0, true, whole, 0, 0, outputs);
            for (int[] piece : new int[][] {{0, 1}, {1, 4}, {4, 4}, {4, 6}, {6, 13}}) {
                IntegerProjection.project(weights, rounded, 0, true, pieces, 0, piece[0], piece[1]);
            }
            for (int o = 0; o < outputs; o++) {
                assertEquals(whole[o], pieces[o], 0f, type + " output " + o);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"Q8_0", "Q4_0"})
    void turnedWeightsGiveTheSumsOfTheLeadingInputs(TensorType type) {
        try (Arena arena = Arena.ofConfined()) {
            for (int inputs : new int[] {17, 32, 33, 64, 100}) {
                int width = (inputs + 31) / 32 * 32; // rows are filled up to whole blocks
                for (int outputs : new int[] {8, 32, 96}) {
                    float[] weights = gaussians(width * outputs, inputs);
                    MemorySegment data = arena.allocate(type.bytesFor(weights.length));
                    BlockCodec.encode(type, weights, 0, weights.length, data, 0);
                    BlockCodec.decode(type, data, 0, weights, 0, weights.length);
                    PackedWeights packed = PackedWeights.allocateTurned(type, outputs, inputs, arena);
                    packed.pack(data, width, 0, packed.rows());
                    for (int active : new int[] {0, 1, inputs / 2, inputs}) {
                        float[] in = gaussians(2 * inputs, 7);
                        Arrays.fill(in, active, inputs, 0);
                        Arrays.fill(in, inputs + active, 2 * inputs, 0);
                        IntegerProjection.Input rounded = new IntegerProjection.Input(type, true);
                        rounded.round(in, inputs, 2);
                        float[] before = gaussians(2 * outputs, 8);
                        float[] actual = before.clone();
                        for (int row = 0; row < 2; row++) {
                            int half = packed.rows() / 2;
                            IntegerProjection.addTurned(packed, active, rounded, row, actual, row * outputs, 0, half);
                            IntegerProjection.addTurned(packed, active, rounded, row, actual, row * outputs, half, packed.rows());
                        }
                        for (int i = 0; i < actual.length; i++) {
                            double expected = before[i];
                            double tolerance = 1e-5 * (1 + Math.abs(expected));
                            for (int block = 0; block < inputs; block += 32) {
                                float largest = 0;
                                double magnitude = 0;
                                for (int k = block; k < Math.min(inputs, block + 32); k++) {
                                    float weight = weights[i % outputs * width + k];
                                    float x = in[i / outputs * inputs + k];
                                    expected += (double) weight * x;
                                    largest = Math.max(largest, Math.abs(x));
                                    magnitude += Math.abs(weight);
                                }
                                tolerance += magnitude * largest * (0.5 / 127 + 1e-5); // half of a step
                            }
                            assertEquals(expected, actual[i], tolerance,
                                    type + " [" + outputs + ", " + inputs + "], " + active + " inputs, output " + i);
                        }
                    }
                }
            }
        }
    }

    private static void check(TensorType type, MemorySegment data, int inputs, int outputs, float[] in, int rows, Arena arena) {
        float[] weights = new float[inputs * outputs];
        BlockCodec.decode(type, data, 0, weights, 0, weights.length);
        IntegerProjection.Input rounded = new IntegerProjection.Input(type, false);
        rounded.round(in, inputs, rows);
        PackedWeights packed = packed(type, data, inputs, outputs, arena);
        float[] before = gaussians(rows * outputs, 6);
        float[] actual = before.clone();
        for (int row = 0; row < rows; row++) {
            IntegerProjection.project(packed, rounded, row, true, actual, row * outputs, 0, outputs);
        }
        for (int row = 0; row < rows; row++) {
            for (int o = 0; o < outputs; o++) {
                double expected = before[row * outputs + o];
                double tolerance = 1e-5 * (1 + Math.abs(expected));
                for (int block = 0; block < inputs; block += 32) {
                    float largest = 0;
                    double magnitude = 0;
                    for (int i = block; i < block + 32; i++) {
                        float weight = weights[o * inputs + i];
                        float x = in[row * inputs + i];
                        expected += (double) weight * x;
                        largest = Math.max(largest, Math.abs(x));
                        magnitude += Math.abs(weight);
                    }
                    tolerance += magnitude * largest * (0.5 / 127 + 1e-5); // half of a step
                }
                assertEquals(expected, actual[row * outputs + o], tolerance,
                        type + " [" + outputs + ", " + inputs + "] row " + row + " of " + rows + " output " + o);
            }
        }
    }

    /** In two pieces, as two workers pack. */
    private static PackedWeights packed(TensorType type, MemorySegment data, int inputs, int outputs, Arena arena) {
        PackedWeights weights = PackedWeights.allocate(type, outputs, inputs, arena);
        weights.pack(data, inputs, outputs / 2, outputs);
        weights.pack(data, inputs, 0, outputs / 2);
        return weights;
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
