package io.chunkwise.tornado.graph;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.chunkwise.tornado.device.TestDevice;
import io.chunkwise.tornado.kernels.AttentionKernels;
import io.chunkwise.tornado.kernels.Control;
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

/** Attention over a cache, at awkward and at usual head dimensions, against double precision. */
class AttentionTest {
    private static final int ROWS = 3;
    private static final int POSITION = 70;
    private static final int CONTEXT = 80;
    private static final int LAYER = 1;

    private record Case(int heads, int kvHeads, int headDim, int window, FloatArray query, FloatArray keys, FloatArray values,
            FloatArray out) {

        static Case random(int heads, int kvHeads, int headDim, int window, Random random) {
            FloatArray out = new FloatArray(ROWS * heads * headDim);
            out.init(Float.NaN);
            return new Case(heads, kvHeads, headDim, window, floats(random, ROWS * heads * headDim),
                    floats(random, 2 * CONTEXT * kvHeads * headDim), floats(random, 2 * CONTEXT * kvHeads * headDim), out);
        }

        String id() {
            return "dim" + headDim + "_heads" + heads + "_window" + window;
        }

        void record(TaskSink sink, KernelForm form, IntArray control) {
            float scale = (float) (1 / Math.sqrt(headDim));
            switch (form) {
                case THREADED -> sink.task(id(), Launch.groupsPerRow(heads, 1), AttentionKernels::attendCached, control, query, keys,
                        values, out,
                        heads, kvHeads, headDim, CONTEXT, window, scale);
                case GROUPED -> sink.task(id(), Launch.groupsPerRow(heads, 32), AttentionKernels::attendCachedGrouped,
                        new KernelContext(), control,
                        query, keys, values, out, heads, kvHeads, headDim, CONTEXT, window, scale, 32);
            }
        }

        void check(String form) {
            for (int row = 0; row < ROWS; row++) {
                int last = POSITION + row;
                int start = window == 0 ? 0 : Math.max(0, last - window + 1);
                for (int head = 0; head < heads; head++) {
                    double[] expected = new double[headDim];
                    double total = 0;
                    for (int p = start; p <= last; p++) {
                        int at = ((LAYER * CONTEXT + p) * kvHeads + head / (heads / kvHeads)) * headDim;
                        double dot = 0;
                        for (int i = 0; i < headDim; i++) {
                            dot += (double) query.get((row * heads + head) * headDim + i) * keys.get(at + i);
                        }
                        double weight = Math.exp(dot / Math.sqrt(headDim));
                        total += weight;
                        for (int i = 0; i < headDim; i++) {
                            expected[i] += weight * values.get(at + i);
                        }
                    }
                    for (int i = 0; i < headDim; i++) {
                        assertEquals(expected[i] / total, out.get((row * heads + head) * headDim + i), 2e-5,
                                form + " " + id() + " row " + row + " head " + head + " element " + i);
                    }
                }
            }
        }
    }

    private static List<Case> cases() {
        Random random = new Random();
        List<Case> cases = new ArrayList<>();
        for (int headDim : new int[] {4, 8, 24, 64, 128}) {
            cases.add(Case.random(6, 3, headDim, 0, random));
        }
        cases.add(Case.random(2, 1, 64, 5, random));
        cases.add(Case.random(5, 5, 64, 1, random));
        return cases;
    }

    private static IntArray control() {
        IntArray control = new IntArray(Control.TOKENS);
        control.init(0);
        control.set(Control.ROWS, ROWS);
        control.set(Control.POSITION, POSITION);
        control.set(Control.LAYER, LAYER);
        return control;
    }

    @Test
    void attentionIsRightAsPlainJava() {
        List<Case> cases = cases();
        cases.forEach(c -> c.record(new DirectSink(), KernelForm.THREADED, control()));
        cases.forEach(c -> c.check("Java"));
    }

    @Tag("tornado")
    @ParameterizedTest
    @EnumSource(KernelForm.class)
    void attentionIsRightOnTheDevice(KernelForm form) {
        List<Case> cases = cases();
        IntArray control = control();
        List<Object> in = new ArrayList<>(List.of(control));
        cases.forEach(c -> in.addAll(List.of(c.query(), c.keys(), c.values(), c.out())));
        DeviceRun.run(TestDevice.best(), in, cases.stream().map(Case::out).toList(), ROWS,
                sink -> cases.forEach(c -> c.record(sink, form, control)));
        cases.forEach(c -> c.check(form.name()));
    }

    private static FloatArray floats(Random random, int count) {
        FloatArray values = new FloatArray(count);
        for (int i = 0; i < count; i++) {
            values.set(i, (float) random.nextGaussian());
        }
        return values;
    }
}
