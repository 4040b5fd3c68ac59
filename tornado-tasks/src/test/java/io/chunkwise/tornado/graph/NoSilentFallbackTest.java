package io.chunkwise.tornado.graph;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.chunkwise.tornado.device.DeviceDirectory.Device;
import io.chunkwise.tornado.device.SelfTest;
import io.chunkwise.tornado.device.TestDevice;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.exceptions.TornadoInternalError;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** A device that fails says so; nothing is computed in Java instead. */
@Tag("tornado")
class NoSilentFallbackTest {

    /** No backend can compile this: a device has not the machine's clock. */
    static void cannotBeCompiled(IntArray in, FloatArray out, int count, int unused) {
        for (@Parallel int i = 0; i < count; i++) {
            out.set(i, in.get(i) + System.nanoTime());
        }
    }

    @Test
    void aKernelThatCannotBeCompiledFailsAndIsNotRunAsJava() {
        Device device = TestDevice.best();
        IntArray in = new IntArray(8);
        in.init(3);
        FloatArray out = new FloatArray(8);
        out.init(-1f);
        Throwable failure = assertThrows(Throwable.class, () -> DeviceRun.run(device, List.of(in), List.of(out), 1,
                sink -> sink.task("bad", Launch.groups(1, 8), NoSilentFallbackTest::cannotBeCompiled, in, out, 8, 0)));
        assertEquals(true, failure instanceof RuntimeException || failure instanceof TornadoInternalError, () -> "caught by executors: "
                + failure);
        for (int i = 0; i < out.getSize(); i++) {
            assertEquals(-1f, out.get(i), "element " + i + " was computed by somebody");
        }
    }

    @Test
    void theSelfTestPassesOnTheDevice() {
        SelfTest.run(TestDevice.best().handle());
    }

    static void writeGroupIndex(KernelContext context, IntArray in, IntArray out, int unused) {
        out.set(context.globalIdx, context.groupIdx * 1000 + context.localIdx + in.get(0));
    }

    @Test
    void everyThreadOfTheGridRuns() {
        int start = new Random().nextInt(1000);
        IntArray in = IntArray.fromElements(start);
        IntArray out = new IntArray(96);
        DeviceRun.run(TestDevice.best(), List.of(in), List.of(out), 3,
                sink -> sink.task("ids", Launch.groupsPerRow(2, 16), NoSilentFallbackTest::writeGroupIndex, new KernelContext(), in, out,
                        0));
        for (int i = 0; i < 96; i++) {
            assertEquals(i / 16 * 1000 + i % 16 + start, out.get(i), "thread " + i);
        }
    }
}
