package io.chunkwise.tornado.graph;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.chunkwise.model.adapter.Adapter;
import io.chunkwise.model.adapter.AdapterSite;
import io.chunkwise.model.adapter.LowRankPair;
import io.chunkwise.model.format.BlockCodec;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.format.TensorView;
import io.chunkwise.model.forward.WeightRole;
import io.chunkwise.tornado.device.DeviceAdapter;
import io.chunkwise.tornado.device.StackedWeight;
import io.chunkwise.tornado.device.TensorBuffers;
import io.chunkwise.tornado.device.TensorCores;
import io.chunkwise.tornado.device.TestDevice;
import io.chunkwise.tornado.graph.Launch.Work;
import io.chunkwise.tornado.kernels.Control;
import io.chunkwise.tornado.kernels.LowRankKernels;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Every form of a projection and of stacks of two and three projections, with low-rank updates of 0 to 64 components that differ from row
 * to row and have gains per row, for numbers of rows around those of a tile: against sums in double precision.
 */
class ProjectionFormsTest {
    private static final int LAYERS = 2;
    private static final int LAYER = 1;
    private static final int GROUPS = 3;
    private static final int RANK = 64;
    private static final int PARTS = 3;
    private static final int OUTPUTS = 193; // of the projection
    private static final int OUTPUTS_A = 130; // of the stack
    private static final int OUTPUTS_B = 70;
    private static final float EPSILON = 1e-5f;
    private static final int[] ROWS = {1, 5, 16, 17, 63, 64, 65, 130};
    private static final int MOST_ROWS = 130;
    private static final Map<WeightRole, int[]> GROUP_ENDS = Map.of(WeightRole.QUERY, new int[] {8, 8, 64}, WeightRole.VALUE,
            new int[] {2, 7, 8}, WeightRole.ATTENTION_OUTPUT, new int[] {8, 40, 64}, // keys have no update
            WeightRole.GATE, new int[] {5, 5, 20}, WeightRole.UP, new int[] {1, 33, 64});

    @ParameterizedTest
    @CsvSource({"F32, 100, false", "F16, 160, true", "Q8_0, 160, true", "Q4_0, 32, false"})
    void threadsAreRightAsPlainJava(TensorType type, int inputs, boolean coded) {
        Subject subject = new Subject(type, inputs, coded, WeightTasks.Form.THREADED);
        for (int rows : ROWS) {
            subject.fill(rows);
            subject.record(new DirectSink());
            subject.check();
        }
    }

    @Tag("tornado")
    @ParameterizedTest
    @CsvSource({"F32, 100, false, TILED", "F16, 160, true, TILED", "Q8_0, 160, true, TILED", "Q4_0, 32, false, TILED",
        "F32, 100, false, TENSOR", "F16, 160, true, TENSOR", "BF16, 77, false, TENSOR", "Q8_0, 160, true, TENSOR",
        "Q4_0, 32, false, TENSOR", "Q8_0, 4640, true, TENSOR",
        "F32, 100, false, GROUPED", "F16, 992, true, GROUPED", "Q8_0, 160, true, GROUPED", "Q4_0, 4640, false, GROUPED",
        "F32, 100, false, THREADED", "Q8_0, 160, true, THREADED"})
    void allFormsAreRightOnTheDevice(TensorType type, int inputs, boolean coded, WeightTasks.Form form) {
        boolean grouped = KernelForm.of(TestDevice.best().handle().getDeviceType()) == KernelForm.GROUPED;
        assumeFalse(grouped && form == WeightTasks.Form.THREADED, "GPUs do not get this form, and TornadoVM makes no PTX of its vectors");
        assumeTrue(form != WeightTasks.Form.TENSOR || TensorCores.of(TestDevice.best()), "TornadoVM uses no tensor cores of this device");
        Subject subject = new Subject(type, inputs, coded, form);
        subject.fill(1);
        List<FloatArray> outputs = List.of(subject.out, subject.stacked, subject.two, subject.hidden());
        try (DeviceRun run = new DeviceRun(TestDevice.best(), subject.arrays(), outputs, new Work(MOST_ROWS, RANK), subject::record)) {
            for (int rows : ROWS) {
                subject.fill(rows);
                run.execute(new Work(rows, RANK));
                subject.check();
            }
        }
    }

