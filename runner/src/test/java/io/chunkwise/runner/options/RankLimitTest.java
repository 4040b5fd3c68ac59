package io.chunkwise.runner.options;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RankLimitTest {

    @Test
    void aNumberOrMaxIsUnderstood() {
        assertEquals(new RankLimit.Max(), RankLimit.parse("max"));
        assertEquals(new RankLimit.Exactly(0), RankLimit.parse("0"));
        assertEquals(new RankLimit.Exactly(64), RankLimit.parse("64"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "-1", "1.5", "all", "99999999999", "0x10"})
    void anythingElseIsRefused(String text) {
        assertThrows(IllegalArgumentException.class, () -> RankLimit.parse(text));
    }
}
