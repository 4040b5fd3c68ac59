package io.chunkwise.model.kv;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class KvPageTableTest {

    /** Random changes against a map; a page is identified by when it was written, so that shifts can be followed. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
    void anyChangesLeaveEveryPageASlotOfItsOwn(long seed) {
        Random random = new Random(seed);
        int layers = 1 + random.nextInt(4);
        int pages = 1 + random.nextInt(30);
        KvPageTable table = new KvPageTable(layers, pages);
        Map<KvPage, KvFormat> formats = new HashMap<>();
        Map<KvPage, Integer> slots = new HashMap<>();
        for (int step = 0; step < 2000; step++) {
            String where = "seed " + seed + ", step " + step;
            KvPage page = new KvPage(random.nextInt(layers), random.nextInt(pages));
            boolean written = formats.containsKey(page);
            switch (random.nextInt(10)) {
                case 0, 1, 2, 3 -> {
                    if (written) {
                        assertThrows(IllegalStateException.class, () -> table.write(page.layer(), page.page()), where);
                    } else {
                        int lowest = lowestFree(KvFormat.FULL, formats, slots);
                        assertEquals(lowest, table.write(page.layer(), page.page()), where + ": slot of a written page");
                        formats.put(page, KvFormat.FULL);
                        slots.put(page, lowest);
                    }
                }
                case 4, 5, 6 -> {
                    KvFormat format = KvFormat.values()[random.nextInt(4)];
                    if (written) {
                        formats.remove(page);
                        int lowest = format == KvFormat.EVICTED ? -1 : lowestFree(format, formats, slots);
                        assertEquals(lowest, table.move(page.layer(), page.page(), format), where + ": slot of a moved page");
                        formats.put(page, format);
                        slots.put(page, lowest);
                    } else {
                        assertThrows(IllegalStateException.class, () -> table.move(page.layer(), page.page(), format), where);
                    }
                }
                case 7, 8 -> {
                    table.clear(page.layer(), page.page());
                    formats.remove(page);
                }
                default -> {
                    int kept = random.nextInt(pages);
                    int dropped = random.nextInt(pages - kept + 1);
                    table.shift(kept, dropped);
                    formats = shifted(formats, kept, dropped);
                    slots = shifted(slots, kept, dropped);
                }
            }
            agree(table, formats, slots, where);
        }
    }

    private static int lowestFree(KvFormat format, Map<KvPage, KvFormat> formats, Map<KvPage, Integer> slots) {
        Set<Integer> taken = new TreeSet<>();
        formats.forEach((page, of) -> {
            if (of == format) {
                taken.add(slots.get(page));
            }
        });
        int slot = 0;
        while (taken.contains(slot)) {
            slot++;
        }
        return slot;
    }

    private static <T> Map<KvPage, T> shifted(Map<KvPage, T> before, int kept, int dropped) {
        Map<KvPage, T> after = new HashMap<>();
        before.forEach((page, value) -> {
            if (page.page() < kept) {
                after.put(page, value);
            } else if (page.page() >= kept + dropped) {
                after.put(new KvPage(page.layer(), page.page() - dropped), value);
            }
        });
        return after;
    }

    private static void agree(KvPageTable table, Map<KvPage, KvFormat> formats, Map<KvPage, Integer> slots, String where) {
        Map<KvFormat, Set<Integer>> taken = new EnumMap<>(KvFormat.class);
        for (KvFormat format : KvFormat.values()) {
            taken.put(format, new HashSet<>());
        }
        for (int layer = 0; layer < table.layers(); layer++) {
            for (int page = 0; page < table.pages(); page++) {
                KvFormat format = formats.get(new KvPage(layer, page));
                String which = where + ": page " + page + " of layer " + layer;
                assertEquals(format != null, table.isWritten(layer, page), which);
                assertEquals(format == null ? -1 : slots.get(new KvPage(layer, page)), table.slot(layer, page), which);
                if (format != null) {
                    assertEquals(format, table.format(layer, page), which);
                    assertTrue(format == KvFormat.EVICTED || taken.get(format).add(table.slot(layer, page)), which + " shares its slot");
                }
            }
        }
        taken.forEach((format, of) -> {
            assertEquals(of.size(), table.used(format), where + ": " + format + " slots that are taken");
            assertEquals(of.stream().mapToInt(slot -> slot + 1).max().orElse(0), table.end(format), where + ": end of " + format);
        });
    }

    @Test
    void pagesThatAreNotThereAreRefused() {
        KvPageTable table = new KvPageTable(2, 3);
        for (int[] page : new int[][] {{-1, 0}, {2, 0}, {0, -1}, {1, 3}}) {
            assertThrows(IllegalArgumentException.class, () -> table.isWritten(page[0], page[1]));
            assertThrows(IllegalArgumentException.class, () -> table.write(page[0], page[1]));
            assertThrows(IllegalArgumentException.class, () -> table.clear(page[0], page[1]));
        }
        assertThrows(IllegalStateException.class, () -> table.format(1, 2));
    }

    @Test
    void aTableForALongContextCostsNothingUntilItIsUsed() {
        KvPageTable table = new KvPageTable(1000, Integer.MAX_VALUE);
        assertEquals(0, table.write(999, 17));
        assertEquals(-1, table.slot(999, Integer.MAX_VALUE - 1));
    }
}