    /** A projection and stacks of three and of two, of random weights and inputs. */
    private static final class Subject {
        private final long seed = new Random().nextLong();
        private final Random random = new Random(seed);
        private final String what;
        private final WeightTasks.Form form;
        private final int inputs;
        private final Adapter adapter;
        private final DeviceAdapter deviceAdapter;
        private final IntArray control = new IntArray(Control.TOKENS + Control.ROW_STRIDE * MOST_ROWS);
        private final FloatArray gains = new FloatArray(MOST_ROWS * GROUPS);
        private final Weight projection;
        private final List<Weight> stack;
        private final List<Weight> stackOfTwo;
        private final FloatArray in;
        private final FloatArray norm;
        private final FloatArray out = new FloatArray(MOST_ROWS * OUTPUTS);
        private final FloatArray stacked = new FloatArray(MOST_ROWS * (OUTPUTS_A + 2 * OUTPUTS_B));
        private final FloatArray two = new FloatArray(MOST_ROWS * (OUTPUTS_A + OUTPUTS_B));
        private final TensorBuffers tensors;
        private final WeightTasks tasks;
        private float[] before;
        private int rows;

        private record Weight(StackedWeight stacked, float[] decoded, int outputs) {
        }

        Subject(TensorType type, int inputs, boolean coded, WeightTasks.Form form) {
            this.inputs = inputs;
            this.form = form;
            what = form + ", " + type + ", components in codes: " + coded + ", seed " + seed;
            adapter = adapter();
            deviceAdapter = new DeviceAdapter(LAYERS, MOST_ROWS, PARTS, DeviceAdapter.Reservation.of(adapter), coded, true);
            deviceAdapter.load(Optional.of(adapter));
            projection = weight(type, OUTPUTS);
            stack = List.of(weight(type, OUTPUTS_A), weight(type, OUTPUTS_B), weight(type, OUTPUTS_B));
            stackOfTwo = List.of(weight(type, OUTPUTS_A), weight(type, OUTPUTS_B));
            in = new FloatArray(MOST_ROWS * inputs);
            norm = new FloatArray(LAYERS * inputs);
            tensors = TensorBuffers.of(MOST_ROWS, inputs, OUTPUTS_A + 2 * OUTPUTS_B, RANK);
            tasks = new WeightTasks(control, gains, deviceAdapter, new KernelContext(), form, tensors);
        }

        void record(TaskSink sink) {
            tasks.project(sink, "project", projection.stacked(), in, out, inputs, OUTPUTS, OUTPUTS * inputs, 1,
                    DeviceAdapter.siteOf(WeightRole.ATTENTION_OUTPUT), PARTS);
            tasks.normAndProject(sink, "stack", stack.stream().map(Weight::stacked).toList(), in, norm, stacked, inputs, OUTPUTS_A,
                    OUTPUTS_B, EPSILON);
            tasks.normAndProject(sink, "two", stackOfTwo.stream().map(Weight::stacked).toList(), in, norm, two, inputs, OUTPUTS_A,
                    OUTPUTS_B, EPSILON);
        }

        Set<Object> arrays() {
            Set<Object> arrays = new LinkedHashSet<>(List.of(control, gains, in, norm, out, stacked, two));
            arrays.addAll(deviceAdapter.arrays());
            arrays.addAll(tensors.arrays());
            arrays.addAll(projection.stacked().arrays());
            stack.forEach(weight -> arrays.addAll(weight.stacked().arrays()));
            stackOfTwo.forEach(weight -> arrays.addAll(weight.stacked().arrays()));
            return arrays;
        }

        FloatArray hidden() {
            return deviceAdapter.hidden();
        }

