package io.chunkwise.tornado.graph;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.model.forward.ExecutorException;
import io.chunkwise.tornado.graph.Launch.Work;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the driver would only print is refused here. */
class LaunchTest {

    @ParameterizedTest
    @ValueSource(longs = {1, 3, 63, 64, 65, 4096})
    void everyElementHasAThreadAndGroupsAreWhole(long count) {
        Launch launch = Launch.threadsPerRow(count);
        for (int rows : new int[] {1, 2, 17}) {
            assertTrue(launch.global(new Work(rows, 1)) >= rows * count, count + " x " + rows);
            assertEquals(0, launch.global(new Work(rows, 1)) % launch.local());
        }
        assertDoesNotThrow(() -> launch.check("fine", new Work(17, 1), 64));
    }

    @Test
    void aTileIsAGroupForSixtyFourRowsAndAsManyRowsOfTheStack() {
        Launch launch = Launch.tiles(130, 3);
        assertEquals(256 * 3, launch.global(new Work(1, 8)), "130 + 24 rows of the stack, 1 row");
        assertEquals(256 * 4, launch.global(new Work(64, 21)), "130 + 63 rows of the stack, 64 rows");
        assertEquals(256 * 2 * 3, launch.global(new Work(65, 1)), "130 + 3, 65 rows");
    }

    @Test
    void aGroupHasThirtyTwoOutputsOfOneWeightOrEightComponents() {
        Launch launch = Launch.groupedStack(3, 130, 70, 70);
        assertEquals(256 * (5 + 3 + 3 + 3), launch.global(new Work(1, 8)), "24 components");
        assertEquals(256 * 2 * (5 + 3 + 3 + 4), launch.global(new Work(2, 9)), "27 components, 2 rows");
        assertEquals(256 * 2, Launch.groupedStack(0, 33).global(new Work(1, 64)), "33 outputs, no components");
    }

    @Test
    void moreRowsHaveFewerPartsEach() {
        Launch launch = Launch.threadsPerPart(6);
        assertEquals(6, launch.global(new Work(1, 64)), "1 row");
        assertEquals(2 * 3, launch.global(new Work(2, 64)), "2 rows");
        assertEquals(5 * 2, launch.global(new Work(5, 64)), "5 rows");
        assertEquals(7, launch.global(new Work(7, 64)), "7 rows");
    }

    @Test
    void fewRowsHaveMoreSplitsEach() {
        Launch launch = Launch.groupsPerSplit(32, 64);
        assertEquals(64 * 32 * 32, launch.global(new Work(1, 64)), "1 row");
        assertEquals(64 * 3 * 32 * 10, launch.global(new Work(3, 64)), "3 rows");
        assertEquals(64 * 40 * 32, launch.global(new Work(40, 64)), "40 rows");
    }

    @Test
    void groupsLargerThanTheDeviceAllowsAreRefused() {
        assertRefused("groups of 256", Launch.groupsPerRow(4, 256), 1, 128);
    }

    @Test
    void noThreadsAreRefused() {
        assertRefused("0 threads", Launch.groupsPerRow(0, 32), 1, 128);
    }

    @Test
    void moreThreadsThanAnIntCountsAreRefused() {
        assertRefused("threads", Launch.groupsPerRow(1 << 22, 64), 128, 128);
    }

    @Test
    void aGridOfTheWholePassDoesNotGrowWithRows() {
        assertEquals(Launch.groups(4, 16).global(Work.LEAST), Launch.groups(4, 16).global(new Work(100, 3)));
    }

    @Test
    void aGridOfComponentsGrowsWithTheActiveRankAndIsNeverEmpty() {
        Launch launch = Launch.groupsPerComponent(3, 32);
        for (int rows : new int[] {1, 5}) {
            for (int rank : new int[] {0, 1, 2, 64}) {
                assertEquals(3L * 32 * rows * Math.max(1, rank), launch.global(new Work(rows, rank)), rows + " rows, rank " + rank);
            }
        }
        assertEquals(64, Launch.threadsPerComponent(3).global(new Work(2, 4)));
        assertEquals(128, Launch.threadsPerComponent(3).global(new Work(2, 11)));
    }

    private static void assertRefused(String naming, Launch launch, int rows, int maxLocal) {
        String message = assertThrows(ExecutorException.class, () -> launch.check("task_name", new Work(rows, 1), maxLocal)).getMessage();
        assertTrue(message.contains(naming) && message.contains("task_name"), message);
    }
}
