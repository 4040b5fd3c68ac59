package io.chunkwise.model.cpu;

import io.chunkwise.model.format.TensorType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;

/**
 * A quantized weight in the order in which {@link IntegerProjection} reads it: a copy of what a file holds, of the same size. Eight
 * neighbouring blocks of a row are a group, and lane j of every vector of the group belongs to its block j, so that all that is done per
 * block is done to eight at a time, and no sum crosses lanes but once per row.
 *
 * <p>A group is the eight F16 scales, then as many pieces of 32 bytes as a block has ints, piece q being int q of each block. Bytes of Q8_0
 * lie 128 higher, and so are not negative; Q4_0 lies 8 higher in files already. Rows end with a whole group: blocks that
 * are missing have the scale 0.
 *
 * @param data [outputs, groups] groups; owned by whoever gave the memory
 */
record PackedWeights(TensorType type, int groups, MemorySegment data) {
    /** Blocks of a group: one for each lane of a vector of ints. */
    static final int BLOCKS = 8;
    /** Bytes of the scales of a group, which come first. */
    static final int SCALES = BLOCKS * Short.BYTES;
    /** Bytes of a piece: an int of each block. */
    static final int PIECE = BLOCKS * Integer.BYTES;

    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(Lanes.ORDER);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(Lanes.ORDER);
    private static final int SIGNS = 0x80808080;

    /**
     * Room for a weight; {@link #pack} fills it.
     *
     * @param type Q8_0 or Q4_0
     */
    static PackedWeights allocate(TensorType type, int outputs, int inputs, SegmentAllocator memory) {
        int groups = groups(inputs);
        return new PackedWeights(type, groups, memory.allocate((long) outputs * groups * groupBytes(type), 64));
    }

    /** Groups that hold a row of inputs. */
    static int groups(int inputs) {
        return Math.ceilDiv(inputs, BLOCKS * 32);
    }

    static int groupBytes(TensorType type) {
        return BLOCKS * (int) type.bytesFor(32);
    }

    /**
     * Copies outputs [from, to).
     *
     * @param source [outputs, inputs] as in files
     */
    void pack(MemorySegment source, int inputs, int from, int to) {
        int blockBytes = (int) type.bytesFor(32);
        int blocks = inputs / 32;
        int flip = type == TensorType.Q8_0 ? SIGNS : 0;
        for (int o = from; o < to; o++) {
            for (int block = 0; block < blocks; block++) {
                long in = ((long) o * blocks + block) * blockBytes;
                long group = ((long) o * groups + block / BLOCKS) * groupBytes(type);
                int lane = block % BLOCKS;
                data.set(SHORT, group + lane * Short.BYTES, source.get(SHORT, in));
                for (int i = 0; i < blockBytes - Short.BYTES; i += Integer.BYTES) {
                    data.set(INT, group + SCALES + i * BLOCKS + lane * Integer.BYTES, source.get(INT, in + Short.BYTES + i) ^ flip);
                }
            }
        }
    }
}
