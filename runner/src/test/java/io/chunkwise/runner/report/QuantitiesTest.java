package io.chunkwise.runner.report;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class QuantitiesTest {

    @Test
    void numbersHaveTheUnitThatFitsThem() {
        assertEquals("0 B", Quantities.bytes(0));
        assertEquals("1023 B", Quantities.bytes(1023));
        assertEquals("1.5 KiB", Quantities.bytes(1536));
        assertEquals("8.0 GiB", Quantities.bytes(8L << 30));
        assertEquals("9999", Quantities.count(9999));
        assertEquals("260.0 K", Quantities.count(260_032));
        assertEquals("6.74 B", Quantities.count(6_738_415_616L));
        assertEquals("12 ms", Quantities.time(12_345_678));
        assertEquals("3.5 s", Quantities.time(3_456_000_000L));
        assertEquals("47.2", Quantities.rate(47.17));
        assertEquals("1234", Quantities.rate(1234.4));
        assertEquals("-", Quantities.rate(Double.POSITIVE_INFINITY));
    }

    @Test
    void textStaysOnItsLine() {
        assertEquals("a\\nb\\tc\\x1b[2J▁é", Quantities.printable("a\nb\tc\u001b[2J▁é"));
    }
}