        void fill(int someRows) {
            rows = someRows;
            control.init(0);
            control.set(Control.ROWS, rows);
            control.set(Control.LAYER, LAYER);
            control.set(Control.GROUPS, GROUPS);
            control.set(Control.ACTIVE_RANK, RANK);
            for (int row = 0; row < rows; row++) {
                control.set(Control.ACTIVE_GROUPS + Control.ROW_STRIDE * row, random.nextInt(GROUPS + 1));
            }
            for (FloatArray array : List.of(gains, in, norm, out, deviceAdapter.parts())) {
                fillRandomly(array);
            }
            spread();
            stacked.init(Float.NaN);
            two.init(Float.NaN);
            hidden().init(Float.NaN);
            before = out.toHeapArray();
        }

        void check() {
            float[] up = pair(WeightRole.ATTENTION_OUTPUT).up();
            // Threads that have more rows share a row among fewer.
            int parts = form == WeightTasks.Form.THREADED ? Math.ceilDiv(PARTS, rows) : PARTS;
            for (int row = 0; row < rows; row++) {
                int activeRank = activeRank(WeightRole.ATTENTION_OUTPUT, row);
                for (int o = 0; o < OUTPUTS; o++) {
                    Sum sum = new Sum();
                    sum.add(before[row * OUTPUTS + o]);
                    for (int i = 0; i < inputs; i++) {
                        sum.add((double) projection.decoded()[o * inputs + i] * in.get(row * inputs + i));
                    }
                    for (int k = 0; k < activeRank; k++) {
                        for (int part = 0; part < parts; part++) {
                            sum.add((double) deviceAdapter.parts().get((row * PARTS + part) * RANK + k) * up[o * RANK + k]);
                        }
                    }
                    sum.check(out.get(row * OUTPUTS + o), rows + " rows, row " + row + ", output " + o);
                }
            }
            for (int row = 0; row < rows; row++) {
                double[] normed = normed(row);
                checkStack(stack, List.of(WeightRole.QUERY, WeightRole.VALUE), stacked, row, normed);
                checkStack(stackOfTwo, List.of(WeightRole.GATE, WeightRole.UP), two, row, normed);
            }
        }

        private void checkStack(List<Weight> weights, List<WeightRole> updated, FloatArray outputs, int row, double[] normed) {
            String where = rows + " rows, row " + row + ", stack of " + weights.size() + ", ";
            int at = row * weights.stream().mapToInt(Weight::outputs).sum();
            int first = at;
            for (Weight weight : weights) {
                for (int o = 0; o < weight.outputs(); o++, at++) {
                    product(normed, weight.decoded(), o, 1).check(outputs.get(at), where + "output " + (at - first));
                }
            }
            for (WeightRole role : updated) {
                int h = (row * LowRankKernels.SITES + DeviceAdapter.siteOf(role)) * RANK;
                int[] ends = GROUP_ENDS.get(role);
                for (int k = 0; k < activeRank(role, row); k++) {
                    int group = 0;
                    while (ends[group] <= k) {
                        group++;
                    }
                    product(normed, pair(role).down(), k, gains.get(row * GROUPS + group)).check(hidden().get(h + k),
                            where + role + " component " + k);
                }
            }
        }

        private double[] normed(int row) {
            double squares = 0;
            for (int i = 0; i < inputs; i++) {
                squares += (double) in.get(row * inputs + i) * in.get(row * inputs + i);
            }
            double[] normed = new double[inputs];
            for (int i = 0; i < inputs; i++) {
                normed[i] = in.get(row * inputs + i) * norm.get(LAYER * inputs + i) / Math.sqrt(squares / inputs + EPSILON);
            }
            return normed;
        }

        private Sum product(double[] normed, float[] matrix, int matrixRow, double gain) {
            Sum sum = new Sum();
            for (int i = 0; i < inputs; i++) {
                sum.add(gain * matrix[matrixRow * inputs + i] * normed[i]);
            }
            return sum;
        }

        /** A sum in double precision that knows how large its terms were. */
        private final class Sum {
            private double value;
            private double magnitude;

