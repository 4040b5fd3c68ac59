package io.chunkwise.calibrate.budget;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class BudgetTest {

    @ParameterizedTest
    @CsvSource({"1%, 0.01", "0.5 %, 0.005", "0.01, 0.01", ".5%, 0.005", "100%, 1"})
    void anIncreaseIsAPercentageOrAFraction(String text, double expected) {
        assertEquals(expected, Budget.MaxIncrease.parse(text).fraction());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "%", "-1%", "0%", "101%", "1e-2", "one", "1%%", "NaN", "99999999999999999999"})
    void anythingElseIsRefused(String text) {
        assertThrows(IllegalArgumentException.class, () -> Budget.MaxIncrease.parse(text));
    }

    @Test
    void componentsAreAboveZero() {
        assertThrows(IllegalArgumentException.class, () -> new Budget.MeanComponents(0));
        assertThrows(IllegalArgumentException.class, () -> new Budget.MeanComponents(Double.NaN));
        assertEquals("at most 7.5 active components on average", new Budget.MeanComponents(7.5).text());
        assertEquals("at most 0.7% more perplexity than the whole adapter with a full KV cache", new Budget.MaxIncrease(0.007).text());
    }
}
