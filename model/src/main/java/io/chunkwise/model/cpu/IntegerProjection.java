package io.chunkwise.model.cpu;

import static io.chunkwise.model.cpu.Lanes.ORDER;
import static io.chunkwise.model.cpu.PackedWeights.PIECE;
import static io.chunkwise.model.cpu.PackedWeights.SCALES;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.MAX;
import static jdk.incubator.vector.VectorOperators.S2I;

import io.chunkwise.model.format.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link PackedWeights} times one row of activations that are rounded to integers, a scale for each block of 32: what decoding does instead
 * of {@link RowProjection} where {@link io.chunkwise.model.forward.ActivationFormat#INTEGER} allows it.
 *
 * <p>The Vector API has no multiply-add of bytes. Shorts are multiplied instead, whose products are right modulo 2¹⁶: products of quants
 * without a sign are added up where they lie, and a correction makes the sum of the short right, which fits: two products of −128 to 127
 * times at most 127 for Q8_0, sixteen of −8 to 7 times at most 255 for Q4_0, so that activations beside Q4_0 keep 9 bits.
 *
 * <p>A short of weights holds the quants n₀ to n₃ (Q4_0) or n₀ and n₁. The lowest one is not told apart from the others: the whole short
 * n₀ + 16 n₁ + … is multiplied by the activation x₀, and n₁ by x₁ − 16 x₀ and so on, which is the same modulo 2¹⁶.
 *
 * <p>The two shorts of an int are added once per group. Q8_0, which has a sum for each of its eight pieces, has the lower short made
 * positive by the correction: the upper one is what an arithmetic shift leaves, and the lower ones are what is left of the sum of whole
 * ints without it.
 */
final class IntegerProjection {
    private static final VectorSpecies<Short> SHORTS = ShortVector.SPECIES_256;
    private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_256;
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_256;
    private static final int VECTOR = 16; // shorts
    private static final int PIECES_Q4 = 4;
    private static final int PIECES_Q8 = 8;
    private static final int SUMS_Q4 = 1; // vectors of shorts that products of a group are added up in: that of piece q is q % SUMS
    private static final int SUMS_Q8 = 8;
    private static final int PIECE_Q4 = 4 * VECTOR; // shorts of activations for a piece of weights
    private static final int PIECE_Q8 = 2 * VECTOR;
    private static final int GROUP_Q4 = SUMS_Q4 * VECTOR + PIECES_Q4 * PIECE_Q4; // corrections of sums, then activations
    private static final int GROUP_Q8 = SUMS_Q8 * VECTOR + PIECES_Q8 * PIECE_Q8;
    private static final int GROUP_BYTES_Q4 = SCALES + PIECES_Q4 * PIECE;
    private static final int GROUP_BYTES_Q8 = SCALES + PIECES_Q8 * PIECE;
    private static final int LARGEST_Q4 = 255;
    private static final int LARGEST_Q8 = 127;
    private static final int BIAS_Q8 = 2 * 128 * LARGEST_Q8; // no sum of a short is below its negative
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
     * <p>Half h of lane j (an int) of each vector meets half h of the ints of block j. A group is a correction for each of its sums; then,
     * for each piece, the activations of the lowest quants of the shorts, of the next ones and so on, less what the lowest ones add there.
     */
    static final class Input {
        private final TensorType type;
        private final int pieces;
        private final int perShort; // quants
        private final int sums;
        private short[] values = new short[0]; // [rows, groups, sums + pieces · perShort, VECTOR]
        private final int[] elements = new int[32]; // of a block, in the order of their quants
        private final int[] rounded = new int[32];
        private float[] scales = new float[0]; // [rows, groups, BLOCKS], times HALF_OF_SCALE

        /** @param type Q8_0 or Q4_0 */
        Input(TensorType type) {
            this.type = type;
            pieces = type == TensorType.Q4_0 ? PIECES_Q4 : PIECES_Q8;
            perShort = type == TensorType.Q4_0 ? 4 : 2;
            sums = type == TensorType.Q4_0 ? SUMS_Q4 : SUMS_Q8;
            for (int i = 0; i < 32; i++) {
                // Two nibbles of a byte, the lower ones being the first half of a block, or one byte after the other.
                elements[i] = type == TensorType.Q4_0 ? i / 2 + i % 2 * 16 : i;
            }
        }

        /** @param in [rows, inputs] */
        void round(float[] in, int inputs, int rows) {
            int groups = PackedWeights.groups(inputs);
            int groupSize = type == TensorType.Q4_0 ? GROUP_Q4 : GROUP_Q8;
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
            for (int sum = 0; sum < sums; sum++) {
                values[at + sum * VECTOR] = (short) (nibbles ? 0 : BIAS_Q8);
                values[at + sum * VECTOR + 1] = 0;
            }
            int zero = nibbles ? 8 : 128; // what quants are higher by
            int bits = 16 / perShort;
            int element = 0; // index in elements
            for (int piece = 0; piece < pieces; piece++) {
                for (int half = 0; half < 2; half++) {
                    int to = at + (sums + piece * perShort) * VECTOR + half;
                    int lowest = (short) rounded[elements[element]];
                    int sum = 0;
                    for (int k = 0; k < perShort; k++) {
                        int value = (short) rounded[elements[element++]];
                        values[to + k * VECTOR] = (short) (k == 0 ? value : value - (lowest << k * bits));
                        sum += value;
                    }
                    values[at + piece % sums * VECTOR + half] -= (short) (zero * sum);
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
            float step = magnitudes.reduceLanes(MAX) / largest;
            if (step > 0) {
                FloatVector inverse = FloatVector.broadcast(FLOATS, 1 / step);
                for (int i = 0; i < 32; i += 8) {
                    FloatVector.fromArray(FLOATS, in, from + i).mul(inverse).add(VectorMath.ROUND_TO_INT)
                            .reinterpretAsInts().intoArray(rounded, i);
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
    // call lies on the heap. A mask that is loaded stays in a register; a constant would be loaded each time that it is used. Sums are
    // trees: a chain of so many additions leaves the processor waiting, most of all beside another thread of its core.
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
                int y = x + SUMS_Q4 * VECTOR;
                IntVector quants = IntVector.fromMemorySegment(INTS, data, p + SCALES, ORDER);
                ShortVector first = quants.reinterpretAsShorts().mul(ShortVector.fromArray(SHORTS, in, y))
                        .add(quants.lanewise(LSHR, 4).and(nibbles).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(SHORTS, in, y + VECTOR)))
                        .add(quants.lanewise(LSHR, 8).and(nibbles).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(SHORTS, in, y + 2 * VECTOR))
                                .add(quants.lanewise(LSHR, 12).and(nibbles).reinterpretAsShorts()
                                        .mul(ShortVector.fromArray(SHORTS, in, y + 3 * VECTOR))));
                y += PIECE_Q4;
                quants = IntVector.fromMemorySegment(INTS, data, p + SCALES + PIECE, ORDER);
                ShortVector second = quants.reinterpretAsShorts().mul(ShortVector.fromArray(SHORTS, in, y))
                        .add(quants.lanewise(LSHR, 4).and(nibbles).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(SHORTS, in, y + VECTOR)))
                        .add(quants.lanewise(LSHR, 8).and(nibbles).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(SHORTS, in, y + 2 * VECTOR))
                                .add(quants.lanewise(LSHR, 12).and(nibbles).reinterpretAsShorts()
                                        .mul(ShortVector.fromArray(SHORTS, in, y + 3 * VECTOR))));
                y += PIECE_Q4;
                quants = IntVector.fromMemorySegment(INTS, data, p + SCALES + 2 * PIECE, ORDER);
                ShortVector third = quants.reinterpretAsShorts().mul(ShortVector.fromArray(SHORTS, in, y))
                        .add(quants.lanewise(LSHR, 4).and(nibbles).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(SHORTS, in, y + VECTOR)))
                        .add(quants.lanewise(LSHR, 8).and(nibbles).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(SHORTS, in, y + 2 * VECTOR))
                                .add(quants.lanewise(LSHR, 12).and(nibbles).reinterpretAsShorts()
                                        .mul(ShortVector.fromArray(SHORTS, in, y + 3 * VECTOR))));
                y += PIECE_Q4;
                quants = IntVector.fromMemorySegment(INTS, data, p + SCALES + 3 * PIECE, ORDER);
                ShortVector fourth = quants.reinterpretAsShorts().mul(ShortVector.fromArray(SHORTS, in, y))
                        .add(quants.lanewise(LSHR, 4).and(nibbles).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(SHORTS, in, y + VECTOR)))
                        .add(quants.lanewise(LSHR, 8).and(nibbles).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(SHORTS, in, y + 2 * VECTOR))
                                .add(quants.lanewise(LSHR, 12).and(nibbles).reinterpretAsShorts()
                                        .mul(ShortVector.fromArray(SHORTS, in, y + 3 * VECTOR))));
                IntVector pairs = first.add(second).add(third.add(fourth)).add(ShortVector.fromArray(SHORTS, in, x)).reinterpretAsInts();
                FloatVector ofBlocks = (FloatVector) pairs.lanewise(LSHL, 16).lanewise(ASHR, 16)
                        .add(pairs.lanewise(ASHR, 16)).convertShape(I2F, FLOATS, 0);
                IntVector halves = (IntVector) ShortVector.fromMemorySegment(ShortVector.SPECIES_128, data, p, ORDER)
                        .convertShape(S2I, INTS, 0);
                FloatVector ofWeights = halves.lanewise(LSHL, 13).and(WeightDecoder.HALF_BITS).reinterpretAsFloats();
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
        IntVector biases = IntVector.broadcast(INTS, -PIECES_Q8 * BIAS_Q8);
        for (int o = from; o < to; o++) {
            long row = o * (long) (groups * GROUP_BYTES_Q8);
            FloatVector sums = FloatVector.zero(FLOATS);
            for (int g = 0; g < groups; g++) {
                long p = row + g * GROUP_BYTES_Q8;
                int x = inAt + g * GROUP_Q8;
                int y = x + SUMS_Q8 * VECTOR;
                IntVector quants = IntVector.fromMemorySegment(INTS, data, p + SCALES, ORDER);
                IntVector pairs0 = ShortVector.fromArray(SHORTS, in, x)
                        .add(quants.reinterpretAsShorts().mul(ShortVector.fromArray(SHORTS, in, y)))
                        .add(quants.lanewise(LSHR, 8).and(bytes).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(SHORTS, in, y + VECTOR))).reinterpretAsInts();
                y += PIECE_Q8;
                quants = IntVector.fromMemorySegment(INTS, data, p + SCALES + PIECE, ORDER);
                IntVector pairs1 = ShortVector.fromArray(SHORTS, in, x + VECTOR)
                        .add(quants.reinterpretAsShorts().mul(ShortVector.fromArray(SHORTS, in, y)))
                        .add(quants.lanewise(LSHR, 8).and(bytes).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(SHORTS, in, y + VECTOR))).reinterpretAsInts();
                y += PIECE_Q8;
                quants = IntVector.fromMemorySegment(INTS, data, p + SCALES + 2 * PIECE, ORDER);
                IntVector pairs2 = ShortVector.fromArray(SHORTS, in, x + 2 * VECTOR)
                        .add(quants.reinterpretAsShorts().mul(ShortVector.fromArray(SHORTS, in, y)))
                        .add(quants.lanewise(LSHR, 8).and(bytes).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(SHORTS, in, y + VECTOR))).reinterpretAsInts();
                y += PIECE_Q8;
                quants = IntVector.fromMemorySegment(INTS, data, p + SCALES + 3 * PIECE, ORDER);
                IntVector pairs3 = ShortVector.fromArray(SHORTS, in, x + 3 * VECTOR)
                        .add(quants.reinterpretAsShorts().mul(ShortVector.fromArray(SHORTS, in, y)))
                        .add(quants.lanewise(LSHR, 8).and(bytes).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(SHORTS, in, y + VECTOR))).reinterpretAsInts();
                IntVector first = pairs0.add(pairs1).add(pairs2.add(pairs3));
                IntVector firstUppers = pairs0.lanewise(ASHR, 16).add(pairs1.lanewise(ASHR, 16))
                        .add(pairs2.lanewise(ASHR, 16).add(pairs3.lanewise(ASHR, 16)));
                y += PIECE_Q8;
                quants = IntVector.fromMemorySegment(INTS, data, p + SCALES + 4 * PIECE, ORDER);
                IntVector pairs4 = ShortVector.fromArray(SHORTS, in, x + 4 * VECTOR)
                        .add(quants.reinterpretAsShorts().mul(ShortVector.fromArray(SHORTS, in, y)))
                        .add(quants.lanewise(LSHR, 8).and(bytes).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(SHORTS, in, y + VECTOR))).reinterpretAsInts();
                y += PIECE_Q8;
                quants = IntVector.fromMemorySegment(INTS, data, p + SCALES + 5 * PIECE, ORDER);
                IntVector pairs5 = ShortVector.fromArray(SHORTS, in, x + 5 * VECTOR)
                        .add(quants.reinterpretAsShorts().mul(ShortVector.fromArray(SHORTS, in, y)))
                        .add(quants.lanewise(LSHR, 8).and(bytes).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(SHORTS, in, y + VECTOR))).reinterpretAsInts();
                y += PIECE_Q8;
                quants = IntVector.fromMemorySegment(INTS, data, p + SCALES + 6 * PIECE, ORDER);
                IntVector pairs6 = ShortVector.fromArray(SHORTS, in, x + 6 * VECTOR)
                        .add(quants.reinterpretAsShorts().mul(ShortVector.fromArray(SHORTS, in, y)))
                        .add(quants.lanewise(LSHR, 8).and(bytes).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(SHORTS, in, y + VECTOR))).reinterpretAsInts();
                y += PIECE_Q8;
                quants = IntVector.fromMemorySegment(INTS, data, p + SCALES + 7 * PIECE, ORDER);
                IntVector pairs7 = ShortVector.fromArray(SHORTS, in, x + 7 * VECTOR)
                        .add(quants.reinterpretAsShorts().mul(ShortVector.fromArray(SHORTS, in, y)))
                        .add(quants.lanewise(LSHR, 8).and(bytes).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(SHORTS, in, y + VECTOR))).reinterpretAsInts();
                IntVector last = pairs4.add(pairs5).add(pairs6.add(pairs7));
                IntVector lastUppers = pairs4.lanewise(ASHR, 16).add(pairs5.lanewise(ASHR, 16))
                        .add(pairs6.lanewise(ASHR, 16).add(pairs7.lanewise(ASHR, 16)));
                IntVector uppers = firstUppers.add(lastUppers);
                FloatVector ofBlocks = (FloatVector) first.add(last).add(uppers.sub(uppers.lanewise(LSHL, 16)).add(biases))
                        .convertShape(I2F, FLOATS, 0);
                IntVector halves = (IntVector) ShortVector.fromMemorySegment(ShortVector.SPECIES_128, data, p, ORDER)
                        .convertShape(S2I, INTS, 0);
                FloatVector ofWeights = halves.lanewise(LSHL, 13).and(WeightDecoder.HALF_BITS).reinterpretAsFloats();
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
