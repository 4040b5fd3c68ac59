package io.chunkwise.tornado.device;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.model.forward.DeviceInfo;
import io.chunkwise.model.forward.ExecutorException;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;

/** What does not fit is refused by name before anything is allocated. */
class DeviceArraysTest {

    @Test
    void arraysBeyondIntIndicesAreRefusedWithTheirSizes() {
        String message = assertThrows(ExecutorException.class, () -> DeviceArrays.floats("weight gate", 80, 28672, 8192)).getMessage();
        assertTrue(message.contains("weight gate [80, 28672, 8192]") && message.contains("--executor cpu"), message);
    }

    @Test
    void sizesThatOverflowALongAreRefusedToo() {
        assertThrows(ArithmeticException.class, () -> DeviceArrays.count("impossible", Long.MAX_VALUE, 3));
    }

    @Test
    void aBufferLargerThanTheDeviceAllowsIsRefused() {
        assertRefused("largest buffer", new MemoryBudget(3000, 1 << 20, 1 << 20));
    }

    @Test
    void moreThanTheDeviceHasIsRefused() {
        assertRefused("the device has", new MemoryBudget(1 << 20, 4500, 1 << 20));
    }

    @Test
    void moreThanTornadoAllowsItselfIsRefusedWithTheFlagToSet() {
        assertRefused("-Dtornado.device.memory", new MemoryBudget(1 << 20, 1 << 20, 4500));
    }

    @Test
    void whatFitsIsNotRefused() {
        assertDoesNotThrow(() -> new MemoryBudget(1 << 20, 1 << 20, 1 << 20).check(List.of(new FloatArray(1000))));
    }

    @Test
    void aReleasedArrayKeepsItsSizeAndCanBeFilledAgain() {
        int count = 3_000_001;
        ShortArray array = DeviceArrays.shorts("large", count);
        assertEquals(0, array.get(count - 1), "large arrays are zero");
        for (int i = 0; i < count; i++) {
            array.set(i, (short) (i * 31));
        }
        DeviceArrays.release(array);
        assertEquals(count, array.getSize());
        assertEquals(count, array.getSegmentWithHeader().get(ValueLayout.JAVA_INT, 0), "the header that kernels get");
        for (int i = 0; i < count; i++) {
            array.set(i, (short) (i * 17));
        }
        for (int i = 0; i < count; i++) {
            assertEquals((short) (i * 17), array.get(i), "element " + i);
        }
    }

    @Test
    void smallArraysAreNotReleased() {
        FloatArray array = DeviceArrays.floats("small", new float[] {1, 2, 3});
        DeviceArrays.release(array);
        assertEquals(2, array.get(1));
    }

    @Test
    void anUnknownDeviceIsRefusedWithThoseThatThereAre() {
        DeviceDirectory.Devices devices = new DeviceDirectory.Devices(List.of(new DeviceDirectory.Device(
                new DeviceInfo("opencl", 0, "a processor", DeviceInfo.Type.CPU, 1, "driver"), null)));
        String message = assertThrows(ExecutorException.class, () -> devices.select(Optional.of("ptx:3"))).getMessage();
        assertTrue(message.contains("ptx:3") && message.contains("opencl:0 (a processor)"), message);
        assertEquals("opencl:0", devices.select(Optional.empty()).info().selector());
    }

    @Test
    void aSelfTestWithoutADeviceDoesNotPass() {
        IntArray values = IntArray.fromElements(IntStream.rangeClosed(1, 256).toArray());
        IntArray counts = IntArray.fromElements(values.toHeapArray());
        assertThrows(ExecutorException.class, () -> SelfTest.verify(values, new IntArray(32), counts));
    }

    private static void assertRefused(String naming, MemoryBudget budget) {
        String message = assertThrows(ExecutorException.class, () -> budget.check(List.of(new FloatArray(1000), new FloatArray(200))))
                .getMessage();
        assertTrue(message.contains(naming) && message.lines().count() == 1, message);
    }
}
