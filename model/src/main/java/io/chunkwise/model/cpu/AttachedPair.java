package io.chunkwise.model.cpu;

import io.chunkwise.model.adapter.LowRankPair;
import io.chunkwise.model.format.BlockCodec;
import io.chunkwise.model.format.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;

/**
 * A low-rank pair as the kernels want it: in the number format that it is read in, and in the order in which it is read.
 *
 * <p>Except in F32, the values of a component are kept relative to powers of two, which {@code factor} brings back together with the
 * row's gain: an adapter's values may be so small (or its scale so large) that the F16 scale of a block could not hold them.
 *
 * @param type     number format of {@code down} and {@code up}
 * @param down     [rank, inputs]; null where it is packed
 * @param up       [outputs / TILE, rank, TILE], the last tile may be narrower: the components of a few outputs lie together; null where it
 *                 is packed
 * @param packedDown the down half in the order in which {@link IntegerProjection} reads it; null where activations are floats
 * @param packedUp the same of the up half, turned: blocks are 32 components of an output, not 32 outputs of a component. Null also where
 *                 components are few
 * @param factor   [rank] what a component is to be multiplied with
 * @param groupEnd [groups] as in {@link LowRankPair}
 */
record AttachedPair(int rank, int inputs, int outputs, TensorType type, MemorySegment down, MemorySegment up, PackedWeights packedDown,
        PackedWeights packedUp, float[] factor, int[] groupEnd) {
    /** Neighbouring outputs whose components lie together: a quantization block. */
    static final int TILE = 32;

    /** Fewest components whose up half is packed: filled up to blocks of 32, fewer would be read in more bytes than they have. */
    private static final int LEAST_PACKED = 17;

    /**
     * Copies a pair.
     *
     * @param wanted number format; F32 is taken where blocks would not fit the widths
     * @param memory of the copy
     * @param integers whether activations are rounded to integers where components are quantized
     */
    static AttachedPair of(LowRankPair pair, TensorType wanted, SegmentAllocator memory, boolean integers) {
        int rank = pair.rank();
        int inputs = pair.inputs();
        int outputs = pair.outputs();
        TensorType type = inputs % wanted.blockElements() == 0 && outputs % wanted.blockElements() == 0 ? wanted : TensorType.F32;
        boolean packed = integers && type.isQuantized();
        boolean packedUp = packed && rank >= LEAST_PACKED;
        float[] downFactor = new float[rank];
        float[] upFactor = new float[rank];
        float[] factor = new float[rank];
        for (int k = 0; k < rank; k++) {
            downFactor[k] = type == TensorType.F32 ? 1 : powerOfTwoIn(pair.down(), k * inputs, 1, inputs);
            upFactor[k] = type == TensorType.F32 ? 1 : powerOfTwoIn(pair.up(), k, rank, outputs);
            factor[k] = downFactor[k] * upFactor[k];
        }
        return new AttachedPair(rank, inputs, outputs, type,
                packed ? null : encodeDown(pair, type, downFactor, memory),
                packedUp ? null : encodeUp(pair, type, upFactor, memory),
                packed ? packDown(pair, type, downFactor, memory) : null,
                packedUp ? packUp(pair, type, upFactor, memory) : null, factor, pair.groupEnd());
    }

    private static PackedWeights packDown(LowRankPair pair, TensorType type, float[] factor, SegmentAllocator memory) {
        PackedWeights down = PackedWeights.allocate(type, pair.rank(), pair.inputs(), memory);
        try (Arena scratch = Arena.ofConfined()) {
            down.pack(encodeDown(pair, type, factor, scratch), pair.inputs(), 0, down.rows());
        }
        return down;
    }

    private static PackedWeights packUp(LowRankPair pair, TensorType type, float[] factor, SegmentAllocator memory) {
        PackedWeights up = PackedWeights.allocateTurned(type, pair.outputs(), pair.rank(), memory);
        try (Arena scratch = Arena.ofConfined()) {
            up.pack(encodeRows(pair, type, factor, scratch), pair.rank(), 0, up.rows());
        }
        return up;
    }

    /** [rank, inputs] */
    private static MemorySegment encodeDown(LowRankPair pair, TensorType type, float[] factor, SegmentAllocator memory) {
        int inputs = pair.inputs();
        MemorySegment down = memory.allocate(type.bytesFor((long) pair.rank() * inputs), 64);
        float[] values = new float[inputs];
        for (int k = 0; k < pair.rank(); k++) {
            for (int i = 0; i < inputs; i++) {
                values[i] = pair.down()[k * inputs + i] / factor[k];
            }
            BlockCodec.encode(type, values, 0, inputs, down, type.bytesFor((long) k * inputs));
        }
        return down;
    }

    /** [outputs / TILE, rank, TILE] */
    private static MemorySegment encodeUp(LowRankPair pair, TensorType type, float[] factor, SegmentAllocator memory) {
        int rank = pair.rank();
        MemorySegment up = memory.allocate(type.bytesFor((long) rank * pair.outputs()), 64);
        float[] tile = new float[TILE];
        for (int first = 0; first < pair.outputs(); first += TILE) {
            int width = Math.min(TILE, pair.outputs() - first);
            for (int k = 0; k < rank; k++) {
                for (int o = 0; o < width; o++) {
                    tile[o] = pair.up()[(first + o) * rank + k] / factor[k];
                }
                BlockCodec.encode(type, tile, 0, width, up, type.bytesFor((long) first * rank + k * width));
            }
        }
        return up;
    }

    /** [outputs, rank], rows filled up with zeros to whole blocks. */
    private static MemorySegment encodeRows(LowRankPair pair, TensorType type, float[] factor, SegmentAllocator memory) {
        int rank = pair.rank();
        int width = Math.ceilDiv(rank, 32) * 32;
        MemorySegment up = memory.allocate(type.bytesFor((long) pair.outputs() * width));
        float[] row = new float[width];
        for (int o = 0; o < pair.outputs(); o++) {
            for (int k = 0; k < rank; k++) {
                row[k] = pair.up()[o * rank + k] / factor[k];
            }
            BlockCodec.encode(type, row, 0, width, up, type.bytesFor((long) o * width));
        }
        return up;
    }

    /** The power of two that the largest of some values is between one and two times of; 1 if all are 0. */
    private static float powerOfTwoIn(float[] values, int from, int step, int count) {
        float largest = 0;
        for (int i = 0; i < count; i++) {
            largest = Math.max(largest, Math.abs(values[from + i * step]));
        }
        return largest == 0 ? 1 : Math.scalb(1f, Math.clamp(Math.getExponent(largest), -60, 60));
    }

    TileProjection.Weights downWeights() {
        return packedDown == null ? TileProjection.stored(type, down, inputs) : TileProjection.packed(packedDown);
    }

    /** The up half as a matrix [outputs, rank], turned, without the factors. */
    TileProjection.Weights upWeights() {
        return packedUp == null ? this::readTiles : this::readPacked;
    }

    /** As {@link TileProjection.Weights#read}. */
    private void readTiles(int first, int count, int begin, int components, float[] tile) {
        for (int start = first / TILE * TILE; start < first + count; start += TILE) {
            int width = Math.min(TILE, outputs - start);
            int from = Math.max(first, start);
            int to = Math.min(first + count, start + width);
            int piece = TileProjection.SPARE / TILE;
            for (int done = 0; done < components; done += piece) {
                int here = Math.min(piece, components - done);
                WeightDecoder.decode(type, up, tileAt(start) + (long) (begin + done) * width,
                        tile, TileProjection.SPARE_AT, here * width);
                for (int k = 0; k < here; k++) {
                    Lanes.copy(tile, TileProjection.SPARE_AT + k * width + from - start,
                            (done + k) * TileProjection.TILE + from - first, to - from);
                }
            }
        }
    }

    /** As {@link TileProjection.Weights#read}; tiles are whole eights of outputs. */
    private void readPacked(int first, int count, int begin, int components, float[] tile) {
        for (int o = 0; o < count; o += PackedWeights.BLOCKS) {
            for (int done = 0; done < components; done += 32) {
                packedUp.decodeTurned((first + o) / PackedWeights.BLOCKS, (begin + done) / 32, tile,
                        done * TileProjection.TILE + o, TileProjection.TILE, Math.min(32, components - done));
            }
        }
    }

    /** Where the components of the tile of outputs that begins at {@code first} begin in {@code up}: an index of elements. */
    long tileAt(int first) {
        return (long) first * rank;
    }

    long bytes() {
        return (packedDown == null ? down : packedDown.data()).byteSize() + (packedUp == null ? up : packedUp.data()).byteSize();
    }

    /** Leading components that rows with the given number of leading active groups use. */
    int activeRank(int activeGroups) {
        return activeGroups == 0 ? 0 : groupEnd[activeGroups - 1];
    }
}
