package io.chunkwise.model.cpu;

import static io.chunkwise.model.cpu.Lanes.COUNT;
import static io.chunkwise.model.cpu.Lanes.FLOATS;
import static io.chunkwise.model.cpu.Lanes.ORDER;
import static io.chunkwise.model.cpu.WeightDecoder.HALF_TO_FLOAT;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.XOR;
import static jdk.incubator.vector.VectorOperators.ZERO_EXTEND_B2I;

import io.chunkwise.model.format.TensorType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * A quantized weight in the order in which {@link IntegerProjection} reads it: what a file holds, in the same size, and all that both
 * decode and prefill read of it. Eight neighbouring blocks of a row are a group, and lane j of every vector of the group belongs to
 * its block j, so that all that is done per block is done to eight at a time, and no sum crosses lanes but once per row. Rows that are
 * shorter than a group, as those of an up half are, are <em>turned</em>: a group is one block of each of eight neighbouring outputs, lane j
 * belongs to output j, and no sum crosses lanes at all.
 *
 * <p>The quants of a group are as many pieces of 32 bytes as a block has ints, piece q being int q of each block. Bytes of Q8_0
 * lie 128 higher, and so are not negative; Q4_0 lies 8 higher in files already. Rows end with a whole group: blocks that
 * are missing have the scale 0. Scales, eight F16 for each group, come behind all quants, so that no piece lies on two cache lines: a load
 * that needs two of them is what a processor waits for most. Groups of a row are neighbours; of weights that are turned, groups of
 * neighbouring rows are, so that whoever wants the leading inputs alone reads one piece of memory.
 *
 * @param rows   outputs; eights of them where {@code turned}
 * @param groups of a row
 * @param data   [rows, groups] quants of groups, then [rows, groups] scales, both [groups, rows] where {@code turned}; owned by whoever
 *               gave the memory
 */
