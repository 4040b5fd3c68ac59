package io.chunkwise.tornado.graph;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.model.Progress;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.forward.Activation;
import io.chunkwise.model.kv.KvFormat;
import io.chunkwise.model.kv.KvPage;
import io.chunkwise.model.kv.KvType;
import io.chunkwise.model.llama.LlamaArchitecture;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.LlamaModel;
import io.chunkwise.model.llama.RopeScaling;
import io.chunkwise.model.llama.RotaryPairing;
import io.chunkwise.model.llama.SyntheticLlama;
import io.chunkwise.tornado.device.ControlBlock;
import io.chunkwise.tornado.device.DeviceAdapter;
import io.chunkwise.tornado.device.DeviceAdapter.Reservation;
import io.chunkwise.tornado.device.DeviceBuffers;
import io.chunkwise.tornado.device.DeviceWeights;
import io.chunkwise.tornado.device.KvPools;
import io.chunkwise.tornado.device.TensorBuffers;
import io.chunkwise.tornado.device.WeightLayout;
import io.chunkwise.tornado.kernels.MeasureKernels;
import io.chunkwise.tornado.kernels.Page;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/** Pools of random pages, fresh for every fixture, and what should come of them, in double precision. */
final class PageFixture {
    static final int PAGES = 7;
    private static final int CONTEXT = PAGES * Page.TOKENS;
    private static final int LAYERS = 2;
    private static final int ROWS = 20;
    private static final KvFormat[] FORMATS = KvFormat.values();

    final DeviceState state;
    private final LlamaConfig config;
    private final int window;
    private final KvType type;
    private final long seed = new Random().nextLong();
    private final Random random = new Random(seed);

    PageFixture(int headDim, int kvHeads, int group, int window, RotaryPairing pairing, KvType type) {
        this.window = window;
        this.type = type;
        config = new LlamaConfig(LlamaArchitecture.LLAMA, 8, LAYERS, kvHeads * group, kvHeads, headDim, 8, 5, CONTEXT, 1e-5f, 10_000f,
                new RopeScaling.None(), pairing, window, false, true, 1, Set.of());
        try (LlamaModel model = SyntheticLlama.model(config, TensorType.F32, 1)) {
            state = new DeviceState(config, true, new DeviceWeights(config, model.weights(), WeightLayout.THREADED, Progress.NONE),
                    new DeviceBuffers(config, ROWS, CONTEXT), KvPools.of(config, CONTEXT, new KvPools.Slots(15, 14, 13), type),
                    new DeviceAdapter(LAYERS, ROWS, Reservation.NONE), TensorBuffers.none(), new ControlBlock(ROWS, 1, PAGES, window),
                    ROWS);
        }
    }

    @Override
    public String toString() {
        return config.kvHeads() + " x " + config.headDim() + ", " + config.heads() + " heads of " + type + ", window " + window
                + ", seed " + seed;
    }

    PageTasks tasks(KernelForm form) {
        return new PageTasks(state, new KernelContext(), form);
    }

    ControlBlock control() {
        return state.control();
    }

    /** Everything that page tasks name. */
    List<Object> arrays() {
        List<Object> arrays = new ArrayList<>(state.pools().arrays());
        arrays.addAll(state.buffers().arrays());
        arrays.addAll(List.of(control().ints(), control().jobs(), state.buffers().measurement().result()));
        return arrays;
    }

    FloatArray query() {
        return state.buffers().activation(Activation.QUERY);
    }

    FloatArray key() {
        return state.buffers().activation(Activation.KEY);
    }

    FloatArray value() {
        return state.buffers().activation(Activation.VALUE);
    }

    FloatArray attended() {
        return state.buffers().activation(Activation.ATTENDED);
    }

    // --- filling

    /** Every pool, every activation, and a table in which every page has a random format and a slot of its own. */
    void fillPools() {
        KvPools pools = state.pools();
        for (FloatArray array : List.of(pools.keys(), pools.values(), pools.probes(), query(), key(), value())) {
            fill(array, 1);
        }
        for (int i = 0; i < pools.halves().getSize(); i++) {
            pools.halves().set(i, Float.floatToFloat16((float) random.nextGaussian()));
        }
        fill(pools.scales8(), 1f / 127);
        fill(pools.scales4(), 1f / 8);
        fill(pools.codes8());
        fill(pools.codes4());
        attended().init(Float.NaN);
        state.buffers().softmax().init(Float.NaN);
        int[] next = new int[FORMATS.length];
        for (int at = 0; at < LAYERS * PAGES; at++) {
            // Two of each, and the rest at random; never more than there are slots.
            KvFormat format = FORMATS[at % PAGES < 4 ? (at + at / PAGES) % 4 : random.nextInt(4)];
            int slot = format == KvFormat.EVICTED ? -1 : next[format.ordinal()]++;
            write(at / PAGES, at % PAGES, format, slot);
        }
        // Somebody to attend to, at every length and in every window.
        write(1, 0, KvFormat.FULL, 14);
        write(1, 5, KvFormat.FULL, 13);
    }

