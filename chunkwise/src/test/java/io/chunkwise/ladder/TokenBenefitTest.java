package io.chunkwise.ladder;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TokenBenefitTest {

    @Test
    void aTokenHasTheBenefitOfItsId() {
        TokenBenefit benefit = new TokenBenefit(new float[] {0.5f, 1, 0}, new float[] {0.2f, 0.2f, 0.9f});
        assertEquals(3, benefit.vocabSize());
        assertEquals(0.5f, benefit.of(0));
        assertEquals(0, benefit.of(2));
    }

    @ParameterizedTest
    @ValueSource(floats = {-0.01f, 1.01f, Float.NaN, Float.POSITIVE_INFINITY})
    void aValueOutsideZeroToOneIsRefused(float value) {
        assertRefused("token 1", new float[] {0, value}, new float[] {0});
        assertRefused("history", new float[] {0}, new float[] {0, value});
    }

    @Test
    void aHistoryThatDescendsAndEmptyOnesAreRefused() {
        assertRefused("ascend", new float[] {0}, new float[] {0.5f, 0.4f});
        assertRefused("history", new float[] {0}, new float[0]);
        assertRefused("no token", new float[0], new float[] {0});
    }

    private static void assertRefused(String part, float[] table, float[] history) {
        String message = assertThrows(IllegalArgumentException.class, () -> new TokenBenefit(table, history)).getMessage();
        assertTrue(message.contains(part), message);
    }
}
