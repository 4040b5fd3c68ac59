package io.chunkwise.benchmark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MedianIntervalTest {

    /** Ranks as tables of order statistics have them. */
    @ParameterizedTest
    @CsvSource({"6, 1, 6", "8, 1, 8", "9, 2, 8", "10, 2, 9", "20, 6, 15", "25, 8, 18", "50, 18, 33", "100, 40, 61"})
    void endsAreTheValuesOfTheTabulatedRanks(int count, int low, int high) {
        List<Double> values = Arrays.asList(IntStream.rangeClosed(1, count).mapToObj(i -> (double) i).toArray(Double[]::new));
        Collections.shuffle(values, new Random(count));
        MedianInterval interval = MedianInterval.of(values.stream().mapToDouble(Double::doubleValue).toArray());
        assertEquals(new MedianInterval(low, (count + 1) / 2.0, high), interval);
        assertTrue(interval.isKnown());
    }

    @Test
    void itHoldsTheMedianOfASkewedDistributionAsOftenAsItSays() {
        Random random = new Random(11);
        int held = 0;
        for (int i = 0; i < 4000; i++) {
            MedianInterval interval = MedianInterval.of(DoubleStream.generate(() -> -Math.log(random.nextDouble())).limit(21).toArray());
            held += interval.low() <= Math.log(2) && Math.log(2) <= interval.high() ? 1 : 0;
        }
        assertEquals(0.973, held / 4000.0, 0.01, "1 - 2 P(Binomial(21, 1/2) <= 5)");
    }

    @Test
    void fiveValuesHaveAMedianOnly() {
        MedianInterval interval = MedianInterval.of(5, 1, 4, 2, 3);
        assertEquals(3, interval.median());
        assertFalse(interval.isKnown());
        assertTrue(Double.isNaN(interval.low()) && Double.isNaN(interval.high()));
    }
}