    void write(int layer, int page, KvFormat format, int slot) {
        state.pools().table().set(layer * PAGES + page, format == KvFormat.FULL ? full(slot) : Page.entry(slot, format.ordinal()));
    }

    /** A full page, as the page table has it. */
    int full(int slot) {
        return Page.entry(slot, type == KvType.F16 ? Page.F16 : Page.FULL);
    }

    /** Keys and values of every size that there is: F16's subnormals, what rounds to zero, ties, and what is too large. */
    void fillWithAllSizes(FloatArray array) {
        for (int i = 0; i < array.getSize(); i++) {
            float mantissa = i % 3 == 0 ? 1 + random.nextInt(2048) / 2048f : (float) random.nextGaussian();
            array.set(i, (random.nextBoolean() ? -1 : 1) * Math.scalb(mantissa, random.nextInt(-27, 17)));
        }
    }

    private void fill(FloatArray array, float size) {
        for (int i = 0; i < array.getSize(); i++) {
            array.set(i, size * (float) random.nextGaussian());
        }
    }

    private void fill(ByteArray array) {
        for (int i = 0; i < array.getSize(); i++) {
            array.set(i, (byte) random.nextInt(256));
        }
    }

    // --- reading

    KvFormat format(int layer, int page) {
        int format = state.pools().table().get(layer * PAGES + page) & 7;
        return format == Page.F16 ? KvFormat.FULL : FORMATS[format];
    }

    int slot(int layer, int page) {
        return state.pools().table().get(layer * PAGES + page) >> 3;
    }

    /** A head's key (which = 0) or value (1), decoded; null where evicted. */
    private double[] decoded(int which, int layer, int position, int head) {
        KvFormat format = format(layer, position / Page.TOKENS);
        return format == KvFormat.EVICTED ? null
                : decoded(which, format, slot(layer, position / Page.TOKENS), position % Page.TOKENS * config.kvHeads() + head);
    }

    private double[] decoded(int which, KvFormat format, int slot, int head) {
        KvPools pools = state.pools();
        int dim = config.headDim();
        int full = slot * Page.TOKENS * config.kvHeads() + head;
        int quantized = (slot * 2 + which) * Page.TOKENS * config.kvHeads() + head;
        double[] decoded = new double[dim];
        for (int i = 0; i < dim; i++) {
            decoded[i] = switch (format) {
                case FULL -> switch (type) {
                    case F32 -> (which == 0 ? pools.keys() : pools.values()).get(full * dim + i);
                    case F16 -> Float.float16ToFloat(pools.halves().get(quantized * dim + i));
                };
                case Q8 -> (double) pools.scales8().get(quantized) * pools.codes8().get(quantized * dim + i);
                case Q4 -> (double) pools.scales4().get(quantized)
                        * ((pools.codes4().get(quantized * dim / 2 + i % (dim / 2)) >> (i < dim / 2 ? 0 : 4) & 15) - 8);
                case EVICTED -> throw new IllegalArgumentException("nothing is kept of evicted pages");
            };
        }
        return decoded;
    }

    private static double[] quantized(double[] x, KvFormat format) {
        double largest = Arrays.stream(x).reduce(0, (a, b) -> Math.abs(b) > Math.abs(a) ? b : a);
        double scale = format == KvFormat.Q8 ? Math.abs(largest) / 127 : largest / -8;
        int most = format == KvFormat.Q8 ? 127 : 7;
        return Arrays.stream(x).map(element -> scale * Math.min(Math.floor(element / scale + 0.5), most)).toArray();
    }

    // --- attention

    /** One head of one row; weights of all positions up to its own. */
    private record Attended(double[] out, double entropy, double[] weight) {
    }