record PackedWeights(TensorType type, int rows, int groups, boolean turned, MemorySegment data) {
    /** Blocks of a group: one for each lane of a vector of ints. */
    static final int BLOCKS = 8;
    /** Bytes of the scales of a group. */
    static final int SCALES = BLOCKS * Short.BYTES;
    /** Bytes of a piece: an int of each block. */
    static final int PIECE = BLOCKS * Integer.BYTES;

    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ORDER);
    private static final VectorSpecies<Integer> EIGHT = IntVector.SPECIES_256;
    private static final VectorSpecies<Integer> FOUR = IntVector.SPECIES_128;
    /** As many bytes as a vector has floats: conversions to floats of other parts than the first of a vector are slow. */
    private static final VectorSpecies<Integer> BYTES = COUNT >= 16 ? IntVector.SPECIES_128 : IntVector.SPECIES_64;
    private static final int SIGNS = 0x80808080;
    /** Ints of a group, at most. */
    private static final int GROUP = BLOCKS * BLOCKS;

    /**
     * Room for a weight; {@link #pack} fills it.
     *
     * @param type Q8_0 or Q4_0
     */
    static PackedWeights allocate(TensorType type, int outputs, int inputs, SegmentAllocator memory) {
        return allocate(type, outputs, groups(inputs), false, memory);
    }

    /**
     * Room for a weight that is turned.
     *
     * @param outputs a multiple of BLOCKS
     */
    static PackedWeights allocateTurned(TensorType type, int outputs, int inputs, SegmentAllocator memory) {
        return allocate(type, outputs / BLOCKS, Math.ceilDiv(inputs, 32), true, memory);
    }

    private static PackedWeights allocate(TensorType type, int rows, int groups, boolean turned, SegmentAllocator memory) {
        return new PackedWeights(type, rows, groups, turned, memory.allocate((long) rows * groups * (quantBytes(type) + SCALES), 64));
    }

    /** Groups that hold a row of inputs. */
    static int groups(int inputs) {
        return Math.ceilDiv(inputs, BLOCKS * 32);
    }

    /** Bytes of the quants of a group. */
    static int quantBytes(TensorType type) {
        return type == TensorType.Q8_0 ? BLOCKS * 32 : BLOCKS * 16;
    }

    /** Where the quants of a group begin. */
    long quantsAt(int row, int group) {
        return place(row, group) * quantBytes(type);
    }

    /** Where the scales of a group begin. */
    long scalesAt(int row, int group) {
        return (long) rows * groups * quantBytes(type) + place(row, group) * SCALES;
    }

    private long place(int row, int group) {
        return turned ? (long) group * rows + row : (long) row * groups + group;
    }

    /**
     * Copies rows [from, to).
     *
     * @param source [outputs, inputs] as in files, rows filled up to whole blocks
     */
    void pack(MemorySegment source, int inputs, int from, int to) {
        int blocks = Math.ceilDiv(inputs, 32);
        long blockBytes = type.bytesFor(32);
        int[] quants = new int[scratchSize()];
        for (int row = from; row < to; row++) {
            for (int group = 0; group < groups; group++) {
                long first = turned ? (long) row * BLOCKS * blocks + group : (long) row * blocks + group * BLOCKS;
                int here = turned ? BLOCKS : Math.min(BLOCKS, blocks - group * BLOCKS);
                packGroup(source, first * blockBytes, (turned ? blocks : 1) * blockBytes, here, quants, quantsAt(row, group),
                        scalesAt(row, group));
            }
        }
    }

    // A method of its own: with these loops in the one above, what the compiler put before all of them failed for one weight after the
    // other, and it compiled anew for every adapter, beside the passes that followed.
    /**
     * @param in     bytes before the first block
     * @param step   bytes from lane to lane
     * @param here   blocks, the others being 0
     * @param quants scratch [scratchSize()]
     */
    private void packGroup(MemorySegment source, long in, long step, int here, int[] quants, long quantsAt, long scalesAt) {
        boolean bytes = type == TensorType.Q8_0;
        int ints = quantBytes(type) / PIECE; // of a block
        for (int lane = 0; lane < here; lane++) {
            long block = in + lane * step;
            data.set(SHORT, scalesAt + lane * Short.BYTES, source.get(SHORT, block));
            if (bytes) {
                IntVector.fromMemorySegment(EIGHT, source, block + Short.BYTES, ORDER).lanewise(XOR, SIGNS)
                        .intoArray(quants, lane * ints);
            } else {
                IntVector.fromMemorySegment(FOUR, source, block + Short.BYTES, ORDER).intoArray(quants, lane * ints);
            }
        }
        Arrays.fill(quants, here * ints, GROUP, 0);
        transpose(quants, BLOCKS, ints);
        for (int piece = 0; piece < ints; piece++) {
            IntVector.fromArray(EIGHT, quants, GROUP + piece * BLOCKS).intoMemorySegment(data, quantsAt + piece * PIECE, ORDER);
        }
    }

    /** quants[GROUP + j · rows + i] = quants[i · columns + j]. One by one, which takes half the time of gathers. */
    private static void transpose(int[] quants, int rows, int columns) {
        for (int j = 0; j < columns; j++) {
            for (int i = 0; i < rows; i++) {
                quants[GROUP + j * rows + i] = quants[i * columns + j];
            }
        }
    }

    /** Ints of scratch memory for {@link #decode}: a group in either order. */
    static int scratchSize() {
        return 2 * GROUP;
    }

    /**
     * The leading weights of a group as floats: the bits that {@link WeightDecoder} gives for what was packed. For weights that are
     * not turned.
     *
     * @param quants scratch [scratchSize()]
     * @param out    out     [count] from {@code at}
     * @param count          whole blocks
     */
    void decode(int output, int group, int[] quants, float[] out, int at, int count) {
        long quantsAt = quantsAt(output, group);
        long scalesAt = scalesAt(output, group);
        if (type == TensorType.Q8_0) {
            decodeQ8(quantsAt, scalesAt, quants, out, at, count / 32);
        } else {
            decodeQ4(quantsAt, scalesAt, quants, out, at, count / 32);
        }
    }

    private void decodeQ8(long quantsAt, long scalesAt, int[] quants, float[] out, int at, int blocks) {
        for (int piece = 0; piece < BLOCKS; piece++) {
            IntVector.fromMemorySegment(EIGHT, data, quantsAt + piece * PIECE, ORDER).lanewise(XOR, SIGNS)
                    .intoArray(quants, piece * BLOCKS);
        }
        transpose(quants, BLOCKS, BLOCKS);
        for (int block = 0; block < blocks; block++) {
            FloatVector scale = FloatVector.broadcast(FLOATS, Float.float16ToFloat(data.get(SHORT, scalesAt + block * Short.BYTES)));
            for (int i = 0; i < 32; i += COUNT) {
                ByteVector bytes = IntVector.fromArray(BYTES, quants, GROUP + (block * 32 + i) / Integer.BYTES).reinterpretAsBytes();
                ((FloatVector) bytes.castShape(FLOATS, 0)).mul(scale).intoArray(out, at + block * 32 + i);
            }
        }
    }

    private void decodeQ4(long quantsAt, long scalesAt, int[] quants, float[] out, int at, int blocks) {
        for (int piece = 0; piece < BLOCKS / 2; piece++) {
            IntVector.fromMemorySegment(EIGHT, data, quantsAt + piece * PIECE, ORDER).intoArray(quants, piece * BLOCKS);
        }
        transpose(quants, BLOCKS / 2, BLOCKS);
        for (int block = 0; block < blocks; block++) {
            FloatVector scale = FloatVector.broadcast(FLOATS, Float.float16ToFloat(data.get(SHORT, scalesAt + block * Short.BYTES)));
            for (int i = 0; i < 16; i += COUNT) {
                ByteVector pairs = IntVector.fromArray(BYTES, quants, GROUP + (block * 16 + i) / Integer.BYTES).reinterpretAsBytes();
                IntVector pair = (IntVector) pairs.convertShape(ZERO_EXTEND_B2I, Lanes.INTS, 0);
                int o = at + block * 32 + i;
                ((FloatVector) pair.and(15).sub(8).convertShape(I2F, FLOATS, 0)).mul(scale).intoArray(out, o);
                ((FloatVector) pair.lanewise(LSHR, 4).sub(8).convertShape(I2F, FLOATS, 0)).mul(scale).intoArray(out, o + 16);
            }
        }
    }

    /**
     * The leading inputs of a group of a weight that is turned, as floats.
     *
     * @param out   out [count, BLOCKS] from {@code at}, {@code step} floats from input to input
     * @param count of 32 inputs at most
     */
    void decodeTurned(int row, int group, float[] out, int at, int step, int count) {
        long quantsAt = quantsAt(row, group);
        FloatVector scales = LowRankKernels.half(data, scalesAt(row, group)).mul(HALF_TO_FLOAT);
        int bits = type == TensorType.Q8_0 ? 8 : 4;
        int zero = 1 << bits - 1;
        for (int i = 0; i < count; i++) {
            // Two nibbles of a byte, the lower one being of the first half of the block, or a byte.
            int shift = bits == 8 ? i % 4 * 8 : i % 4 * 8 + i / 16 * 4;
            int piece = bits == 8 ? i / 4 : i % 16 / 4;
            IntVector values = IntVector.fromMemorySegment(EIGHT, data, quantsAt + piece * PIECE, ORDER).lanewise(LSHR, shift)
                    .and(2 * zero - 1).sub(zero);
            ((FloatVector) values.convertShape(I2F, FloatVector.SPECIES_256, 0)).mul(scales).intoArray(out, at + i * step);
        }
    }
}
