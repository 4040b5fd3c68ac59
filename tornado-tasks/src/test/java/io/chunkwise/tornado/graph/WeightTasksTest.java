package io.chunkwise.tornado.graph;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.chunkwise.model.format.BlockCodec;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.format.TensorView;
import io.chunkwise.tornado.device.DeviceAdapter;
import io.chunkwise.tornado.device.DeviceDirectory.Device;
import io.chunkwise.tornado.device.StackedWeight;
import io.chunkwise.tornado.device.TensorBuffers;
import io.chunkwise.tornado.device.TensorCores;
import io.chunkwise.tornado.device.TestDevice;
import io.chunkwise.tornado.device.WeightLayout;
import io.chunkwise.tornado.kernels.Control;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Projections and embeddings of every number format, in both forms, on the device and as plain Java, against double precision. */
class WeightTasksTest {
    private static final int LAYERS = 2;
    private static final int LAYER = 1;
    private static final FloatArray GAINS = new FloatArray(1);
    private static final DeviceAdapter NO_ADAPTER = new DeviceAdapter(LAYERS, 3, DeviceAdapter.Reservation.NONE);

    /** What one projection should give and gave. */
    private record Case(String name, StackedWeight weight, float[] decoded, FloatArray in, FloatArray before, FloatArray out, int rows,
            int inputs, int outputs, int accumulate) {

        static Case random(String name, TensorType type, WeightLayout layout, int rows, int inputs, int outputs, int accumulate,
                Random random) {
            List<TensorView> layers = new ArrayList<>();
            for (int layer = 0; layer < LAYERS; layer++) {
                MemorySegment data = MemorySegment.ofArray(new byte[Math.toIntExact(type.bytesFor((long) outputs * inputs))]);
                BlockCodec.encode(type, floats(random, outputs * inputs), 0, outputs * inputs, data, 0);
                layers.add(new TensorView("layer " + layer, type, List.of((long) outputs, (long) inputs), data));
            }
            float[] before = floats(random, rows * outputs);
            return new Case(name, StackedWeight.of(name, layers, layout), BlockCodec.decode(layers.get(LAYER)),
                    FloatArray.fromArray(floats(random, rows * inputs)), FloatArray.fromArray(before), FloatArray.fromArray(before), rows,
                    inputs, outputs, accumulate);
        }

        void record(WeightTasks tasks, TaskSink sink) {
            tasks.project(sink, name, weight, in, out, inputs, outputs, inputs * outputs, accumulate, -1, 1);
        }

        /** @param form tensor cores cut off up to 2^-23 in each of three instructions for 16 inputs */
        void check(WeightTasks.Form form) {
            double tolerance = form == WeightTasks.Form.TENSOR ? 1e-6 + 3 * (inputs / 16 + 2) * 0x1p-23 : 1e-6;
            for (int row = 0; row < rows; row++) {
                for (int output = 0; output < outputs; output++) {
                    double expected = accumulate * before.get(row * outputs + output);
                    double magnitude = Math.abs(expected);
                    for (int i = 0; i < inputs; i++) {
                        double term = (double) decoded[output * inputs + i] * in.get(row * inputs + i);
                        expected += term;
                        magnitude += Math.abs(term);
                    }
                    assertEquals(expected, out.get(row * outputs + output), tolerance * magnitude + 1e-30, name + " row " + row + " output "
                            + output);
                }
            }
        }
    }

    private static final int ROWS = 3;

    private static List<Case> cases(TensorType type, WeightLayout layout, Random random) {
        List<Case> cases = new ArrayList<>();
        int[] inputs = type.isQuantized() ? new int[] {32, 96, 224} : new int[] {1, 7, 33, 100};
        int[] outputs = {1, 5, 17, 70};
        for (int i = 0; i < inputs.length; i++) {
            cases.add(Case.random("in" + inputs[i] + "_out" + outputs[i], type, layout, ROWS, inputs[i], outputs[i], i % 2, random));
        }
        return cases;
    }

    private static IntArray control() {
        IntArray control = new IntArray(Control.TOKENS + Control.ROW_STRIDE * ROWS);
        control.init(0);
        control.set(Control.ROWS, ROWS);
        control.set(Control.LAYER, LAYER);
        return control;
    }

    @ParameterizedTest
    @EnumSource(TensorType.class)
    void projectionsAreRightAsPlainJava(TensorType type) {
        List<Case> cases = cases(type, WeightLayout.THREADED, new Random());
        WeightTasks tasks = new WeightTasks(control(), GAINS, NO_ADAPTER, new KernelContext(), WeightTasks.Form.THREADED,
                TensorBuffers.none());
        cases.forEach(c -> c.record(tasks, new DirectSink()));
        cases.forEach(c -> c.check(WeightTasks.Form.THREADED));
    }