    /** @param changed page that is read as {@code format}; -1 for none */
    private Attended attend(double[] query, int layer, int last, int kvHead, int changed, KvFormat format) {
        int dim = config.headDim();
        double[] weight = new double[last + 1];
        double[] out = new double[dim];
        int seen = 0;
        double total = 0;
        for (int p = window == 0 ? 0 : Math.max(0, last - window + 1); p <= last; p++) {
            double[] key = changed(decoded(0, layer, p, kvHead), p, changed, format);
            if (key != null) {
                double dot = 0;
                for (int i = 0; i < dim; i++) {
                    dot += query[i] * key[i];
                }
                weight[p] = Math.exp(dot / Math.sqrt(dim));
                total += weight[p];
                seen++;
            }
        }
        double entropy = 0;
        for (int p = 0; p <= last; p++) {
            weight[p] = total == 0 ? 0 : weight[p] / total;
            if (weight[p] > 0) {
                double[] value = changed(decoded(1, layer, p, kvHead), p, changed, format);
                for (int i = 0; i < dim; i++) {
                    out[i] += weight[p] * value[i];
                }
                entropy -= weight[p] * Math.log(weight[p]);
            }
        }
        return new Attended(out, seen < 2 ? 0 : entropy / Math.log(seen), weight);
    }

    private static double[] changed(double[] x, int position, int page, KvFormat format) {
        return position / Page.TOKENS != page || x == null ? x : format == KvFormat.EVICTED ? null : quantized(x, format);
    }

    void checkAttention(int layer, int last, int row, String what) {
        for (int head = 0; head < config.heads(); head++) {
            int at = (row * config.heads() + head) * config.headDim();
            Attended expected = attend(head(query(), at), layer, last, head / (config.heads() / config.kvHeads()), -1, KvFormat.FULL);
            for (int i = 0; i < config.headDim(); i++) {
                assertClose(expected.out()[i], attended().get(at + i), 5e-5, what + ", row " + row + ", head " + head + ", element " + i);
            }
            int described = (row * config.heads() + head) * Page.SOFTMAX;
            assertClose(expected.entropy(), state.buffers().softmax().get(described + Page.ENTROPY), 2e-5,
                    what + ", row " + row + ", head " + head + ", entropy");
        }
    }

    private double[] head(FloatArray array, int at) {
        double[] head = new double[config.headDim()];
        Arrays.setAll(head, i -> array.get(at + i));
        return head;
    }

    // --- appending

    void checkAppended(int layer, int position, int rows, int[] slots) {
        KvPools pools = state.pools();
        int kvDim = config.kvDim();
        for (int row = 0; row < rows; row++) {
            int p = position + row;
            for (int i = 0; i < kvDim; i++) {
                checkElement(0, slots[p / Page.TOKENS], p % Page.TOKENS, i, key().get(row * kvDim + i), "key of row " + row);
                checkElement(1, slots[p / Page.TOKENS], p % Page.TOKENS, i, value().get(row * kvDim + i), "value of row " + row);
            }
            for (int i = 0; i < config.queryDim() && row >= rows - Page.PROBES; i++) {
                assertClose(query().get(row * config.queryDim() + i),
                        pools.probes().get((layer * Page.PROBES + p % Page.PROBES) * config.queryDim() + i), 0, "probe of row " + row);
            }
        }
    }

    private void checkElement(int which, int slot, int token, int i, float exact, String what) {
        float actual = (float) decoded(which, KvFormat.FULL, slot, token * config.kvHeads() + i / config.headDim())[i % config.headDim()];
        float expected = switch (type) {
            case F32 -> exact;
            case F16 -> Float.float16ToFloat(Float.floatToFloat16(Math.clamp(exact, -65504f, 65504f)));
        };
        // Bit by bit, so that nothing is rounded to a zero of the other sign.
        assertEquals(Float.floatToRawIntBits(expected), Float.floatToRawIntBits(actual),
                () -> this + ": " + what + ", element " + i + ": " + exact + " became " + actual + ", expected " + expected);
    }

    // --- quantizing

    void checkQuantized(int source, KvFormat format, int target) {
        for (int which = 0; which < 2; which++) {
            for (int head = 0; head < Page.TOKENS * config.kvHeads(); head++) {
                double[] x = decoded(which, KvFormat.FULL, source, head);
                double[] expected = quantized(x, format);
                double[] actual = decoded(which, format, target, head);
                double largest = Arrays.stream(x).map(Math::abs).max().orElseThrow();
                double step = largest / (format == KvFormat.Q8 ? 127 : 8);
                for (int i = 0; i < x.length; i++) {
                    String what = format + " of " + (which == 0 ? "key " : "value ") + head + ", element " + i;
                    // In the middle between two quants, floats may choose either.
                    boolean middle = Math.abs(Math.abs(x[i] - expected[i]) - step / 2) < 1e-4 * step;
                    assertClose(expected[i], actual[i], middle ? 1.01 * step : 1e-5 * largest, what);
                }
            }
        }
    }

