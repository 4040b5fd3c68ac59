package io.chunkwise.tornado.graph;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.chunkwise.tornado.device.DeviceBuffers;
import io.chunkwise.tornado.device.TestDevice;
import io.chunkwise.tornado.kernels.Control;
import io.chunkwise.tornado.kernels.HeadKernels;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** The two-stage reduction to the largest logits, at vocabularies smaller and larger than its parts, with ties, against a sort. */
class TopTest {
    private static final int PARTS = DeviceBuffers.PARTS;

    private record Case(int vocab, int top, IntArray control, FloatArray logits, FloatArray partLogits, IntArray partIds, IntArray next,
            FloatArray topLogits, IntArray topIds) {

        static Case random(int vocab, int top, Random random) {
            IntArray control = new IntArray(Control.TOKENS);
            control.init(0);
            control.set(Control.TOP, top);
            FloatArray logits = new FloatArray(vocab);
            for (int id = 0; id < vocab; id++) {
                // Few different values: many ties.
                logits.set(id, random.nextInt(vocab) - vocab / 2f);
            }
            return new Case(vocab, top, control, logits, new FloatArray(PARTS * HeadKernels.TOP_CAPACITY),
                    new IntArray(PARTS * HeadKernels.TOP_CAPACITY), new IntArray(PARTS), new FloatArray(HeadKernels.TOP_CAPACITY),
                    new IntArray(HeadKernels.TOP_CAPACITY));
        }

        List<Object> arrays() {
            return List.of(control, logits, partLogits, partIds, next, topLogits, topIds);
        }

        void record(TaskSink sink, KernelForm form) {
            String id = "vocab" + vocab + "_top" + top;
            sink.task("select_" + id, Launch.groups(PARTS / 16, 16), HeadKernels::selectTopOfParts, control, logits, partLogits, partIds,
                    vocab,
                    PARTS);
            switch (form) {
                case THREADED -> sink.task("merge_" + id, Launch.groups(1, 1), HeadKernels::mergeTopOfPartsAlone, control, partLogits,
                        partIds,
                        next, topLogits, topIds, PARTS);
                case GROUPED -> sink.task("merge_" + id, Launch.groups(1, PARTS), HeadKernels::mergeTopOfParts, new KernelContext(),
                        control,
                        partLogits, partIds, topLogits, topIds, PARTS);
            }
        }

        void check() {
            int[] expected = IntStream.range(0, vocab).boxed()
                    .sorted(Comparator.<Integer>comparingDouble(id -> -logits.get(id)).thenComparing(Comparator.naturalOrder()))
                    .mapToInt(Integer::intValue).limit(top).toArray();
            for (int k = 0; k < top; k++) {
                assertEquals(expected[k], topIds.get(k), "vocab " + vocab + ", top " + top + ", id at " + k);
                assertEquals(logits.get(expected[k]), topLogits.get(k), "vocab " + vocab + ", top " + top + ", logit at " + k);
            }
        }
    }

    private static List<Case> cases() {
        Random random = new Random();
        List<Case> cases = new ArrayList<>();
        cases.add(Case.random(1, 1, random));
        cases.add(Case.random(33, 33, random));
        cases.add(Case.random(512, 1, random));
        cases.add(Case.random(513, 7, random));
        cases.add(Case.random(5000, HeadKernels.TOP_CAPACITY, random));
        return cases;
    }

    @Test
    void theLargestAreFoundAsPlainJava() {
        List<Case> cases = cases();
        cases.forEach(c -> c.record(new DirectSink(), KernelForm.THREADED));
        cases.forEach(Case::check);
    }

    @Tag("tornado")
    @ParameterizedTest
    @EnumSource(KernelForm.class)
    void theLargestAreFoundOnTheDevice(KernelForm form) {
        List<Case> cases = cases();
        List<Object> in = new ArrayList<>();
        List<Object> out = new ArrayList<>();
        for (Case c : cases) {
            in.addAll(c.arrays());
            out.addAll(List.of(c.topLogits(), c.topIds()));
        }
        DeviceRun.run(TestDevice.best(), in, out, 1, sink -> cases.forEach(c -> c.record(sink, form)));
        cases.forEach(Case::check);
    }
}
