package io.chunkwise.tornado.device;

import io.chunkwise.model.format.BlockCodec;
import io.chunkwise.model.format.TensorType;
import io.chunkwise.model.format.TensorView;
import io.chunkwise.model.forward.ExecutorException;
import io.chunkwise.tornado.kernels.ProjectionKernels;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;

/** From the tensors of all layers to one array, in the layout that the kernels read. Weights of one instance share their tables. */
final class WeightStacking {
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final Map<Integer, FloatArray> decodeTables = new HashMap<>();
    private final WeightLayout layout;

    WeightStacking(WeightLayout layout) {
        this.layout = layout;
    }

    /** Norms or biases, [layers, width]: small, always F32. */
    StackedWeight vectors(String name, List<TensorView> layers) {
        int width = Math.toIntExact(layers.getFirst().elements());
        FloatArray values = DeviceArrays.floats(name, layers.size(), width);
        for (int layer = 0; layer < layers.size(); layer++) {
            MemorySegment.copy(MemorySegment.ofArray(BlockCodec.decode(layers.get(layer))), 0, values.getSegment(), 4L * layer * width,
                    4L * width);
        }
        return new StackedWeight.F32(values);
    }

    /**
     * Arrays for projections, [layers, outputs, inputs]. {@link #fill} fills them.
     *
     * @throws ExecutorException if their number formats differ, or the stack is too large
     */
    StackedWeight matrices(String name, List<TensorView> layers) {
        TensorType type = layers.getFirst().type();
        for (TensorView layer : layers) {
            if (layer.type() != type) {
                throw new ExecutorException("'" + layer.name() + "' is " + layer.type() + " but '" + layers.getFirst().name() + "' is "
                        + type
                        + ": this executor stacks all layers in one number format. Use --executor cpu.");
            }
        }
        long[] sizes = {layers.size(), layers.getFirst().rows(), layers.getFirst().columns()};
        return switch (type) {
            case F32 -> new StackedWeight.F32(DeviceArrays.floats(name, sizes));
            case F16 -> layout.nativeHalves() ? new StackedWeight.NativeF16(DeviceArrays.halves(name, sizes))
                    : halves(name, ProjectionKernels.F16_MANTISSA_BITS, sizes);
            case BF16 -> halves(name, ProjectionKernels.BF16_MANTISSA_BITS, sizes);
            case Q8_0 -> {
                // Kernels index elements before they divide the index.
                DeviceArrays.count(name, sizes);
                yield new StackedWeight.Q8(DeviceArrays.ints(name, sizes[0], sizes[1], sizes[2] / 4),
                        DeviceArrays.floats(name + " scales", sizes[0], sizes[1], sizes[2] / 32));
            }
            case Q4_0 -> {
                DeviceArrays.count(name, sizes);
                FloatArray scales = DeviceArrays.floats(name + " scales", sizes[0], sizes[1], sizes[2] / 32);
                yield layout.packedQ4() ? new StackedWeight.PackedQ4(DeviceArrays.ints(name, sizes[0], sizes[1], sizes[2] / 8), scales)
                        : new StackedWeight.Q4(DeviceArrays.bytes(name, sizes[0], sizes[1], sizes[2] / 2), scales);
            }
        };
    }

    /** Copies the layers into arrays that {@link #matrices} has made for them. */
    static void fill(StackedWeight weight, List<TensorView> layers) {
        switch (weight) {
            case StackedWeight.F32(var values) -> copy(layers, values.getSegment());
            case StackedWeight.F16(var bits, _, _) -> copy(layers, bits.getSegment());
            case StackedWeight.NativeF16(var values) -> copy(layers, values.getSegment());
            case StackedWeight.Q8(var quants, var scales) ->
                splitBlocks(layers, scales.getSegment(), (from, at, block) -> interleave(from, at, quants.getSegment(), block));
            case StackedWeight.Q4(var nibbles, var scales) -> splitBlocks(layers, scales.getSegment(),
                    (from, at, block) -> MemorySegment.copy(from, at, nibbles.getSegment(), 16 * block, 16));
            case StackedWeight.PackedQ4(var quants, var scales) ->
                splitBlocks(layers, scales.getSegment(), (from, at, block) -> pack(from, at, quants.getSegment(), block));
        }
    }

    private StackedWeight halves(String name, int mantissaBits, long... sizes) {
        ShortArray bits = DeviceArrays.shorts(name, sizes);
        return new StackedWeight.F16(bits, decodeTables.computeIfAbsent(mantissaBits, WeightStacking::decodeTable), mantissaBits);
    }

    private static void copy(List<TensorView> layers, MemorySegment to) {
        long at = 0;
        for (TensorView layer : layers) {
            MemorySegment.copy(layer.data(), 0, to, at, layer.bytes());
            at += layer.bytes();
            leave(layer);
        }
    }

    /** Takes over the quants of one block. */
    interface BlockCopy {
        void copy(MemorySegment from, long at, long block);
    }

    // The file has scale and quants of a block beside each other; the device reads aligned quants and F32 scales (exact: F16 widens).
    private static void splitBlocks(List<TensorView> layers, MemorySegment scales, BlockCopy quants) {
        int blockBytes = layers.getFirst().type().blockBytes();
        long block = 0;
        for (TensorView layer : layers) {
            MemorySegment data = layer.data();
            for (long at = 0; at < data.byteSize(); at += blockBytes, block++) {
                scales.set(ValueLayout.JAVA_FLOAT, 4 * block, Float.float16ToFloat(data.get(SHORT, at)));
                quants.copy(data, at + 2, block);
            }
            leave(layer);
        }
    }

    /**
     * The layout of {@link StackedWeight.Q8}.
     *
     * @param from 32 bytes at {@code at}
     * @param to   [blocks, 8] ints
     */
    static void interleave(MemorySegment from, long at, MemorySegment to, long block) {
        long first = from.get(LONG, at);
        long second = from.get(LONG, at + 8);
        long third = from.get(LONG, at + 16);
        long fourth = from.get(LONG, at + 24);
        for (int j = 0; j < 8; j++) {
            int shift = 8 * j;
            int quants = (int) (first >>> shift) & 255 | ((int) (second >>> shift) & 255) << 8 | ((int) (third >>> shift) & 255) << 16
                    | ((int) (fourth >>> shift) & 255) << 24;
            to.setAtIndex(ValueLayout.JAVA_INT, 8 * block + j, quants);
        }
    }

    /**
     * The layout of {@link StackedWeight.PackedQ4}.
     *
     * @param from 16 bytes at {@code at}: the low halves are elements 0 to 15, the high ones the others
     * @param to   [blocks, 4] ints
     */
    private static void pack(MemorySegment from, long at, MemorySegment to, long block) {
        long first = from.get(LONG, at);
        long second = from.get(LONG, at + 8);
        for (int j = 0; j < 4; j++) {
            int shift = 8 * j;
            int eight = spread((int) (first >>> shift)) | spread((int) (first >>> 32 + shift)) << 4
                    | spread((int) (second >>> shift)) << 8 | spread((int) (second >>> 32 + shift)) << 12;
            to.setAtIndex(ValueLayout.JAVA_INT, 4 * block + j, eight);
        }
    }

    // The halves of the lowest byte, 16 bits apart.
    private static int spread(int pair) {
        return pair & 0x0f | (pair & 0xf0) << 12;
    }

    // What has been copied from a mapped file need not stay in memory.
    private static void leave(TensorView layer) {
        if (layer.data().isMapped()) {
            layer.data().unload();
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
}