    // --- turning

    /** [count][kvDim] */
    double[][] randomKeys(int count) {
        double[][] keys = new double[count][config.kvDim()];
        for (double[] key : keys) {
            Arrays.setAll(key, _ -> random.nextGaussian());
        }
        return keys;
    }

    /** By the angles of a position. */
    double[] turned(double[] key, int position) {
        double[] turned = new double[key.length];
        int half = config.headDim() / 2;
        boolean halves = config.rotaryPairing() == RotaryPairing.HALVES;
        for (int head = 0; head < key.length; head += config.headDim()) {
            for (int i = 0; i < half; i++) {
                double angle = position * Math.pow(config.ropeBase(), -2.0 * i / config.headDim());
                int a = head + (halves ? i : 2 * i);
                int b = head + (halves ? i + half : 2 * i + 1);
                turned[a] = key[a] * Math.cos(angle) - key[b] * Math.sin(angle);
                turned[b] = key[a] * Math.sin(angle) + key[b] * Math.cos(angle);
            }
        }
        return turned;
    }

    void putKey(int slot, int token, double[] key) {
        for (int i = 0; i < key.length; i++) {
            switch (type) {
                case F32 -> state.pools().keys().set((slot * Page.TOKENS + token) * key.length + i, (float) key[i]);
                case F16 -> state.pools().halves().set((slot * 2 * Page.TOKENS + token) * key.length + i,
                        Float.floatToFloat16((float) key[i]));
            }
        }
    }

    void checkKey(int slot, int token, double[] expected) {
        for (int i = 0; i < expected.length; i++) {
            double actual = decoded(0, KvFormat.FULL, slot, token * config.kvHeads() + i / config.headDim())[i % config.headDim()];
            // Angles are rounded to float, keys perhaps to F16, before and after.
            assertClose(expected[i], actual, type == KvType.F32 ? 5e-5 : 8e-3,
                    "key " + token + " of slot " + slot + ", element " + i);
        }
    }

    // --- measuring

    /** @param what index into the result: mass, errors of Q8, Q4 and eviction */
    void checkMeasured(int layer, int page, int position, int probes, int job, int what, String where) {
        KvFormat format = FORMATS[what];
        double squares = 0;
        double norm = 0;
        double mass = 0;
        for (int probe = 0; probe < probes; probe++) {
            int last = position + probe;
            for (int head = 0; head < config.heads(); head++) {
                int kvHead = head / (config.heads() / config.kvHeads());
                double[] query = head(state.pools().probes(),
                        (layer * Page.PROBES + last % Page.PROBES) * config.queryDim() + head * config.headDim());
                Attended before = attend(query, layer, last, kvHead, -1, format);
                Attended after = attend(query, layer, last, kvHead, page, format);
                for (int i = 0; i < config.headDim(); i++) {
                    squares += Math.pow(after.out()[i] - before.out()[i], 2);
                    norm += Math.pow(before.out()[i], 2);
                }
                for (int p = page * KvPage.TOKENS; p <= Math.min(last, page * KvPage.TOKENS + 15); p++) {
                    mass += before.weight()[p] / probes / config.heads();
                }
            }
        }
        double expected = format == KvFormat.FULL ? mass : Math.sqrt(squares / norm);
        float actual = state.buffers().measurement().result().get(job * MeasureKernels.RESULT + what);
        // Where an element lies in the middle between two quants, floats and doubles may choose different ones: seldom, but for elements of
        // few bits.
        double quantized = type == KvType.F16 ? 0.15 : 2e-2;
        double tolerance = format == KvFormat.FULL ? 2e-3 : quantized;
        assertClose(expected, actual, 1e-6 + tolerance * expected, where + ", page " + page + ", "
                + (format == KvFormat.FULL ? "mass" : "error of " + format));
    }

    private void assertClose(double expected, double actual, double tolerance, String what) {
        assertTrue(Double.isFinite(actual), () -> this + ": " + what + " is " + actual);
        assertEquals(expected, actual, tolerance, () -> this + ": " + what);
    }
}