    @Tag("tornado")
    @ParameterizedTest
    @EnumSource(TensorType.class)
    void projectionsOfAllFormsAreRightOnTheDevice(TensorType type) {
        Device device = TestDevice.best();
        Set<WeightTasks.Form> forms = EnumSet.allOf(WeightTasks.Form.class);
        if (KernelForm.of(device.handle().getDeviceType()) == KernelForm.GROUPED) {
            // Of its vectors TornadoVM makes no PTX, and GPUs do not get it.
            forms.remove(WeightTasks.Form.THREADED);
        }
        if (!TensorCores.of(device)) {
            forms.remove(WeightTasks.Form.TENSOR);
        }
        for (WeightTasks.Form form : forms) {
            List<Case> cases = cases(type, TestDevice.layout(form != WeightTasks.Form.THREADED), new Random());
            IntArray control = control();
            TensorBuffers tensors = TensorBuffers.of(ROWS, 224, 70, 0);
            WeightTasks tasks = new WeightTasks(control, GAINS, NO_ADAPTER, new KernelContext(), form, tensors);
            Set<Object> in = new LinkedHashSet<>();
            in.add(control);
            in.addAll(NO_ADAPTER.arrays());
            in.addAll(tensors.arrays());
            for (Case c : cases) {
                in.addAll(c.weight().arrays());
                in.add(c.in());
                in.add(c.out());
            }
            DeviceRun.run(device, in, cases.stream().map(Case::out).toList(), ROWS, sink -> cases.forEach(c -> c.record(tasks, sink)));
            cases.forEach(c -> c.check(form));
        }
    }

    @Tag("tornado")
    @ParameterizedTest
    @CsvSource({"F32, false", "F16, false", "F16, true", "BF16, false", "Q8_0, false", "Q4_0, false", "Q4_0, true"})
    void embeddingsAreExactOnTheDevice(TensorType type, boolean grouped) {
        int vocab = 7;
        int width = 96;
        Random random = new Random();
        MemorySegment data = MemorySegment.ofArray(new byte[Math.toIntExact(type.bytesFor((long) vocab * width))]);
        BlockCodec.encode(type, floats(random, vocab * width), 0, vocab * width, data, 0);
        TensorView embedding = new TensorView("embedding", type, List.of((long) vocab, (long) width), data);
        float[] decoded = BlockCodec.decode(embedding);
        StackedWeight weight = StackedWeight.of("embedding", List.of(embedding), TestDevice.layout(grouped));
        IntArray control = control();
        for (int row = 0; row < ROWS; row++) {
            control.set(Control.TOKENS + Control.ROW_STRIDE * row, random.nextInt(vocab));
        }
        FloatArray out = new FloatArray(ROWS * width);
        List<Object> in = new ArrayList<>(weight.arrays());
        in.add(control);
        DeviceRun.run(TestDevice.best(), in, List.of(out), ROWS,
                sink -> new WeightTasks(control, GAINS, NO_ADAPTER, new KernelContext(), WeightTasks.Form.THREADED,
                TensorBuffers.none()).embed(sink, weight,
                        out, width));
        for (int row = 0; row < ROWS; row++) {
            for (int i = 0; i < width; i++) {
                assertEquals(decoded[control.get(Control.TOKENS + Control.ROW_STRIDE * row) * width + i], out.get(row * width + i),
                        type + " row " + row + " element " + i);
            }
        }
    }

    // Every finite value of the 16-bit formats, as two rows of an embedding.
    @Tag("tornado")
    @ParameterizedTest
    @CsvSource({"F16, false", "F16, true", "BF16, false"})
    void everyFiniteHalfIsDecodedExactlyOnTheDevice(TensorType type, boolean grouped) {
        int width = 1 << 15;
        short[] bits = new short[2 * width];
        for (int i = 0; i < bits.length; i++) {
            bits[i] = (short) i;
        }
        MemorySegment data = MemorySegment.ofArray(new byte[2 * bits.length]);
        MemorySegment.copy(MemorySegment.ofArray(bits), 0, data, 0, 2L * bits.length);
        TensorView all = new TensorView("all", type, List.of(2L, (long) width), data);
        float[] decoded = BlockCodec.decode(all);
        StackedWeight weight = StackedWeight.of("all", List.of(all), TestDevice.layout(grouped));
        IntArray control = control();
        control.set(Control.ROWS, 2);
        control.set(Control.TOKENS + Control.ROW_STRIDE, 1);
        FloatArray out = new FloatArray(2 * width);
        List<Object> in = new ArrayList<>(weight.arrays());
        in.add(control);
        DeviceRun.run(TestDevice.best(), in, List.of(out), 2,
                sink -> new WeightTasks(control, GAINS, NO_ADAPTER, new KernelContext(), WeightTasks.Form.THREADED,
                TensorBuffers.none()).embed(sink, weight,
                        out, width));
        for (int i = 0; i < decoded.length; i++) {
            // A device may flush floats that are subnormal; weights that small do not matter.
            if (Float.isFinite(decoded[i]) && Math.abs(decoded[i]) >= 1e-35f) {
                assertEquals(decoded[i], out.get(i), type + " bits " + Integer.toHexString(i));
            }
        }
    }

    private static float[] floats(Random random, int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }
}
