package io.chunkwise.model.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HadamardKernelsTest {

    @ParameterizedTest
    @CsvSource({"2, 2", "4, 4", "6, 2", "8, 8", "12, 4", "20, 4", "24, 8", "32, 32", "64, 64", "80, 16", "128, 128"})
    void headsAreMultipliedByTheHadamardMatrixInBlocks(int headDim, int block) {
        int heads = 3;
        float[] before = gaussians(5 * heads * headDim);
        float[] after = before.clone();
        HadamardKernels.multiply(after, 1, 4, heads * headDim, headDim);
        for (int i = 0; i < before.length; i++) {
            int row = i / (heads * headDim);
            double expected = 0;
            int start = i / block * block;
            for (int j = 0; j < block; j++) {
                expected += (Integer.bitCount(i - start & j) % 2 == 0 ? 1 : -1) * before[start + j] / Math.sqrt(block);
            }
            assertEquals(row >= 1 && row < 4 ? expected : before[i], after[i], 1e-5, "element " + i);
        }
        HadamardKernels.multiply(after, 1, 4, heads * headDim, headDim);
        for (int i = 0; i < before.length; i++) {
            assertEquals(before[i], after[i], 1e-5, "element " + i + " after doing it twice");
        }
    }

    private static float[] gaussians(int count) {
        Random random = new Random(9);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }
}
