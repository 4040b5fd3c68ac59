package io.chunkwise.tornado.device;

import io.chunkwise.model.format.RandomContent;
import io.chunkwise.model.format.TensorView;
import io.chunkwise.tornado.kernels.FillKernels;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * A weight of random numbers, which are made on the device: nothing is computed on the host, nothing uploaded.
 *
 * @param name of the weight
 * @param spec [{@code FillKernels.SPEC}]
 */
public record RandomFill(String name, IntArray spec, Target target) {

    /** What is filled, and with which elements; tables as {@link RandomContent} has them. */
    public sealed interface Target {

        record F32(FloatArray elements, FloatArray values) implements Target {
        }

        record F16(ShortArray elements, ShortArray bits) implements Target {
        }

        record NativeF16(HalfFloatArray elements, HalfFloatArray values) implements Target {
        }

        record Q8(ByteArray elements, FloatArray blockScales, IntArray quants, FloatArray scales) implements Target {
        }

        record Q4(ByteArray elements, FloatArray blockScales, ByteArray nibbles, FloatArray scales) implements Target {
        }

        record PackedQ4(ByteArray elements, FloatArray blockScales, IntArray quants, FloatArray scales) implements Target {
        }

        /** Arrays that have to be on the device first. */
        default List<TornadoNativeArray> tables() {
            return switch (this) {
                case F32(var elements, _) -> List.of(elements);
                case F16(var elements, _) -> List.of(elements);
                case NativeF16(var elements, _) -> List.of(elements);
                case Q8(var elements, var blockScales, _, _) -> List.of(elements, blockScales);
                case Q4(var elements, var blockScales, _, _) -> List.of(elements, blockScales);
                case PackedQ4(var elements, var blockScales, _, _) -> List.of(elements, blockScales);
            };
        }

        /** Arrays that are filled. */
        default List<TornadoNativeArray> filled() {
            return switch (this) {
                case F32(_, var values) -> List.of(values);
                case F16(_, var bits) -> List.of(bits);
                case NativeF16(_, var values) -> List.of(values);
                case Q8(_, _, var quants, var scales) -> List.of(quants, scales);
                case Q4(_, _, var nibbles, var scales) -> List.of(nibbles, scales);
                case PackedQ4(_, _, var quants, var scales) -> List.of(quants, scales);
            };
        }
    }

    /** How to fill a stack, if all of its layers together are one sequence of random numbers. */
    static Optional<RandomFill> of(String name, StackedWeight weight, List<TensorView> layers) {
        long elements = 0;
        for (TensorView layer : layers) {
            if (!(layer.content() instanceof RandomContent random) || random.first() != elements
                    || !random.isOfSameSequence(layers.getFirst().content())) {
                return Optional.empty();
            }
            elements += layer.elements();
        }
        RandomContent random = (RandomContent) layers.getFirst().content();
        IntArray spec = DeviceArrays.ints("recipe of " + name, FillKernels.SPEC);
        spec.set(FillKernels.BLOCKS, Math.toIntExact(Math.ceilDiv(elements, FillKernels.BLOCK)));
        spec.set(FillKernels.SEED, random.seed());
        MemorySegment table = random.elementOfLevel();
        return Optional.of(new RandomFill(name, spec, switch (weight) {
            case StackedWeight.F32(var values) -> new Target.F32(FloatArray.fromSegment(table), values);
            case StackedWeight.F16(var bits, _, _) -> new Target.F16(ShortArray.fromSegment(table), bits);
            case StackedWeight.NativeF16(var values) -> new Target.NativeF16(HalfFloatArray.fromSegment(table), values);
            case StackedWeight.Q8(var quants, var scales) ->
                new Target.Q8(ByteArray.fromSegment(table), FloatArray.fromArray(random.blockScales()), quants, scales);
            case StackedWeight.Q4(var nibbles, var scales) ->
                new Target.Q4(ByteArray.fromSegment(table), FloatArray.fromArray(random.blockScales()), nibbles, scales);
            case StackedWeight.PackedQ4(var quants, var scales) ->
                new Target.PackedQ4(ByteArray.fromSegment(table), FloatArray.fromArray(random.blockScales()), quants, scales);
        }));
    }

    /** Blocks of {@code FillKernels.BLOCK} elements. */
    public int blocks() {
        return spec.get(FillKernels.BLOCKS);
    }
}
