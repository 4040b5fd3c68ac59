package io.chunkwise.evaluate.perplexity;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PairedDifferenceTest {

    @ParameterizedTest
    @ValueSource(ints = {2, 3, 17, 100})
    void windowsOfOneLengthHaveTheTextbooksMeanAndError(int windows) {
        Random random = new Random(windows);
        int[] scored = IntStream.generate(() -> 511).limit(windows).toArray();
        double[] reference = random.doubles(windows, 1000, 2000).toArray();
        double[] ours = Arrays.stream(reference).map(sum -> sum + random.nextGaussian(-3, 10)).toArray();
        double[] differences = IntStream.range(0, windows).mapToDouble(at -> (ours[at] - reference[at]) / 511).toArray();
        double mean = Arrays.stream(differences).average().orElseThrow();
        double variance = Arrays.stream(differences).map(difference -> (difference - mean) * (difference - mean)).sum() / (windows - 1);
        PairedDifference found = PairedDifference.of(ours, reference, scored);
        assertEquals(mean, found.nats(), 1e-12);
        assertEquals(Math.sqrt(variance / windows), found.standardError(), 1e-12);
        assertEquals(windows, found.windows());
    }

    @Test
    void theMeanIsPerTokenWhateverTheWindowsLengths() {
        PairedDifference found = PairedDifference.of(new double[] {30, 5}, new double[] {20, 4}, new int[] {100, 10});
        assertEquals(11 / 110.0, found.nats(), 1e-12);
        assertEquals(0, found.standardError(), 1e-12); // both windows lose as much per token
    }

    @Test
    void oneWindowHasNoError() {
        assertTrue(Double.isNaN(PairedDifference.of(new double[] {3}, new double[] {2}, new int[] {10}).standardError()));
    }
}
