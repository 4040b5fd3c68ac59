package io.chunkwise.tornado.graph;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.model.forward.ExecutorException;
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
            assertTrue(launch.global(rows) >= rows * count, count + " x " + rows);
            assertEquals(0, launch.global(rows) % launch.local());
        }
        assertDoesNotThrow(() -> launch.check("fine", 17, 64));
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
        assertEquals(Launch.groups(4, 16).global(1), Launch.groups(4, 16).global(100));
    }

    private static void assertRefused(String naming, Launch launch, int rows, int maxLocal) {
        String message = assertThrows(ExecutorException.class, () -> launch.check("task_name", rows, maxLocal)).getMessage();
        assertTrue(message.contains(naming) && message.contains("task_name"), message);
    }
}
