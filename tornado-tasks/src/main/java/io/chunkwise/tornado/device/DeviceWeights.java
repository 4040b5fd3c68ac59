package io.chunkwise.tornado.device;

import io.chunkwise.model.Progress;
import io.chunkwise.model.format.BlockCodec;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.format.TensorView;
import io.chunkwise.model.forward.ExecutorException;
import io.chunkwise.model.forward.WeightRole;
import io.chunkwise.model.llama.LlamaConfig;
import io.chunkwise.model.llama.LlamaWeights;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.EnumMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/** The base weights as the device gets them: one {@link StackedWeight} per role. Copies the mapped tensors once. */
public final class DeviceWeights {
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final Map<WeightRole, StackedWeight> byRole = new EnumMap<>(WeightRole.class);
    private final Map<Integer, FloatArray> decodeTables;

    /** @throws ExecutorException if the layers of a role have different number formats, or one stack is too large */
    public DeviceWeights(LlamaConfig config, LlamaWeights weights, Progress progress) {
        decodeTables = Map.of(10, decodeTable(10), 7, decodeTable(7));
        List<WeightRole> roles = List.of(WeightRole.values()).stream().filter(role -> role.isPresent(config)).toList();
        int done = 0;
        for (WeightRole role : roles) {
            progress.report("copying weights", done++, roles.size());
            List<TensorView> layers = IntStream.range(0, role.isPerLayer() ? config.layers() : 1)
                    .mapToObj(layer -> weights.get(role, layer)).toList();
            byRole.put(role, role.shape(config).size() == 1 ? vectors(role, layers) : stack(role, layers));
        }
        progress.report("copying weights", roles.size(), roles.size());
        if (config.tiedOutput()) {
            byRole.put(WeightRole.OUTPUT, byRole.get(WeightRole.EMBEDDING));
        }
    }

    public StackedWeight get(WeightRole role) {
        return byRole.get(role);
    }

    /** A norm or bias, [layers, width]. */
    public FloatArray vector(WeightRole role) {
        return switch (byRole.get(role)) {
            case StackedWeight.F32(var values) -> values;
            case StackedWeight.F16 _, StackedWeight.Q8 _, StackedWeight.Q4 _ -> throw new IllegalArgumentException(role + " is a matrix");
        };
    }

    /** Everything to upload, without repeats. */
    public Set<TornadoNativeArray> arrays() {
        Set<TornadoNativeArray> arrays = new LinkedHashSet<>();
        byRole.values().forEach(weight -> arrays.addAll(weight.arrays()));
        return arrays;
    }

    // Norms and biases are small: always F32.
    private static StackedWeight vectors(WeightRole role, List<TensorView> layers) {
        int width = Math.toIntExact(layers.getFirst().elements());
        FloatArray values = DeviceArrays.floats(name(role), layers.size(), width);
        for (int layer = 0; layer < layers.size(); layer++) {
            MemorySegment.copy(MemorySegment.ofArray(BlockCodec.decode(layers.get(layer))), 0, values.getSegment(), 4L * layer * width, 4L * width);
        }
        return new StackedWeight.F32(values);
    }

    private StackedWeight stack(WeightRole role, List<TensorView> layers) {
        TensorType type = layers.getFirst().type();
        for (TensorView layer : layers) {
            if (layer.type() != type) {
                throw new ExecutorException("'" + layer.name() + "' is " + layer.type() + " but '" + layers.getFirst().name() + "' is " + type
                        + ": this executor stacks all layers in one number format. Use --executor cpu.");
            }
        }
        long[] sizes = {layers.size(), layers.getFirst().rows(), layers.getFirst().columns()};
        return switch (type) {
            case F32 -> {
                FloatArray values = DeviceArrays.floats(name(role), sizes);
                copy(layers, values.getSegment());
                yield new StackedWeight.F32(values);
            }
            case F16 -> halves(role, layers, 10, sizes);
            case BF16 -> halves(role, layers, 7, sizes);
            case Q8_0 -> {
                ByteArray quants = DeviceArrays.bytes(name(role), sizes);
                FloatArray scales = DeviceArrays.floats(name(role) + " scales", sizes[0], sizes[1], sizes[2] / 32);
                splitBlocks(layers, type, quants.getSegment(), scales.getSegment());
                yield new StackedWeight.Q8(quants, scales);
            }
            case Q4_0 -> {
                // Kernels index elements before they halve the index.
                DeviceArrays.count(name(role), sizes);
                ByteArray nibbles = DeviceArrays.bytes(name(role), sizes[0], sizes[1], sizes[2] / 2);
                FloatArray scales = DeviceArrays.floats(name(role) + " scales", sizes[0], sizes[1], sizes[2] / 32);
                splitBlocks(layers, type, nibbles.getSegment(), scales.getSegment());
                yield new StackedWeight.Q4(nibbles, scales);
            }
        };
    }

    private StackedWeight halves(WeightRole role, List<TensorView> layers, int mantissaBits, long... sizes) {
        ShortArray bits = DeviceArrays.shorts(name(role), sizes);
        copy(layers, bits.getSegment());
        return new StackedWeight.F16(bits, decodeTables.get(mantissaBits), mantissaBits);
    }

    private static void copy(List<TensorView> layers, MemorySegment to) {
        long at = 0;
        for (TensorView layer : layers) {
            MemorySegment.copy(layer.data(), 0, to, at, layer.data().byteSize());
            at += layer.data().byteSize();
        }
    }

    // The file interleaves scale and quants; the device reads aligned quants and F32 scales (exact: F16 widens).
    private static void splitBlocks(List<TensorView> layers, TensorType type, MemorySegment quants, MemorySegment scales) {
        int blockBytes = type.blockBytes();
        long block = 0;
        for (TensorView layer : layers) {
            MemorySegment data = layer.data();
            for (long at = 0; at < data.byteSize(); at += blockBytes, block++) {
                scales.set(ValueLayout.JAVA_FLOAT, 4 * block, Float.float16ToFloat(data.get(SHORT, at)));
                MemorySegment.copy(data, at + 2, quants, (blockBytes - 2) * block, blockBytes - 2);
            }
        }
    }

    /** The table of {@link StackedWeight.F16}: what a mantissa is multiplied with, by sign and exponent. */
    static FloatArray decodeTable(int mantissaBits) {
        int exponentBits = 15 - mantissaBits;
        int exponents = 1 << exponentBits;
        int bias = exponents / 2 - 1;
        FloatArray table = DeviceArrays.floats("number format table", 2L * exponents);
        for (int exponent = 0; exponent < exponents; exponent++) {
            // Exponent 0 is that of subnormals: as 1, without the implicit one.
            float power = exponent == exponents - 1 ? Float.POSITIVE_INFINITY
                    : (float) Math.scalb(1.0, Math.max(exponent, 1) - bias - mantissaBits);
            table.set(exponent, power);
            table.set(exponents + exponent, -power);
        }
        return table;
    }

    private static String name(WeightRole role) {
        return "weight " + role.name().toLowerCase(java.util.Locale.ROOT).replace('_', ' ');
    }
}
