package io.chunkwise.model.cpu;

import static io.chunkwise.model.cpu.Lanes.ORDER;
import static io.chunkwise.model.cpu.PackedWeights.BLOCKS;
import static io.chunkwise.model.cpu.PackedWeights.PIECE;
import static io.chunkwise.model.cpu.PackedWeights.SCALES;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.S2I;

import io.chunkwise.model.format.TensorType;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link PackedWeights} times one row of activations that are rounded to integers, a scale for each block of 32: what decoding does instead
 * of {@link RowProjection} where {@link io.chunkwise.model.forward.ActivationFormat#INTEGER} allows it.
 *
 * <p>The Vector API has no multiply-add of bytes. Shorts are multiplied instead, whose products are right modulo 2¹⁶: products of quants
 * without a sign are added up where they lie, and a correction makes the sum right, which fits 16 bits: two products of −128 to 127 times
 * at most 127 in a short of Q8_0, a block's 32 of −8 to 7 times at most 127 in the two shorts of an int of Q4_0 together.
 *
 * <p>Quants are not told apart where that can be helped. An int of Q4_0 holds the quants n₀ to n₇. Shifted by 0, 4, 8 and 12 bits, its
 * shorts are nⱼ + 16 nⱼ₊₁ + … for every j; modulo 2¹⁶ it does not matter whether a short ends after four quants. Multiplied by
 * xⱼ − 16 xⱼ₋₁ they add up to Σ nⱼ xⱼ. The shorts of Q8_0, n₀ + 256 n₁ and, with a mask, n₁, are multiplied by x₀ and x₁ − 256 x₀.
 *
 * <p>The two shorts of an int are added once per group. Q8_0, which has a sum for each of its eight pieces, has the lower short made
 * positive by the correction: the upper one is what an arithmetic shift leaves, and the lower ones are what is left of the sum of whole
 * ints without it.
 */
final class IntegerProjection {
    private static final VectorSpecies<Short> SHORTS = ShortVector.SPECIES_256;
    private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_256;
    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_256;
    /** Whether a vector holds two neighbouring pieces. */
    private static final boolean WIDE = Lanes.COUNT >= 16;
    private static final VectorSpecies<Short> PIECES_SHORTS = WIDE ? ShortVector.SPECIES_512 : SHORTS;
    private static final VectorSpecies<Integer> PIECES_INTS = WIDE ? IntVector.SPECIES_512 : INTS;
    private static final int PIECES = WIDE ? 2 : 1; // of a vector
    private static final int VECTOR = 16; // shorts of a piece
    private static final int NEXT = PIECES * VECTOR; // from vector to vector of activations
    private static final int STEP = PIECES * PIECE; // from vector to vector of weights
    private static final int PIECES_Q4 = 4;
    private static final int PIECES_Q8 = 8;
    private static final int SUMS_Q4 = 1; // vectors of shorts that products of a group are added up in: that of piece q is q % SUMS
    private static final int SUMS_Q8 = 8;
    private static final int PIECE_Q4 = 4 * VECTOR; // shorts of activations for a piece of weights
    private static final int PIECE_Q8 = 2 * VECTOR;
    private static final int GROUP_Q4 = SUMS_Q4 * VECTOR + PIECES_Q4 * PIECE_Q4; // corrections of sums, then activations
    private static final int GROUP_Q8 = SUMS_Q8 * VECTOR + PIECES_Q8 * PIECE_Q8;
    private static final int LARGEST = 127;
    /** How much a quant counts more than the one before it. */
    private static final short NIBBLE_STEP = 16;
    private static final short BYTE_STEP = 256;
    private static final int BIAS_Q8 = 2 * 128 * LARGEST; // no sum of a short is below its negative
    /** F16 bits at their places in a float are this much too small; half of it is in the scales of activations, half in the sums. */
    private static final float HALF_OF_SCALE = 0x1p56f;
    private static final int[] BYTES = IntVector.broadcast(PIECES_INTS, 0x00ff00ff).toArray();

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
     * for each piece, the activations of the lowest quants of the shorts, of the next ones and so on, less what those before add there;
     * where vectors hold two pieces, those of the second beside those of the first.
     */
    static final class Input {
        private final boolean nibbles; // Q4_0, not Q8_0
        private final boolean turned;
        private final int groupSize; // of values
        private short[] values = new short[0]; // [rows, groups, sums + pieces · quants of a short, VECTOR]
        private final float[] lanes = new float[32 * BLOCKS]; // [32, BLOCKS] of a group
        private final int[] rounded = new int[32 * BLOCKS]; // [32, BLOCKS] of a group, in the lower halves
        private float[] scales = new float[0]; // [rows, groups, BLOCKS]: what 1 stands for, times HALF_OF_SCALE

        /**
         * @param type   Q8_0 or Q4_0
         * @param turned for weights that are: every lane then has the same block of activations
         */
        Input(TensorType type, boolean turned) {
            nibbles = type == TensorType.Q4_0;
            this.turned = turned;
            groupSize = nibbles ? GROUP_Q4 : GROUP_Q8;
        }

        /**
         * @param in    [rows, inputs]
         * @param alike inputs for weights of other types, turned if this is: the same integers come to them, in other orders
         */
        void round(float[] in, int inputs, int rows, Input... alike) {
            int groups = turned ? Math.ceilDiv(inputs, 32) : PackedWeights.groups(inputs);
            int width = turned ? 32 : BLOCKS * 32; // of a group
            reserve(rows * groups);
            for (Input other : alike) {
                other.reserve(rows * groups);
            }
            for (int group = 0; group < rows * groups; group++) {
                int first = group % groups * width; // of its inputs, in the row
                spread(in, group / groups * inputs + first, inputs - first);
                roundGroup(group * BLOCKS);
                arrange(group * groupSize);
                for (Input other : alike) {
                    other.copyGroup(this, group);
                }
            }
        }

        private void reserve(int groups) {
            values = values.length >= groups * groupSize ? values : new short[groups * groupSize];
            scales = Scratch.atLeast(scales, groups * BLOCKS);
        }

        private void copyGroup(Input from, int group) {
            System.arraycopy(from.rounded, 0, rounded, 0, rounded.length);
            System.arraycopy(from.scales, group * BLOCKS, scales, group * BLOCKS, BLOCKS);
            arrange(group * groupSize);
        }

        /** Gives each lane its block of 32, filled up with zeros; one number after the other, which takes less time than gathers. */
        private void spread(float[] in, int from, int count) {
            for (int lane = 0; lane < BLOCKS; lane++) {
                int offset = turned ? 0 : lane * 32;
                int here = Math.clamp(count - offset, 0, 32);
                for (int i = 0; i < here; i++) {
                    lanes[i * BLOCKS + lane] = in[from + offset + i];
                }
                for (int i = here; i < 32; i++) {
                    lanes[i * BLOCKS + lane] = 0;
                }
            }
        }

        /** Leaves the integers of a group in {@code rounded}, and what 1 stands for in {@code scales} from {@code at}. */
        private void roundGroup(int at) {
            FloatVector magnitudes = FloatVector.zero(FLOATS);
            for (int i = 0; i < lanes.length; i += BLOCKS) {
                magnitudes = magnitudes.max(FloatVector.fromArray(FLOATS, lanes, i).abs());
            }
            FloatVector step = magnitudes.div(LARGEST);
            FloatVector zero = FloatVector.zero(FLOATS);
            FloatVector inverse = zero.blend(FloatVector.broadcast(FLOATS, 1).div(step), step.compare(GT, zero));
            for (int i = 0; i < lanes.length; i += BLOCKS) {
                FloatVector.fromArray(FLOATS, lanes, i).mul(inverse).add(VectorMath.ROUND_TO_INT).reinterpretAsInts().intoArray(rounded, i);
            }
            step.mul(HALF_OF_SCALE).intoArray(scales, at);
        }

        /** Brings the integers of a group in order, from {@code at} in {@code values}. */
        private void arrange(int at) {
            if (nibbles) {
                arrangeForNibbles(at);
            } else {
                arrangeForBytes(at);
            }
        }

        // Nibbles 0, 2, 4 and 6 of an int are four neighbours of the first half of a block, the others are of the second half.
        private void arrangeForNibbles(int at) {
            ShortVector total = ShortVector.zero(SHORTS);
            for (int piece = 0; piece < PIECES_Q4; piece++) {
                int to = at + SUMS_Q4 * VECTOR + (piece / PIECES * PIECES * 4 + piece % PIECES) * VECTOR;
                int r = piece * 4 * BLOCKS;
                ShortVector x0 = halves(r, r + 2 * BLOCKS);
                ShortVector x1 = halves(r + 16 * BLOCKS, r + 18 * BLOCKS);
                ShortVector x2 = halves(r + BLOCKS, r + 3 * BLOCKS);
                ShortVector x3 = halves(r + 17 * BLOCKS, r + 19 * BLOCKS);
                // What is below the lowest nibble of an upper half is the highest one of the lower half.
                x0.sub(x3.reinterpretAsInts().lanewise(LSHL, 16).reinterpretAsShorts().mul(NIBBLE_STEP)).intoArray(values, to);
                x1.sub(x0.mul(NIBBLE_STEP)).intoArray(values, to + NEXT);
                x2.sub(x1.mul(NIBBLE_STEP)).intoArray(values, to + 2 * NEXT);
                x3.sub(x2.mul(NIBBLE_STEP)).intoArray(values, to + 3 * NEXT);
                total = total.add(x0.add(x1).add(x2.add(x3)));
            }
            total.mul((short) -8).intoArray(values, at); // quants are higher by this than what they stand for
        }

        private void arrangeForBytes(int at) {
            ShortVector bias = IntVector.broadcast(INTS, BIAS_Q8).reinterpretAsShorts();
            for (int piece = 0; piece < PIECES_Q8; piece++) {
                int to = at + SUMS_Q8 * VECTOR + (piece / PIECES * PIECES * 2 + piece % PIECES) * VECTOR;
                int r = piece * 4 * BLOCKS;
                ShortVector x0 = halves(r, r + 2 * BLOCKS);
                ShortVector x1 = halves(r + BLOCKS, r + 3 * BLOCKS);
                x0.intoArray(values, to);
                x1.sub(x0.mul(BYTE_STEP)).intoArray(values, to + NEXT);
                x0.add(x1).mul((short) -128).add(bias).intoArray(values, at + piece * VECTOR); // as for nibbles
            }
        }

        /** The lower halves of eight integers, and those of others above them. */
        private ShortVector halves(int lower, int upper) {
            return IntVector.fromArray(INTS, rounded, lower).and(0xffff)
                    .or(IntVector.fromArray(INTS, rounded, upper).lanewise(LSHL, 16)).reinterpretAsShorts();
        }
    }

    /**
     * out[o] = Σ_i weight[o, i] · in[row, i], for outputs [from, to); added to out where {@code accumulate}
     *
     * @param in  in         made for the type and width of {@code weights}
     * @param out out/in+out [outputs] from {@code outAt}
     */
    static void project(PackedWeights weights, Input in, int row, boolean accumulate, float[] out, int outAt, int from, int to) {
        int first = row * weights.groups();
        if (weights.type() == TensorType.Q4_0) {
            projectQ4(weights, in.values, first * GROUP_Q4, in.scales, first * BLOCKS, accumulate, out, outAt, from, to);
        } else {
            projectQ8(weights, in.values, first * GROUP_Q8, in.scales, first * BLOCKS, accumulate, out, outAt, from, to);
        }
    }

    /**
     * out[o] += Σ_i weight[o, i] · in[row, i], for the outputs of rows [from, to) of a weight that is turned
     *
     * @param inputs leading ones that count, the others being 0
     * @param in     in     made for the type and width of {@code weights}, and turned
     * @param out    in+out [outputs] from {@code outAt}
     */
    static void addTurned(PackedWeights weights, int inputs, Input in, int row, float[] out, int outAt, int from, int to) {
        int first = row * weights.groups();
        for (int group = 0; group < Math.ceilDiv(inputs, 32) && from < to; group++) {
            if (weights.type() == TensorType.Q4_0) {
                addTurnedQ4(weights, group, in.values, (first + group) * GROUP_Q4, in.scales, (first + group) * BLOCKS,
                        out, outAt, from, to);
            } else {
                addTurnedQ8(weights, group, in.values, (first + group) * GROUP_Q8, in.scales, (first + group) * BLOCKS,
                        out, outAt, from, to);
            }
        }
    }

    // Pieces are written out here and below, for loops over them take a tenth to a third longer, and nothing is left to a method of ours:
    // what the Vector API's methods leave of the compiler's limit on inlining is not enough for one more, and a vector that crosses a
    // call lies on the heap. A mask that is loaded stays in a register; a constant would be loaded each time that it is used. Sums are
    // trees: a chain of so many additions leaves the processor waiting, most of all beside another thread of its core. Loops over groups
    // end where p is at the end, which the compiler does not count: before a counted loop over a segment it does so much once and for
    // all that a row of eight groups took a third longer.
    private static void projectQ4(PackedWeights weights, short[] in, int inAt, float[] scales, int scalesAt,
            boolean accumulate, float[] out, int outAt, int from, int to) {
        float[] lanes = new float[8];
        MemorySegment data = weights.data();
        long p = weights.quantsAt(from, 0);
        long s = weights.scalesAt(from, 0);
        for (int o = from; o < to; o++) {
            long end = p + weights.groups() * (long) (PIECES_Q4 * PIECE);
            int x = inAt;
            int z = scalesAt;
            FloatVector sums = FloatVector.zero(FLOATS);
            do {
                int y = x + SUMS_Q4 * VECTOR;
                IntVector quants = IntVector.fromMemorySegment(PIECES_INTS, data, p, ORDER);
                ShortVector first = quants.reinterpretAsShorts().mul(ShortVector.fromArray(PIECES_SHORTS, in, y))
                        .add(quants.lanewise(LSHR, 4).reinterpretAsShorts().mul(ShortVector.fromArray(PIECES_SHORTS, in, y + NEXT)))
                        .add(quants.lanewise(LSHR, 8).reinterpretAsShorts().mul(ShortVector.fromArray(PIECES_SHORTS, in, y + 2 * NEXT))
                                .add(quants.lanewise(LSHR, 12).reinterpretAsShorts()
                                        .mul(ShortVector.fromArray(PIECES_SHORTS, in, y + 3 * NEXT))));
                y += 4 * NEXT;
                quants = IntVector.fromMemorySegment(PIECES_INTS, data, p + STEP, ORDER);
                ShortVector second = quants.reinterpretAsShorts().mul(ShortVector.fromArray(PIECES_SHORTS, in, y))
                        .add(quants.lanewise(LSHR, 4).reinterpretAsShorts().mul(ShortVector.fromArray(PIECES_SHORTS, in, y + NEXT)))
                        .add(quants.lanewise(LSHR, 8).reinterpretAsShorts().mul(ShortVector.fromArray(PIECES_SHORTS, in, y + 2 * NEXT))
                                .add(quants.lanewise(LSHR, 12).reinterpretAsShorts()
                                        .mul(ShortVector.fromArray(PIECES_SHORTS, in, y + 3 * NEXT))));
                ShortVector sum = first.add(second);
                if (WIDE) {
                    sum = ((ShortVector) sum.castShape(SHORTS, 0)).add((ShortVector) sum.castShape(SHORTS, 1));
                } else {
                    y += 4 * NEXT;
                    quants = IntVector.fromMemorySegment(PIECES_INTS, data, p + 2 * STEP, ORDER);
                    ShortVector third = quants.reinterpretAsShorts().mul(ShortVector.fromArray(PIECES_SHORTS, in, y))
                            .add(quants.lanewise(LSHR, 4).reinterpretAsShorts().mul(ShortVector.fromArray(PIECES_SHORTS, in, y + NEXT)))
                            .add(quants.lanewise(LSHR, 8).reinterpretAsShorts().mul(ShortVector.fromArray(PIECES_SHORTS, in, y + 2 * NEXT))
                                    .add(quants.lanewise(LSHR, 12).reinterpretAsShorts()
                                            .mul(ShortVector.fromArray(PIECES_SHORTS, in, y + 3 * NEXT))));
                    y += 4 * NEXT;
                    quants = IntVector.fromMemorySegment(PIECES_INTS, data, p + 3 * STEP, ORDER);
                    ShortVector fourth = quants.reinterpretAsShorts().mul(ShortVector.fromArray(PIECES_SHORTS, in, y))
                            .add(quants.lanewise(LSHR, 4).reinterpretAsShorts().mul(ShortVector.fromArray(PIECES_SHORTS, in, y + NEXT)))
                            .add(quants.lanewise(LSHR, 8).reinterpretAsShorts().mul(ShortVector.fromArray(PIECES_SHORTS, in, y + 2 * NEXT))
                                    .add(quants.lanewise(LSHR, 12).reinterpretAsShorts()
                                            .mul(ShortVector.fromArray(PIECES_SHORTS, in, y + 3 * NEXT))));
                    sum = sum.add(third.add(fourth));
                }
                IntVector pairs = sum.add(ShortVector.fromArray(SHORTS, in, x)).reinterpretAsInts();
                FloatVector ofBlocks = (FloatVector) pairs.add(pairs.lanewise(LSHL, 16)).lanewise(ASHR, 16).convertShape(I2F, FLOATS, 0);
                IntVector halves = (IntVector) ShortVector.fromMemorySegment(ShortVector.SPECIES_128, data, s, ORDER)
                        .convertShape(S2I, INTS, 0);
                FloatVector ofWeights = halves.lanewise(LSHL, 13).and(WeightDecoder.HALF_BITS).reinterpretAsFloats();
                sums = ofBlocks.fma(ofWeights.mul(FloatVector.fromArray(FLOATS, scales, z)), sums);
                p += PIECES_Q4 * PIECE;
                s += SCALES;
                x += GROUP_Q4;
                z += BLOCKS;
            } while (p != end);
            sums.intoArray(lanes, 0);
            float total = ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
            total *= HALF_OF_SCALE;
            out[outAt + o] = accumulate ? out[outAt + o] + total : total;
        }
    }

    private static void projectQ8(PackedWeights weights, short[] in, int inAt, float[] scales, int scalesAt,
            boolean accumulate, float[] out, int outAt, int from, int to) {
        float[] lanes = new float[8];
        MemorySegment data = weights.data();
        IntVector bytes = IntVector.fromArray(PIECES_INTS, BYTES, 0);
        IntVector biases = IntVector.broadcast(INTS, -PIECES_Q8 * BIAS_Q8);
        long p = weights.quantsAt(from, 0);
        long s = weights.scalesAt(from, 0);
        for (int o = from; o < to; o++) {
            long end = p + weights.groups() * (long) (PIECES_Q8 * PIECE);
            int x = inAt;
            int z = scalesAt;
            FloatVector sums = FloatVector.zero(FLOATS);
            do {
                int y = x + SUMS_Q8 * VECTOR;
                IntVector quants = IntVector.fromMemorySegment(PIECES_INTS, data, p, ORDER);
                IntVector pairs0 = ShortVector.fromArray(PIECES_SHORTS, in, x)
                        .add(quants.reinterpretAsShorts().mul(ShortVector.fromArray(PIECES_SHORTS, in, y)))
                        .add(quants.lanewise(LSHR, 8).and(bytes).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(PIECES_SHORTS, in, y + NEXT))).reinterpretAsInts();
                y += 2 * NEXT;
                quants = IntVector.fromMemorySegment(PIECES_INTS, data, p + STEP, ORDER);
                IntVector pairs1 = ShortVector.fromArray(PIECES_SHORTS, in, x + NEXT)
                        .add(quants.reinterpretAsShorts().mul(ShortVector.fromArray(PIECES_SHORTS, in, y)))
                        .add(quants.lanewise(LSHR, 8).and(bytes).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(PIECES_SHORTS, in, y + NEXT))).reinterpretAsInts();
                y += 2 * NEXT;
                quants = IntVector.fromMemorySegment(PIECES_INTS, data, p + 2 * STEP, ORDER);
                IntVector pairs2 = ShortVector.fromArray(PIECES_SHORTS, in, x + 2 * NEXT)
                        .add(quants.reinterpretAsShorts().mul(ShortVector.fromArray(PIECES_SHORTS, in, y)))
                        .add(quants.lanewise(LSHR, 8).and(bytes).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(PIECES_SHORTS, in, y + NEXT))).reinterpretAsInts();
                y += 2 * NEXT;
                quants = IntVector.fromMemorySegment(PIECES_INTS, data, p + 3 * STEP, ORDER);
                IntVector pairs3 = ShortVector.fromArray(PIECES_SHORTS, in, x + 3 * NEXT)
                        .add(quants.reinterpretAsShorts().mul(ShortVector.fromArray(PIECES_SHORTS, in, y)))
                        .add(quants.lanewise(LSHR, 8).and(bytes).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(PIECES_SHORTS, in, y + NEXT))).reinterpretAsInts();
                IntVector sum = pairs0.add(pairs1).add(pairs2.add(pairs3));
                IntVector uppers = pairs0.lanewise(ASHR, 16).add(pairs1.lanewise(ASHR, 16))
                        .add(pairs2.lanewise(ASHR, 16).add(pairs3.lanewise(ASHR, 16)));
                if (!WIDE) {
                    y += 2 * NEXT;
                    quants = IntVector.fromMemorySegment(PIECES_INTS, data, p + 4 * STEP, ORDER);
                    IntVector pairs4 = ShortVector.fromArray(PIECES_SHORTS, in, x + 4 * NEXT)
                            .add(quants.reinterpretAsShorts().mul(ShortVector.fromArray(PIECES_SHORTS, in, y)))
                            .add(quants.lanewise(LSHR, 8).and(bytes).reinterpretAsShorts()
                                    .mul(ShortVector.fromArray(PIECES_SHORTS, in, y + NEXT))).reinterpretAsInts();
                    y += 2 * NEXT;
                    quants = IntVector.fromMemorySegment(PIECES_INTS, data, p + 5 * STEP, ORDER);
                    IntVector pairs5 = ShortVector.fromArray(PIECES_SHORTS, in, x + 5 * NEXT)
                            .add(quants.reinterpretAsShorts().mul(ShortVector.fromArray(PIECES_SHORTS, in, y)))
                            .add(quants.lanewise(LSHR, 8).and(bytes).reinterpretAsShorts()
                                    .mul(ShortVector.fromArray(PIECES_SHORTS, in, y + NEXT))).reinterpretAsInts();
                    y += 2 * NEXT;
                    quants = IntVector.fromMemorySegment(PIECES_INTS, data, p + 6 * STEP, ORDER);
                    IntVector pairs6 = ShortVector.fromArray(PIECES_SHORTS, in, x + 6 * NEXT)
                            .add(quants.reinterpretAsShorts().mul(ShortVector.fromArray(PIECES_SHORTS, in, y)))
                            .add(quants.lanewise(LSHR, 8).and(bytes).reinterpretAsShorts()
                                    .mul(ShortVector.fromArray(PIECES_SHORTS, in, y + NEXT))).reinterpretAsInts();
                    y += 2 * NEXT;
                    quants = IntVector.fromMemorySegment(PIECES_INTS, data, p + 7 * STEP, ORDER);
                    IntVector pairs7 = ShortVector.fromArray(PIECES_SHORTS, in, x + 7 * NEXT)
                            .add(quants.reinterpretAsShorts().mul(ShortVector.fromArray(PIECES_SHORTS, in, y)))
                            .add(quants.lanewise(LSHR, 8).and(bytes).reinterpretAsShorts()
                                    .mul(ShortVector.fromArray(PIECES_SHORTS, in, y + NEXT))).reinterpretAsInts();
                    sum = sum.add(pairs4.add(pairs5).add(pairs6.add(pairs7)));
                    uppers = uppers.add(pairs4.lanewise(ASHR, 16).add(pairs5.lanewise(ASHR, 16))
                            .add(pairs6.lanewise(ASHR, 16).add(pairs7.lanewise(ASHR, 16))));
                }
                sum = sum.add(uppers.sub(uppers.lanewise(LSHL, 16)));
                if (WIDE) {
                    sum = ((IntVector) sum.castShape(INTS, 0)).add((IntVector) sum.castShape(INTS, 1));
                }
                FloatVector ofBlocks = (FloatVector) sum.add(biases).convertShape(I2F, FLOATS, 0);
                IntVector halves = (IntVector) ShortVector.fromMemorySegment(ShortVector.SPECIES_128, data, s, ORDER)
                        .convertShape(S2I, INTS, 0);
                FloatVector ofWeights = halves.lanewise(LSHL, 13).and(WeightDecoder.HALF_BITS).reinterpretAsFloats();
                sums = ofBlocks.fma(ofWeights.mul(FloatVector.fromArray(FLOATS, scales, z)), sums);
                p += PIECES_Q8 * PIECE;
                s += SCALES;
                x += GROUP_Q8;
                z += BLOCKS;
            } while (p != end);
            sums.intoArray(lanes, 0);
            float total = ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
            total *= HALF_OF_SCALE;
            out[outAt + o] = accumulate ? out[outAt + o] + total : total;
        }
    }

    // All rows of a weight that is turned meet the same activations, which stay in registers where vectors are long: a pass for each group.
    private static void addTurnedQ4(PackedWeights weights, int group, short[] in, int inAt, float[] scales, int scalesAt, float[] out,
            int outAt, int from, int to) {
        MemorySegment data = weights.data();
        int y = inAt + SUMS_Q4 * VECTOR;
        ShortVector x0 = ShortVector.fromArray(PIECES_SHORTS, in, y);
        ShortVector x1 = ShortVector.fromArray(PIECES_SHORTS, in, y + NEXT);
        ShortVector x2 = ShortVector.fromArray(PIECES_SHORTS, in, y + 2 * NEXT);
        ShortVector x3 = ShortVector.fromArray(PIECES_SHORTS, in, y + 3 * NEXT);
        ShortVector x4 = ShortVector.fromArray(PIECES_SHORTS, in, y + 4 * NEXT);
        ShortVector x5 = ShortVector.fromArray(PIECES_SHORTS, in, y + 5 * NEXT);
        ShortVector x6 = ShortVector.fromArray(PIECES_SHORTS, in, y + 6 * NEXT);
        ShortVector x7 = ShortVector.fromArray(PIECES_SHORTS, in, y + 7 * NEXT);
        ShortVector correction = ShortVector.fromArray(SHORTS, in, inAt);
        FloatVector scale = FloatVector.fromArray(FLOATS, scales, scalesAt);
        long p = weights.quantsAt(from, group);
        long s = weights.scalesAt(from, group);
        long end = p + (to - from) * (long) (PIECES_Q4 * PIECE);
        int o = outAt + from * BLOCKS;
        do {
            IntVector quants = IntVector.fromMemorySegment(PIECES_INTS, data, p, ORDER);
            ShortVector first = quants.reinterpretAsShorts().mul(x0)
                    .add(quants.lanewise(LSHR, 4).reinterpretAsShorts().mul(x1))
                    .add(quants.lanewise(LSHR, 8).reinterpretAsShorts().mul(x2)
                            .add(quants.lanewise(LSHR, 12).reinterpretAsShorts().mul(x3)));
            quants = IntVector.fromMemorySegment(PIECES_INTS, data, p + STEP, ORDER);
            ShortVector second = quants.reinterpretAsShorts().mul(x4)
                    .add(quants.lanewise(LSHR, 4).reinterpretAsShorts().mul(x5))
                    .add(quants.lanewise(LSHR, 8).reinterpretAsShorts().mul(x6)
                            .add(quants.lanewise(LSHR, 12).reinterpretAsShorts().mul(x7)));
            ShortVector sum = first.add(second);
            if (WIDE) {
                sum = ((ShortVector) sum.castShape(SHORTS, 0)).add((ShortVector) sum.castShape(SHORTS, 1));
            } else {
                quants = IntVector.fromMemorySegment(PIECES_INTS, data, p + 2 * STEP, ORDER);
                ShortVector third = quants.reinterpretAsShorts().mul(ShortVector.fromArray(PIECES_SHORTS, in, y + 8 * NEXT))
                        .add(quants.lanewise(LSHR, 4).reinterpretAsShorts().mul(ShortVector.fromArray(PIECES_SHORTS, in, y + 9 * NEXT)))
                        .add(quants.lanewise(LSHR, 8).reinterpretAsShorts().mul(ShortVector.fromArray(PIECES_SHORTS, in, y + 10 * NEXT))
                                .add(quants.lanewise(LSHR, 12).reinterpretAsShorts()
                                        .mul(ShortVector.fromArray(PIECES_SHORTS, in, y + 11 * NEXT))));
                quants = IntVector.fromMemorySegment(PIECES_INTS, data, p + 3 * STEP, ORDER);
                ShortVector fourth = quants.reinterpretAsShorts().mul(ShortVector.fromArray(PIECES_SHORTS, in, y + 12 * NEXT))
                        .add(quants.lanewise(LSHR, 4).reinterpretAsShorts().mul(ShortVector.fromArray(PIECES_SHORTS, in, y + 13 * NEXT)))
                        .add(quants.lanewise(LSHR, 8).reinterpretAsShorts().mul(ShortVector.fromArray(PIECES_SHORTS, in, y + 14 * NEXT))
                                .add(quants.lanewise(LSHR, 12).reinterpretAsShorts()
                                        .mul(ShortVector.fromArray(PIECES_SHORTS, in, y + 15 * NEXT))));
                sum = sum.add(third.add(fourth));
            }
            IntVector pairs = sum.add(correction).reinterpretAsInts();
            FloatVector ofBlocks = (FloatVector) pairs.add(pairs.lanewise(LSHL, 16)).lanewise(ASHR, 16).convertShape(I2F, FLOATS, 0);
            IntVector halves = (IntVector) ShortVector.fromMemorySegment(ShortVector.SPECIES_128, data, s, ORDER)
                    .convertShape(S2I, INTS, 0);
            FloatVector ofWeights = halves.lanewise(LSHL, 13).and(WeightDecoder.HALF_BITS).reinterpretAsFloats();
            ofBlocks.mul(ofWeights.mul(scale)).mul(HALF_OF_SCALE).add(FloatVector.fromArray(FLOATS, out, o)).intoArray(out, o);
            p += PIECES_Q4 * PIECE;
            s += SCALES;
            o += BLOCKS;
        } while (p != end);
    }

    private static void addTurnedQ8(PackedWeights weights, int group, short[] in, int inAt, float[] scales, int scalesAt, float[] out,
            int outAt, int from, int to) {
        MemorySegment data = weights.data();
        IntVector bytes = IntVector.fromArray(PIECES_INTS, BYTES, 0);
        IntVector biases = IntVector.broadcast(INTS, -PIECES_Q8 * BIAS_Q8);
        int y = inAt + SUMS_Q8 * VECTOR;
        ShortVector correction0 = ShortVector.fromArray(PIECES_SHORTS, in, inAt);
        ShortVector correction1 = ShortVector.fromArray(PIECES_SHORTS, in, inAt + NEXT);
        ShortVector correction2 = ShortVector.fromArray(PIECES_SHORTS, in, inAt + 2 * NEXT);
        ShortVector correction3 = ShortVector.fromArray(PIECES_SHORTS, in, inAt + 3 * NEXT);
        ShortVector x0 = ShortVector.fromArray(PIECES_SHORTS, in, y);
        ShortVector x1 = ShortVector.fromArray(PIECES_SHORTS, in, y + NEXT);
        ShortVector x2 = ShortVector.fromArray(PIECES_SHORTS, in, y + 2 * NEXT);
        ShortVector x3 = ShortVector.fromArray(PIECES_SHORTS, in, y + 3 * NEXT);
        ShortVector x4 = ShortVector.fromArray(PIECES_SHORTS, in, y + 4 * NEXT);
        ShortVector x5 = ShortVector.fromArray(PIECES_SHORTS, in, y + 5 * NEXT);
        ShortVector x6 = ShortVector.fromArray(PIECES_SHORTS, in, y + 6 * NEXT);
        ShortVector x7 = ShortVector.fromArray(PIECES_SHORTS, in, y + 7 * NEXT);
        FloatVector scale = FloatVector.fromArray(FLOATS, scales, scalesAt);
        long p = weights.quantsAt(from, group);
        long s = weights.scalesAt(from, group);
        long end = p + (to - from) * (long) (PIECES_Q8 * PIECE);
        int o = outAt + from * BLOCKS;
        do {
            IntVector quants = IntVector.fromMemorySegment(PIECES_INTS, data, p, ORDER);
            IntVector pairs0 = correction0.add(quants.reinterpretAsShorts().mul(x0))
                    .add(quants.lanewise(LSHR, 8).and(bytes).reinterpretAsShorts().mul(x1)).reinterpretAsInts();
            quants = IntVector.fromMemorySegment(PIECES_INTS, data, p + STEP, ORDER);
            IntVector pairs1 = correction1.add(quants.reinterpretAsShorts().mul(x2))
                    .add(quants.lanewise(LSHR, 8).and(bytes).reinterpretAsShorts().mul(x3)).reinterpretAsInts();
            quants = IntVector.fromMemorySegment(PIECES_INTS, data, p + 2 * STEP, ORDER);
            IntVector pairs2 = correction2.add(quants.reinterpretAsShorts().mul(x4))
                    .add(quants.lanewise(LSHR, 8).and(bytes).reinterpretAsShorts().mul(x5)).reinterpretAsInts();
            quants = IntVector.fromMemorySegment(PIECES_INTS, data, p + 3 * STEP, ORDER);
            IntVector pairs3 = correction3.add(quants.reinterpretAsShorts().mul(x6))
                    .add(quants.lanewise(LSHR, 8).and(bytes).reinterpretAsShorts().mul(x7)).reinterpretAsInts();
            IntVector sum = pairs0.add(pairs1).add(pairs2.add(pairs3));
            IntVector uppers = pairs0.lanewise(ASHR, 16).add(pairs1.lanewise(ASHR, 16))
                    .add(pairs2.lanewise(ASHR, 16).add(pairs3.lanewise(ASHR, 16)));
            if (!WIDE) {
                quants = IntVector.fromMemorySegment(PIECES_INTS, data, p + 4 * STEP, ORDER);
                IntVector pairs4 = ShortVector.fromArray(PIECES_SHORTS, in, inAt + 4 * NEXT)
                        .add(quants.reinterpretAsShorts().mul(ShortVector.fromArray(PIECES_SHORTS, in, y + 8 * NEXT)))
                        .add(quants.lanewise(LSHR, 8).and(bytes).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(PIECES_SHORTS, in, y + 9 * NEXT))).reinterpretAsInts();
                quants = IntVector.fromMemorySegment(PIECES_INTS, data, p + 5 * STEP, ORDER);
                IntVector pairs5 = ShortVector.fromArray(PIECES_SHORTS, in, inAt + 5 * NEXT)
                        .add(quants.reinterpretAsShorts().mul(ShortVector.fromArray(PIECES_SHORTS, in, y + 10 * NEXT)))
                        .add(quants.lanewise(LSHR, 8).and(bytes).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(PIECES_SHORTS, in, y + 11 * NEXT))).reinterpretAsInts();
                quants = IntVector.fromMemorySegment(PIECES_INTS, data, p + 6 * STEP, ORDER);
                IntVector pairs6 = ShortVector.fromArray(PIECES_SHORTS, in, inAt + 6 * NEXT)
                        .add(quants.reinterpretAsShorts().mul(ShortVector.fromArray(PIECES_SHORTS, in, y + 12 * NEXT)))
                        .add(quants.lanewise(LSHR, 8).and(bytes).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(PIECES_SHORTS, in, y + 13 * NEXT))).reinterpretAsInts();
                quants = IntVector.fromMemorySegment(PIECES_INTS, data, p + 7 * STEP, ORDER);
                IntVector pairs7 = ShortVector.fromArray(PIECES_SHORTS, in, inAt + 7 * NEXT)
                        .add(quants.reinterpretAsShorts().mul(ShortVector.fromArray(PIECES_SHORTS, in, y + 14 * NEXT)))
                        .add(quants.lanewise(LSHR, 8).and(bytes).reinterpretAsShorts()
                                .mul(ShortVector.fromArray(PIECES_SHORTS, in, y + 15 * NEXT))).reinterpretAsInts();
                sum = sum.add(pairs4.add(pairs5).add(pairs6.add(pairs7)));
                uppers = uppers.add(pairs4.lanewise(ASHR, 16).add(pairs5.lanewise(ASHR, 16))
                        .add(pairs6.lanewise(ASHR, 16).add(pairs7.lanewise(ASHR, 16))));
            }
            sum = sum.add(uppers.sub(uppers.lanewise(LSHL, 16)));
            if (WIDE) {
                sum = ((IntVector) sum.castShape(INTS, 0)).add((IntVector) sum.castShape(INTS, 1));
            }
            FloatVector ofBlocks = (FloatVector) sum.add(biases).convertShape(I2F, FLOATS, 0);
            IntVector halves = (IntVector) ShortVector.fromMemorySegment(ShortVector.SPECIES_128, data, s, ORDER)
                    .convertShape(S2I, INTS, 0);
            FloatVector ofWeights = halves.lanewise(LSHL, 13).and(WeightDecoder.HALF_BITS).reinterpretAsFloats();
            ofBlocks.mul(ofWeights.mul(scale)).mul(HALF_OF_SCALE).add(FloatVector.fromArray(FLOATS, out, o)).intoArray(out, o);
            p += PIECES_Q8 * PIECE;
            s += SCALES;
            o += BLOCKS;
        } while (p != end);
    }
}
