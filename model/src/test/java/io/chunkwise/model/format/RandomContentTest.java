package io.chunkwise.model.format;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Random tensors are what their seed, their place and their deviation say, whoever makes them. */
class RandomContentTest {
    private final Arena memory = Arena.ofShared();

    @AfterEach
    void free() {
        memory.close();
    }

    @ParameterizedTest
    @EnumSource(TensorType.class)
    void elementsHaveTheMeanAndTheDeviation(TensorType type) {
        // More than one piece of work, and no whole number of pieces.
        int count = 32 * 20_001;
        float[] values = decode(type, count, 7, 0);
        double sum = 0;
        double squares = 0;
        for (float value : values) {
            sum += value;
            squares += (double) value * value;
        }
        // Quants of four bits are of coarse steps, and scales waver.
        assertEquals(0.02, Math.sqrt(squares / count), 0.001, "standard deviation");
        assertEquals(0, sum / count, 0.02 * 6 / Math.sqrt(count / 32.0), "mean");
    }

    @ParameterizedTest
    @EnumSource(TensorType.class)
    void aTensorIsAPartOfItsSequence(TensorType type) {
        float[] whole = decode(type, 960, 3, 0);
        float[] tail = decode(type, 320, 3, 640);
        float[] expected = new float[320];
        System.arraycopy(whole, 640, expected, 0, 320);
        assertArrayEquals(expected, tail);
    }

    @ParameterizedTest
    @EnumSource(TensorType.class)
    void elementsAreThoseThatTheTablesSay(TensorType type) {
        int first = 64;
        RandomContent random = new RandomContent(type, 96, 11, first, 0, 0.5, memory);
        float[] values = decode(type, random);
        for (int i = 0; i < 96; i++) {
            int h = RandomContent.mix(first + i ^ 11);
            int level = (h & 255) + (h >>> 8 & 255) + (h >>> 16 & 255) + (h >>> 24);
            float scale = type.isQuantized()
                    ? random.blockScales()[RandomContent.mix(11 - 1 - (first + i) / 32) & RandomContent.SCALES - 1] : Float.NaN;
            byte[] table = random.elementOfLevel().toArray(ValueLayout.JAVA_BYTE);
            float expected = switch (type) {
                case F32, F16, BF16 -> {
                    float[] decoded = new float[RandomContent.LEVELS];
                    BlockCodec.decode(type, random.elementOfLevel(), 0, decoded, 0, decoded.length);
                    yield decoded[level];
                }
                case Q8_0 -> scale * table[level];
                case Q4_0 -> scale * (table[level] - 8);
            };
            assertEquals(expected, values[i], type + " element " + i + " of level " + level);
        }
    }

    @Test
    void scalesAreExactInHalfPrecisionAndOfBothSigns() {
        float[] scales = new RandomContent(TensorType.Q4_0, 32, 1, 0, 0, 0.01, memory).blockScales();
        int negative = 0;
        for (float scale : scales) {
            assertEquals(scale, Float.float16ToFloat(Float.floatToFloat16(scale)));
            negative += scale < 0 ? 1 : 0;
        }
        assertEquals(scales.length / 2, negative);
        assertEquals(0, new RandomContent(TensorType.F16, 32, 1, 0, 0, 0.01, memory).blockScales().length);
    }

    @Test
    void otherSeedsGiveOtherNumbers() {
        float[] one = decode(TensorType.F32, 1000, 1, 0);
        float[] other = decode(TensorType.F32, 1000, 2, 0);
        int same = 0;
        for (int i = 0; i < one.length; i++) {
            same += one[i] == other[i] ? 1 : 0;
        }
        assertTrue(same < 20, same + " of 1000 elements are the same"); // two or three are to be expected
    }

    @Test
    void sizesAreKnownBeforeBytesAreMade() {
        // Half a terabyte, which is never made.
        TensorView huge = new TensorView("huge", TensorType.F32, List.of(1L << 20, 1L << 17),
                new RandomContent(TensorType.F32, 1L << 37, 1, 0, 0, 1, memory));
        assertEquals(1L << 39, huge.bytes());
    }

    @Test
    void bytesAreMadeOnceAndMayNotBeChanged() {
        RandomContent random = new RandomContent(TensorType.Q8_0, 64, 1, 0, 0, 1, memory);
        assertEquals(random.data().address(), random.data().address());
        assertTrue(random.data().isReadOnly());
    }

    @Test
    void onlyEqualRecipesAreOfOneSequence() {
        RandomContent random = new RandomContent(TensorType.F16, 64, 1, 0, 0, 1, memory);
        assertTrue(random.isOfSameSequence(new RandomContent(TensorType.F16, 96, 1, 64, 0, 1, memory)));
        assertFalse(random.isOfSameSequence(new RandomContent(TensorType.F16, 64, 2, 64, 0, 1, memory)));
        assertFalse(random.isOfSameSequence(new RandomContent(TensorType.BF16, 64, 1, 64, 0, 1, memory)));
        assertFalse(random.isOfSameSequence(new RandomContent(TensorType.F16, 64, 1, 64, 0, 2, memory)));
        assertFalse(random.isOfSameSequence(new TensorContent.Stored(random.data())));
    }

    @Test
    void brokenBlocksAndMeansOfQuantsAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> new RandomContent(TensorType.Q8_0, 33, 1, 0, 0, 1, memory));
        assertThrows(IllegalArgumentException.class, () -> new RandomContent(TensorType.Q8_0, 32, 1, 8, 0, 1, memory));
        assertThrows(IllegalArgumentException.class, () -> new RandomContent(TensorType.Q4_0, 32, 1, 0, 1, 1, memory));
    }

    private float[] decode(TensorType type, int count, int seed, long first) {
        return decode(type, new RandomContent(type, count, seed, first, 0, 0.02, memory));
    }

    private static float[] decode(TensorType type, RandomContent random) {
        int count = Math.toIntExact(random.bytes() / type.blockBytes() * type.blockElements());
        return BlockCodec.decode(new TensorView("random", type, List.of((long) count), random));
    }
}
