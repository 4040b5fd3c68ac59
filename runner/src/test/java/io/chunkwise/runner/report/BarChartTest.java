package io.chunkwise.runner.report;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class BarChartTest {

    @Test
    void theLargestValueIsAFullBarAndOthersAreInProportion() {
        assertEquals("█▅▂▁", BarChart.line(new float[] {14, 8, 2, 0}, 10));
    }

    @Test
    void neighboursShareABarWhereThereAreTooManyValues() {
        assertEquals("█▅▁", BarChart.line(new float[] {14, 1, 8, 7, 0}, 3));
        assertEquals("█", BarChart.line(new float[] {1, 2, 3}, 0));
    }

    @Test
    void nothingAndZerosAreDrawnToo() {
        assertEquals("", BarChart.line(new float[0], 5));
        assertEquals("▁▁", BarChart.line(new float[2], 5));
    }
}
