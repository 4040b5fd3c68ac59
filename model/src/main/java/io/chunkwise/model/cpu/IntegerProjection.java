package io.chunkwise.model.cpu;

import static io.chunkwise.model.cpu.Lanes.ORDER;
import static io.chunkwise.model.cpu.PackedWeights.PIECE;
import static io.chunkwise.model.cpu.PackedWeights.SCALES;

import io.chunkwise.model.format.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link PackedWeights} times one row of activations that are rounded to integers, a scale for each block of 32: what decoding does instead
 * of {@link RowProjection} where {@link io.chunkwise.model.forward.ActivationFormat#INTEGER} allows it.
 *
 * <p>The Vector API has no multiply-add of bytes. Shorts are multiplied instead, whose products are right modulo 2¹⁶: two quants of
 * Q8_0 or four of Q4_0 per short are added up where they lie, without a sign, and a correction makes the sum of the short right, which
 * fits: two products of −128 to 127 times at most 127, four of −8 to 7 times at most 1,023, so that activations beside Q4_0 keep 11 bits.
 *
 * <p>The two shorts of an int are told apart once per group: the correction makes the lower one positive, so that the upper one
 * is what an arithmetic shift leaves, and the lower one is what is left of the sum of whole ints without it.
 */
final class IntegerProjection {
    private static final VectorSpecies<Short> SHORTS = ShortVector.SPECIES_256;
    private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_256;
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_256;
    private static final int VECTOR = 16; // shorts
    private static final int PIECES_Q4 = 4;
    private static final int PIECES_Q8 = 8;
    private static final int PIECE_Q4 = 5 * VECTOR; // shorts of activations for a piece of weights: corrections, then activations
    private static final int PIECE_Q8 = 3 * VECTOR;
    private static final int GROUP_Q4 = PIECES_Q4 * PIECE_Q4;
    private static final int GROUP_Q8 = PIECES_Q8 * PIECE_Q8;
    private static final int GROUP_BYTES_Q4 = SCALES + PIECES_Q4 * PIECE;
    private static final int GROUP_BYTES_Q8 = SCALES + PIECES_Q8 * PIECE;
    private static final int LARGEST_Q4 = 1023;
    private static final int LARGEST_Q8 = 127;
    private static final int BIAS_Q4 = 4 * 8 * LARGEST_Q4; // no sum of a short is below its negative
    private static final int BIAS_Q8 = 2 * 128 * LARGEST_Q8;
    /** F16 bits at their places in a float are this much too small; half of it is in the scales of activations, half in the sums. */
    private static final float HALF_OF_SCALE = 0x1p56f;
    private static final int[] NIBBLES = repeated(0x000f000f);
    private static final int[] BYTES = repeated(0x00ff00ff);

    private IntegerProjection() {
    }

    /** Whether this machine's vectors are long enough. */
    static boolean isSupported() {
        return Lanes.COUNT >= 8;
    }

    /**
     * Rows of rounded activations, in the order of the quants of packed weights of a type; memory that is used again and grows.
     *
     * <p>For each piece of a group: lane h of lane j (an int) meets the shorts of block j, first the correction, then the activations of the
     * lowest quants of the shorts, of the next ones and so on.
     */
    static final class Input {
        private final TensorType type;
        private final int pieces;
        private final int perShort; // quants
        private short[] values = new short[0]; // [rows, groups, pieces, 1 + perShort, VECTOR]
        private final int[] elements = new int[32]; // of a block, in the order of their quants
        private final int[] rounded = new int[32];
        private float[] scales = new float[0]; // [rows, groups, BLOCKS], times HALF_OF_SCALE

        /** @param type Q8_0 or Q4_0 */
        Input(TensorType type) {
            this.type = type;
            pieces = type == TensorType.Q4_0 ? PIECES_Q4 : PIECES_Q8;
            perShort = type == TensorType.Q4_0 ? 4 : 2;
            for (int i = 0; i < 32; i++) {
                // Two nibbles of a byte, the lower ones being the first half of a block, or one byte after the other.
                elements[i] = type == TensorType.Q4_0 ? i / 2 + i % 2 * 16 : i;
            }
        }

        /** @param in [rows, inputs] */
        void round(float[] in, int inputs, int rows) {
            int groups = PackedWeights.groups(inputs);
            int groupSize = pieces * (1 + perShort) * VECTOR;
            values = values.length >= rows * groups * groupSize ? values : new short[rows * groups * groupSize];
            scales = Scratch.atLeast(scales, rows * groups * PackedWeights.BLOCKS);
            for (int row = 0; row < rows; row++) {
                for (int block = 0; block < groups * PackedWeights.BLOCKS; block++) {
                    int group = row * groups + block / PackedWeights.BLOCKS;
                    int lane = block % PackedWeights.BLOCKS;
                    boolean missing = block * 32 >= inputs;
                    scales[group * PackedWeights.BLOCKS + lane] = roundBlock(in, missing ? -1 : row * inputs + block * 32,
                            group * groupSize + 2 * lane) * HALF_OF_SCALE;
                }
            }
        }

        /**
         * @param from of the block in {@code in}; -1: it is all 0
         * @param at   of the first short that the block's quants meet
         * @return what 1 stands for
         */
        private float roundBlock(float[] in, int from, int at) {
            boolean nibbles = type == TensorType.Q4_0;
            float step = from < 0 ? 0 : roundTo(nibbles ? LARGEST_Q4 : LARGEST_Q8, in, from);
            if (step == 0) {
                Arrays.fill(rounded, 0);
            }
            int bias = nibbles ? BIAS_Q4 : BIAS_Q8;
            int zero = nibbles ? 8 : 128;
            int element = 0; // index in elements
            for (int piece = 0; piece < pieces; piece++) {
                for (int half = 0; half < 2; half++) {
                    int to = at + piece * (1 + perShort) * VECTOR + half;
                    int sum = 0;
                    for (int k = 1; k <= perShort; k++) {
                        short value = (short) rounded[elements[element++]];
                        values[to + k * VECTOR] = value;
                        sum += value;
                    }
                    values[to] = (short) ((half == 0 ? bias : 0) - zero * sum);
                }
            }
            return step;
        }

        /** Leaves a block's integers, at most {@code largest}, in the lower halves of {@code rounded}, unless all are 0. */
        private float roundTo(int largest, float[] in, int from) {
            FloatVector magnitudes = FloatVector.zero(FLOATS);
            for (int i = 0; i < 32; i += 8) {
                magnitudes = magnitudes.max(FloatVector.fromArray(FLOATS, in, from + i).abs());
            }
            float step = magnitudes.reduceLanes(VectorOperators.MAX) / largest;
            if (step > 0) {
                FloatVector inverse = FloatVector.broadcast(FLOATS, 1 / step);
                for (int i = 0; i < 32; i += 8) {
                    FloatVector.fromArray(FLOATS, in, from + i).mul(inverse).add(VectorMath.ROUND_TO_INT).reinterpretAsInts().intoArray(rounded, i);
                }
            }
            return step;
        }
    }

    /**
     * out[o] = Σ_i weight[o, i] · in[row, i], for outputs [from, to); added to out where {@code accumulate}
     *
     * @param in  in         made for the type and width of {@code weights}
     * @param out out/in+out [outputs] from {@code outAt}
     */
    static void project(PackedWeights weights, Input in, int row, boolean accumulate, float[] out, int outAt, int from, int to) {
        int groups = weights.groups();
        int scalesAt = row * groups * PackedWeights.BLOCKS;
        if (weights.type() == TensorType.Q4_0) {
            projectQ4(weights.data(), groups, in.values, row * groups * GROUP_Q4, in.scales, scalesAt, accumulate, out, outAt, from, to);
        } else {
            projectQ8(weights.data(), groups, in.values, row * groups * GROUP_Q8, in.scales, scalesAt, accumulate, out, outAt, from, to);
        }
    }

    // Pieces are written out here and below, for loops over them take a tenth to a third longer, and nothing is left to a method of ours:
    // what the Vector API's methods leave of the compiler's limit on inlining is not enough for one more, and a vector that crosses a
    // call lies on the heap. A mask that is loaded stays in a register; a constant would be loaded each time that it is used.
    private static void projectQ4(MemorySegment data, int groups, short[] in, int inAt, float[] scales, int scalesAt, boolean accumulate,
            float[] out, int outAt, int from, int to) {
        float[] lanes = new float[8];
        IntVector nibbles = IntVector.fromArray(INTS, NIBBLES, 0);
        for (int o = from; o < to; o++) {
            long row = o * (long) (groups * GROUP_BYTES_Q4);
            FloatVector sums = FloatVector.zero(FLOATS);
            for (int g = 0; g < groups; g++) {
                long p = row + g * GROUP_BYTES_Q4;
                int x = inAt + g * GROUP_Q4;
                IntVector whole = IntVector.broadcast(INTS, -PIECES_Q4 * BIAS_Q4);
                IntVector upper = IntVector.zero(INTS);
                IntVector quants = IntVector.fromMemorySegment(INTS, data, p + SCALES, ORDER);
                IntVector pairs = ShortVector.fromArray(SHORTS, in, x)
                        .add(quants.and(nibbles).reinterpretAsShorts().mul(ShortVector.fromArray(SHORTS, in, x + VECTOR)))
                        .add(quants.lanewise(VectorOperators.LSHR, 4).and(nibbles).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(SHORTS, in, x + 2 * VECTOR)))
                        .add(quants.lanewise(VectorOperators.LSHR, 8).and(nibbles).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(SHORTS, in, x + 3 * VECTOR)))
                        .add(quants.lanewise(VectorOperators.LSHR, 12).and(nibbles).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(SHORTS, in, x + 4 * VECTOR))).reinterpretAsInts();
                whole = whole.add(pairs);
                upper = upper.add(pairs.lanewise(VectorOperators.ASHR, 16));
                int y = x + PIECE_Q4;
                quants = IntVector.fromMemorySegment(INTS, data, p + SCALES + PIECE, ORDER);
                pairs = ShortVector.fromArray(SHORTS, in, y)
                        .add(quants.and(nibbles).reinterpretAsShorts().mul(ShortVector.fromArray(SHORTS, in, y + VECTOR)))
                        .add(quants.lanewise(VectorOperators.LSHR, 4).and(nibbles).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(SHORTS, in, y + 2 * VECTOR)))
                        .add(quants.lanewise(VectorOperators.LSHR, 8).and(nibbles).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(SHORTS, in, y + 3 * VECTOR)))
                        .add(quants.lanewise(VectorOperators.LSHR, 12).and(nibbles).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(SHORTS, in, y + 4 * VECTOR))).reinterpretAsInts();
                whole = whole.add(pairs);
                upper = upper.add(pairs.lanewise(VectorOperators.ASHR, 16));
                y = x + 2 * PIECE_Q4;
                quants = IntVector.fromMemorySegment(INTS, data, p + SCALES + 2 * PIECE, ORDER);
                pairs = ShortVector.fromArray(SHORTS, in, y)
                        .add(quants.and(nibbles).reinterpretAsShorts().mul(ShortVector.fromArray(SHORTS, in, y + VECTOR)))
                        .add(quants.lanewise(VectorOperators.LSHR, 4).and(nibbles).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(SHORTS, in, y + 2 * VECTOR)))
                        .add(quants.lanewise(VectorOperators.LSHR, 8).and(nibbles).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(SHORTS, in, y + 3 * VECTOR)))
                        .add(quants.lanewise(VectorOperators.LSHR, 12).and(nibbles).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(SHORTS, in, y + 4 * VECTOR))).reinterpretAsInts();
                whole = whole.add(pairs);
                upper = upper.add(pairs.lanewise(VectorOperators.ASHR, 16));
                y = x + 3 * PIECE_Q4;
                quants = IntVector.fromMemorySegment(INTS, data, p + SCALES + 3 * PIECE, ORDER);
                pairs = ShortVector.fromArray(SHORTS, in, y)
                        .add(quants.and(nibbles).reinterpretAsShorts().mul(ShortVector.fromArray(SHORTS, in, y + VECTOR)))
                        .add(quants.lanewise(VectorOperators.LSHR, 4).and(nibbles).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(SHORTS, in, y + 2 * VECTOR)))
                        .add(quants.lanewise(VectorOperators.LSHR, 8).and(nibbles).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(SHORTS, in, y + 3 * VECTOR)))
                        .add(quants.lanewise(VectorOperators.LSHR, 12).and(nibbles).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(SHORTS, in, y + 4 * VECTOR))).reinterpretAsInts();
                whole = whole.add(pairs);
                upper = upper.add(pairs.lanewise(VectorOperators.ASHR, 16));
                FloatVector ofBlocks = (FloatVector) whole.sub(upper.lanewise(VectorOperators.LSHL, 16)).add(upper)
                        .convertShape(VectorOperators.I2F, FLOATS, 0);
                IntVector halves = (IntVector) ShortVector.fromMemorySegment(ShortVector.SPECIES_128, data, p, ORDER)
                        .convertShape(VectorOperators.S2I, INTS, 0);
                FloatVector ofWeights = halves.lanewise(VectorOperators.LSHL, 13).and(WeightDecoder.HALF_BITS).reinterpretAsFloats();
                sums = ofBlocks.fma(ofWeights.mul(FloatVector.fromArray(FLOATS, scales, scalesAt + g * PackedWeights.BLOCKS)), sums);
            }
            sums.intoArray(lanes, 0);
            float sum = ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
            sum *= HALF_OF_SCALE;
            out[outAt + o] = accumulate ? out[outAt + o] + sum : sum;
        }
    }

    private static void projectQ8(MemorySegment data, int groups, short[] in, int inAt, float[] scales, int scalesAt, boolean accumulate,
            float[] out, int outAt, int from, int to) {
        float[] lanes = new float[8];
        IntVector bytes = IntVector.fromArray(INTS, BYTES, 0);
        for (int o = from; o < to; o++) {
            long row = o * (long) (groups * GROUP_BYTES_Q8);
            FloatVector sums = FloatVector.zero(FLOATS);
            for (int g = 0; g < groups; g++) {
                long p = row + g * GROUP_BYTES_Q8;
                int x = inAt + g * GROUP_Q8;
                IntVector whole = IntVector.broadcast(INTS, -PIECES_Q8 * BIAS_Q8);
                IntVector upper = IntVector.zero(INTS);
                IntVector quants = IntVector.fromMemorySegment(INTS, data, p + SCALES, ORDER);
                IntVector pairs = ShortVector.fromArray(SHORTS, in, x)
                        .add(quants.and(bytes).reinterpretAsShorts().mul(ShortVector.fromArray(SHORTS, in, x + VECTOR)))
                        .add(quants.lanewise(VectorOperators.LSHR, 8).and(bytes).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(SHORTS, in, x + 2 * VECTOR))).reinterpretAsInts();
                whole = whole.add(pairs);
                upper = upper.add(pairs.lanewise(VectorOperators.ASHR, 16));
                int y = x + PIECE_Q8;
                quants = IntVector.fromMemorySegment(INTS, data, p + SCALES + PIECE, ORDER);
                pairs = ShortVector.fromArray(SHORTS, in, y)
                        .add(quants.and(bytes).reinterpretAsShorts().mul(ShortVector.fromArray(SHORTS, in, y + VECTOR)))
                        .add(quants.lanewise(VectorOperators.LSHR, 8).and(bytes).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(SHORTS, in, y + 2 * VECTOR))).reinterpretAsInts();
                whole = whole.add(pairs);
                upper = upper.add(pairs.lanewise(VectorOperators.ASHR, 16));
                y = x + 2 * PIECE_Q8;
                quants = IntVector.fromMemorySegment(INTS, data, p + SCALES + 2 * PIECE, ORDER);
                pairs = ShortVector.fromArray(SHORTS, in, y)
                        .add(quants.and(bytes).reinterpretAsShorts().mul(ShortVector.fromArray(SHORTS, in, y + VECTOR)))
                        .add(quants.lanewise(VectorOperators.LSHR, 8).and(bytes).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(SHORTS, in, y + 2 * VECTOR))).reinterpretAsInts();
                whole = whole.add(pairs);
                upper = upper.add(pairs.lanewise(VectorOperators.ASHR, 16));
                y = x + 3 * PIECE_Q8;
                quants = IntVector.fromMemorySegment(INTS, data, p + SCALES + 3 * PIECE, ORDER);
                pairs = ShortVector.fromArray(SHORTS, in, y)
                        .add(quants.and(bytes).reinterpretAsShorts().mul(ShortVector.fromArray(SHORTS, in, y + VECTOR)))
                        .add(quants.lanewise(VectorOperators.LSHR, 8).and(bytes).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(SHORTS, in, y + 2 * VECTOR))).reinterpretAsInts();
                whole = whole.add(pairs);
                upper = upper.add(pairs.lanewise(VectorOperators.ASHR, 16));
                y = x + 4 * PIECE_Q8;
                quants = IntVector.fromMemorySegment(INTS, data, p + SCALES + 4 * PIECE, ORDER);
                pairs = ShortVector.fromArray(SHORTS, in, y)
                        .add(quants.and(bytes).reinterpretAsShorts().mul(ShortVector.fromArray(SHORTS, in, y + VECTOR)))
                        .add(quants.lanewise(VectorOperators.LSHR, 8).and(bytes).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(SHORTS, in, y + 2 * VECTOR))).reinterpretAsInts();
                whole = whole.add(pairs);
                upper = upper.add(pairs.lanewise(VectorOperators.ASHR, 16));
                y = x + 5 * PIECE_Q8;
                quants = IntVector.fromMemorySegment(INTS, data, p + SCALES + 5 * PIECE, ORDER);
                pairs = ShortVector.fromArray(SHORTS, in, y)
                        .add(quants.and(bytes).reinterpretAsShorts().mul(ShortVector.fromArray(SHORTS, in, y + VECTOR)))
                        .add(quants.lanewise(VectorOperators.LSHR, 8).and(bytes).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(SHORTS, in, y + 2 * VECTOR))).reinterpretAsInts();
                whole = whole.add(pairs);
                upper = upper.add(pairs.lanewise(VectorOperators.ASHR, 16));
                y = x + 6 * PIECE_Q8;
                quants = IntVector.fromMemorySegment(INTS, data, p + SCALES + 6 * PIECE, ORDER);
                pairs = ShortVector.fromArray(SHORTS, in, y)
                        .add(quants.and(bytes).reinterpretAsShorts().mul(ShortVector.fromArray(SHORTS, in, y + VECTOR)))
                        .add(quants.lanewise(VectorOperators.LSHR, 8).and(bytes).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(SHORTS, in, y + 2 * VECTOR))).reinterpretAsInts();
                whole = whole.add(pairs);
                upper = upper.add(pairs.lanewise(VectorOperators.ASHR, 16));
                y = x + 7 * PIECE_Q8;
                quants = IntVector.fromMemorySegment(INTS, data, p + SCALES + 7 * PIECE, ORDER);
                pairs = ShortVector.fromArray(SHORTS, in, y)
                        .add(quants.and(bytes).reinterpretAsShorts().mul(ShortVector.fromArray(SHORTS, in, y + VECTOR)))
                        .add(quants.lanewise(VectorOperators.LSHR, 8).and(bytes).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(SHORTS, in, y + 2 * VECTOR))).reinterpretAsInts();
                whole = whole.add(pairs);
                upper = upper.add(pairs.lanewise(VectorOperators.ASHR, 16));
                FloatVector ofBlocks = (FloatVector) whole.sub(upper.lanewise(VectorOperators.LSHL, 16)).add(upper)
                        .convertShape(VectorOperators.I2F, FLOATS, 0);
                IntVector halves = (IntVector) ShortVector.fromMemorySegment(ShortVector.SPECIES_128, data, p, ORDER)
                        .convertShape(VectorOperators.S2I, INTS, 0);
                FloatVector ofWeights = halves.lanewise(VectorOperators.LSHL, 13).and(WeightDecoder.HALF_BITS).reinterpretAsFloats();
                sums = ofBlocks.fma(ofWeights.mul(FloatVector.fromArray(FLOATS, scales, scalesAt + g * PackedWeights.BLOCKS)), sums);
            }
            sums.intoArray(lanes, 0);
            float sum = ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
            sum *= HALF_OF_SCALE;
            out[outAt + o] = accumulate ? out[outAt + o] + sum : sum;
        }
    }

    private static int[] repeated(int mask) {
        int[] masks = new int[8];
        Arrays.fill(masks, mask);
        return masks;
    }
}
