package io.chunkwise.tornado.graph;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.chunkwise.tornado.device.TestDevice;
import io.chunkwise.tornado.kernels.Control;
import io.chunkwise.tornado.kernels.HadamardKernels;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** The Hadamard transform of heads, at dimensions that are powers of two or not, against the matrix. */
class HadamardTest {
    private static final int ROWS = 3;

    private record Case(int heads, int headDim, long seed, float[] before, FloatArray x) {

        static Case random(int heads, int headDim) {
            long seed = new Random().nextLong();
            Random random = new Random(seed);
            // One row more than there are: it stays as it is.
            float[] before = new float[(ROWS + 1) * heads * headDim];
            for (int i = 0; i < before.length; i++) {
                before[i] = (float) random.nextGaussian();
            }
            return new Case(heads, headDim, seed, before, FloatArray.fromArray(before));
        }

        void record(TaskSink sink, KernelForm form, IntArray control) {
            String id = "hadamard_" + heads + "_" + headDim;
            int block = Integer.lowestOneBit(headDim);
            switch (form) {
                case THREADED -> sink.task(id, Launch.groupsPerRow(heads, 1), HadamardKernels::transformHeads, control, x, heads, headDim,
                        block);
                case GROUPED -> sink.task(id, Launch.groupsPerRow(heads, 32), HadamardKernels::transformHeadsGrouped, new KernelContext(),
                        control, x, heads, headDim, block, 32);
            }
        }

        void check(String form) {
            int block = Integer.lowestOneBit(headDim);
            for (int at = 0; at < before.length; at++) {
                int start = at - at % headDim % block;
                double expected = 0;
                for (int j = 0; j < block; j++) {
                    expected += before[start + j] * (Integer.bitCount(at % headDim % block & j) % 2 == 0 ? 1 : -1) / Math.sqrt(block);
                }
                assertEquals(at < ROWS * heads * headDim ? expected : before[at], x.get(at), 1e-5,
                        form + ", " + heads + " heads of " + headDim + ", element " + at + ", seed " + seed);
            }
        }
    }

    private static List<Case> cases() {
        List<Case> cases = new ArrayList<>();
        for (int headDim : new int[] {2, 6, 8, 12, 20, 64, 128}) {
            cases.add(Case.random(1, headDim));
            cases.add(Case.random(3, headDim));
        }
        return cases;
    }

    private static IntArray control() {
        IntArray control = new IntArray(Control.TOKENS);
        control.init(0);
        control.set(Control.ROWS, ROWS);
        return control;
    }

    @Test
    void headsAreMultipliedByTheMatrixAsPlainJava() {
        List<Case> cases = cases();
        cases.forEach(c -> c.record(new DirectSink(), KernelForm.THREADED, control()));
        cases.forEach(c -> c.check("Java"));
    }

    @Tag("tornado")
    @ParameterizedTest
    @EnumSource(KernelForm.class)
    void headsAreMultipliedByTheMatrixOnTheDevice(KernelForm form) {
        List<Case> cases = cases();
        IntArray control = control();
        List<Object> in = new ArrayList<>(List.of(control));
        cases.forEach(c -> in.add(c.x()));
        DeviceRun.run(TestDevice.best(), in, cases.stream().map(Case::x).toList(), ROWS,
                sink -> cases.forEach(c -> c.record(sink, form, control)));
        cases.forEach(c -> c.check(form.name()));
    }
}
