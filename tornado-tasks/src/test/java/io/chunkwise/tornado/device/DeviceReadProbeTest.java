package io.chunkwise.tornado.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.tornado.kernels.ProbeKernels;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

class DeviceReadProbeTest {

    @Test
    void everyWordOfAPartIsAddedUpInEveryRound() {
        IntArray words = IntArray.fromElements(1, 2, 3, 40, 50, 60);
        IntArray sums = new IntArray(2);
        ProbeKernels.sumParts(words, sums, 3, 2);
        assertEquals(6 * 3 + 6, sums.get(0));
        assertEquals(150 * 3 + 150, sums.get(1));
    }

    /** The probe itself refuses a wrong sum, so that a figure means that everything was read. */
    @Tag("tornado")
    @ParameterizedTest
    @CsvSource({"false, 65536", "true, 65536", "true, 1000000", "false, 1000", "true, 1000"})
    void bothFormsReadEverythingOnThisDevice(boolean strided, long bytes) {
        try (DeviceReadProbe probe = new DeviceReadProbe(TestDevice.best().handle(), strided, bytes)) {
            for (int i = 0; i < 3; i++) {
                double bytesPerSecond = probe.bytesPerSecond();
                assertTrue(bytesPerSecond > 0 && Double.isFinite(bytesPerSecond), "bytes per second " + bytesPerSecond);
            }
        }
    }
}
