package io.chunkwise.tornado.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import io.chunkwise.model.kv.KvFormat;
import io.chunkwise.model.kv.KvReservation;
import io.chunkwise.model.kv.KvType;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.SyntheticLlama;
import io.chunkwise.tornado.device.KvPools.Slots;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class KvPoolsTest {
    /** 3 layers, 2 heads of 8. */
    private static final LlamaConfig CONFIG = SyntheticLlama.config(16, 3, 2, 2, 16, 33, 256);

    @ParameterizedTest
    @CsvSource({
            // full, q8, q4 positions, context, rows: pages of each
            "100, 0, 0, 100, 40, 7, 0, 0",
            "1, 0, 0, 100, 40, 4, 0, 0",
            "1, 0, 0, 1, 1, 1, 0, 0",
            "16, 100, 17, 100, 1, 2, 7, 2",
            "17, 5000, 1, 100, 16, 3, 7, 1",
            "2000000000, 0, 0, 100, 100, 7, 0, 0"})
    void slotsHoldWhatIsReservedAndAPassButNoMoreThanTheContext(int full, int q8, int q4, int context, int rows, int fullPages, int q8Pages,
            int q4Pages) {
        assertEquals(new Slots(3 * fullPages, 3 * q8Pages, 3 * q4Pages), Slots.of(new KvReservation(full, q8, q4), 3, context, rows));
    }

    @Test
    void poolsHaveTheBytesOfTheirFormats() {
        for (KvType type : KvType.values()) {
            for (KvFormat format : KvFormat.values()) {
                long none = KvPools.of(CONFIG, 256, new Slots(1, 1, 1), type).bytes();
                long five = KvPools.of(CONFIG, 256, new Slots(1, 1, 1).with(format, 6), type).bytes();
                assertEquals(5L * 16 * format.bytesPerToken(CONFIG, type), five - none, format + " of 5 slots, " + type);
            }
        }
    }

    @Test
    void aGrownPoolKeepsItsContentsAndLeavesTheOthersAlone() {
        KvPools pools = KvPools.of(CONFIG, 256, new Slots(4, 3, 0), KvType.F32);
        for (int i = 0; i < pools.codes8().getSize(); i++) {
            pools.codes8().set(i, (byte) i);
        }
        for (int i = 0; i < pools.scales8().getSize(); i++) {
            pools.scales8().set(i, i);
        }
        KvPools grown = pools.grown(CONFIG, pools.slots().with(KvFormat.Q8, 7));
        assertEquals(new Slots(4, 7, 0), grown.slots());
        assertEquals(7 * 2 * 16 * 16, grown.codes8().getSize());
        for (int i = 0; i < pools.codes8().getSize(); i++) {
            assertEquals((byte) i, grown.codes8().get(i), "code " + i);
        }
        for (int i = 0; i < pools.scales8().getSize(); i++) {
            assertEquals(i, grown.scales8().get(i), "scale " + i);
        }
        assertSame(pools.keys(), grown.keys());
        assertSame(pools.codes4(), grown.codes4());
        assertSame(pools.table(), grown.table());
        assertSame(pools.probes(), grown.probes());
    }
}
