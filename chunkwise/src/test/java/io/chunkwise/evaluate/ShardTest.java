package io.chunkwise.evaluate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ShardTest {

    @ParameterizedTest
    @CsvSource({"0, 1", "1, 1", "3, 7", "17, 3", "100, 33"})
    void everyItemIsInOneShardAndShardsDifferByOneAtMost(int items, int count) {
        List<Integer> all = IntStream.range(0, items).boxed().toList();
        List<Integer> together = new ArrayList<>();
        for (int index = 1; index <= count; index++) {
            List<Integer> selected = Shard.parse(index + "/" + count).select(all);
            assertTrue(Math.abs(selected.size() - items / count) <= 1, "shard " + index + " has " + selected.size());
            assertEquals(selected.stream().sorted().toList(), selected);
            together.addAll(selected);
        }
        assertEquals(all, together.stream().sorted().toList());
        assertEquals(all, Shard.ALL.select(all));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "1", "0/4", "5/4", "1/0", "-1/4", "1/4/2", "1 / 4", "one/two", "1/9999999"})
    void whatIsNoShardIsRefused(String text) {
        assertThrows(IllegalArgumentException.class, () -> Shard.parse(text));
    }

    @Test
    void aShardIsWrittenAsItIsRead() {
        assertEquals("2/8", Shard.parse("2/8").toString());
    }
}
