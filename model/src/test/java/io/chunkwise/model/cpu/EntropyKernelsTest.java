package io.chunkwise.model.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EntropyKernelsTest {

    @ParameterizedTest
    @ValueSource(ints = {2, 3, 7, 8, 17, 33, 100, 513, 1024, 1025, 5000, 128_256})
    void itIsTheEntropyOfTheSoftmax(int count) {
        for (double deviation : new double[] {0.01, 1, 4, 30, 1000}) {
            Random random = new Random(count);
            float[] logits = new float[count + 3];
            for (int i = 0; i < logits.length; i++) {
                logits[i] = (float) (random.nextGaussian() * deviation);
            }
            double largest = Double.NEGATIVE_INFINITY;
            for (int i = 3; i < logits.length; i++) {
                largest = Math.max(largest, logits[i]);
            }
            double total = 0;
            for (int i = 3; i < logits.length; i++) {
                total += Math.exp(logits[i] - largest);
            }
            double expected = 0;
            for (int i = 3; i < logits.length; i++) {
                double probability = Math.exp(logits[i] - largest) / total;
                expected -= probability == 0 ? 0 : probability * Math.log(probability);
            }
            float actual = EntropyKernels.ofLogits(logits, 3, count);
            assertEquals(expected / Math.log(count), actual, 1e-6, count + " logits, deviation " + deviation);
        }
    }

    @Test
    void aCertainTokenHasNoneAndEquallyLikelyOnesHaveAll() {
        float[] logits = new float[1000];
        assertEquals(1, EntropyKernels.ofLogits(logits, 0, 1000), 1e-6);
        Arrays.fill(logits, -1e38f);
        logits[999] = 3;
        assertEquals(0, EntropyKernels.ofLogits(logits, 0, 1000), 1e-12);
        assertEquals(0, EntropyKernels.ofLogits(logits, 999, 1), "of one token");
    }
}
