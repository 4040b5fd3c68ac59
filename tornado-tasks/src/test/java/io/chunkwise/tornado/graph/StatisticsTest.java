package io.chunkwise.tornado.graph;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.chunkwise.tornado.device.DeviceBuffers;
import io.chunkwise.tornado.device.TestDevice;
import io.chunkwise.tornado.kernels.Control;
import io.chunkwise.tornado.kernels.Page;
import io.chunkwise.tornado.kernels.StatisticsKernels;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Entropies of rows, at vocabularies smaller and larger than the parts of the reduction, flat and peaked, against a plain sum. */
class StatisticsTest {
    private static final int PARTS = DeviceBuffers.PARTS;
    private static final int ROWS = 3;
    private static final int FIRST_ROW = 2;

    private record Case(int vocab, int heads, long seed, FloatArray logits, FloatArray sums, FloatArray softmax, FloatArray result) {

        static Case random(int vocab, int heads, double spread) {
            long seed = new Random().nextLong();
            Random random = new Random(seed);
            FloatArray logits = new FloatArray(ROWS * vocab);
            for (int i = 0; i < ROWS * vocab; i++) {
                logits.set(i, (float) (spread * random.nextGaussian() - 3));
            }
            FloatArray softmax = new FloatArray((FIRST_ROW + ROWS) * heads * Page.SOFTMAX);
            for (int i = 0; i < softmax.getSize(); i++) {
                softmax.set(i, random.nextFloat());
            }
            return new Case(vocab, heads, seed, logits, new FloatArray(ROWS * PARTS * StatisticsKernels.PART), softmax,
                    new FloatArray(ROWS * StatisticsKernels.RESULT));
        }

        void record(TaskSink sink, IntArray control) {
            String id = "vocab" + vocab + "_seed" + Long.toHexString(seed);
            sink.task("sum_" + id, Launch.threadsPerRow(PARTS), StatisticsKernels::sumPartsOfVocabulary, control, logits, sums, vocab,
                    PARTS);
            sink.task("describe_" + id, Launch.threadsPerRow(1), StatisticsKernels::describeRows, control, sums, softmax, result, vocab,
                    PARTS, heads);
        }

        void check() {
            for (int row = 0; row < ROWS; row++) {
                String what = "vocab " + vocab + ", row " + row + ", seed " + seed;
                int at = row * vocab;
                double largest = IntStream.range(0, vocab).mapToDouble(id -> logits.get(at + id)).max().orElseThrow();
                double total = IntStream.range(0, vocab).mapToDouble(id -> Math.exp(logits.get(at + id) - largest)).sum();
                double entropy = 0;
                for (int id = 0; id < vocab; id++) {
                    double p = Math.exp(logits.get(at + id) - largest) / total;
                    entropy -= p == 0 ? 0 : p * Math.log(p);
                }
                assertEquals(vocab == 1 ? 0 : entropy / Math.log(vocab), result.get(row * StatisticsKernels.RESULT), 1e-5, what);
                double attention = 0;
                for (int head = 0; head < heads; head++) {
                    attention += softmax.get(((FIRST_ROW + row) * heads + head) * Page.SOFTMAX + Page.ENTROPY) / heads;
                }
                assertEquals(attention, result.get(row * StatisticsKernels.RESULT + 1), 1e-6, what + ", attention");
            }
        }
    }

    private static List<Case> cases() {
        return List.of(Case.random(1, 1, 1), Case.random(33, 3, 0), Case.random(64, 1, 5), Case.random(513, 2, 2),
                Case.random(5000, 5, 10), Case.random(32_000, 32, 3), Case.random(500, 2, 1000));
    }

    private static IntArray control() {
        IntArray control = new IntArray(Control.TOKENS);
        control.init(0);
        control.set(Control.ROWS, ROWS);
        control.set(Control.FIRST_ROW, FIRST_ROW);
        return control;
    }

    @Test
    void entropiesAreRightAsPlainJava() {
        List<Case> cases = cases();
        cases.forEach(c -> c.record(new DirectSink(), control()));
        cases.forEach(Case::check);
    }

    @Tag("tornado")
    @Test
    void entropiesAreRightOnTheDevice() {
        List<Case> cases = cases();
        IntArray control = control();
        List<Object> in = new ArrayList<>(List.of(control));
        cases.forEach(c -> in.addAll(List.of(c.logits(), c.sums(), c.softmax())));
        DeviceRun.run(TestDevice.best(), in, cases.stream().map(Case::result).toList(), ROWS,
                sink -> cases.forEach(c -> c.record(sink, control)));
        cases.forEach(Case::check);
    }
}