            void add(double term) {
                value += term;
                magnitude += Math.abs(term);
            }

            void check(float actual, String where) {
                assertEquals(value, actual, tolerance() * magnitude + 1e-30, where + "; " + what);
            }
        }

        /**
         * Of floats added one after another, which stray like a random walk of as many steps, each of up to 2^-24 where one term is above
         * all others; of tensor cores, that they cut off up to 2^-23 in each of three instructions for 16 inputs or components.
         */
        private double tolerance() {
            int terms = inputs + RANK;
            return 2e-6 + (form == WeightTasks.Form.TENSOR ? 3 * (terms / 16 + 2) * 0x1p-23 : 4 * Math.sqrt(terms) * 0x1p-24);
        }

        private int activeRank(WeightRole role, int row) {
            int active = control.get(Control.ACTIVE_GROUPS + Control.ROW_STRIDE * row);
            return active == 0 ? 0 : GROUP_ENDS.get(role)[active - 1];
        }

        private LowRankPair pair(WeightRole role) {
            return adapter.sites().get(new AdapterSite(LAYER, role));
        }

        private Weight weight(TensorType type, int outputs) {
            List<TensorView> layers = new ArrayList<>();
            for (int layer = 0; layer < LAYERS; layer++) {
                MemorySegment data = MemorySegment.ofArray(new byte[Math.toIntExact(type.bytesFor((long) outputs * inputs))]);
                float[] values = new float[outputs * inputs];
                for (int i = 0; i < values.length; i++) {
                    values[i] = (float) random.nextGaussian();
                }
                BlockCodec.encode(type, values, 0, values.length, data, 0);
                layers.add(new TensorView("layer " + layer, type, List.of((long) outputs, (long) inputs), data));
            }
            StackedWeight stacked = StackedWeight.of("weight", layers, TestDevice.layout(form != WeightTasks.Form.THREADED));
            return new Weight(stacked, BlockCodec.decode(layers.get(LAYER)), outputs);
        }

        private Adapter adapter() {
            Map<AdapterSite, LowRankPair> sites = new HashMap<>();
            for (int layer = 0; layer < LAYERS; layer++) {
                for (Map.Entry<WeightRole, int[]> site : GROUP_ENDS.entrySet()) {
                    int rank = site.getValue()[GROUPS - 1];
                    int outputs = switch (site.getKey()) {
                        case QUERY, GATE -> OUTPUTS_A;
                        case VALUE, UP -> OUTPUTS_B;
                        default -> OUTPUTS;
                    };
                    sites.put(new AdapterSite(layer, site.getKey()), new LowRankPair(rank, inputs, outputs, exact(rank, inputs, false),
                            exact(rank, outputs, true), site.getValue()));
                }
            }
            return new Adapter("random", GROUPS, sites);
        }

        // What Q8_0 keeps as it is: multiples of 1/1024 up to 127, which every block has.
        private float[] exact(int rank, int width, boolean turned) {
            float[] values = new float[rank * width];
            for (int k = 0; k < rank; k++) {
                for (int i = 0; i < width; i++) {
                    int code = i % 32 == 0 ? 127 : random.nextInt(-127, 128);
                    values[turned ? i * rank + k : k * width + i] = code / 1024f;
                }
            }
            return values;
        }

        // Rows of all magnitudes, as they are in and between models, and in some of them one element far above the others.
        private void spread() {
            for (int row = 0; row < rows; row++) {
                float magnitude = (float) Math.pow(10, random.nextInt(-6, 5));
                for (int i = 0; i < inputs; i++) {
                    in.set(row * inputs + i, in.get(row * inputs + i) * magnitude);
                }
                if (row % 3 == 2) {
                    in.set(row * inputs + random.nextInt(inputs), 1e4f * magnitude);
                }
            }
        }

        private void fillRandomly(FloatArray array) {
            for (int i = 0; i < array.getSize(); i++) {
                array.set(i, (float) random.nextGaussian());
            }
        }
    }
}
