package io.chunkwise.model.cpu;

import io.chunkwise.model.adapter.LowRankPair;
import io.chunkwise.model.format.BlockCodec;
import io.chunkwise.model.format.TensorType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;

/**
 * A low-rank pair as the kernels want it: in the number format that it is read in, and in the order in which it is read.
 *
 * <p>Except in F32, the values of a component are kept relative to powers of two, which {@code factor} brings back together with the
 * row's gain: an adapter's values may be so small (or its scale so large) that the F16 scale of a block could not hold them.
 *
 * @param type     number format of {@code down} and {@code up}
 * @param down     [rank, inputs]
 * @param packedDown the same for integer activations; null for float ones
 * @param up       [outputs / TILE, rank, TILE], the last tile may be narrower: the components of a few outputs lie together
 * @param factor   [rank] what a component is to be multiplied with
 * @param groupEnd [groups] as in {@link LowRankPair}
 */
record AttachedPair(int rank, int inputs, int outputs, TensorType type, MemorySegment down, PackedWeights packedDown, MemorySegment up,
        float[] factor, int[] groupEnd) {
    /** Neighbouring outputs whose components lie together: a quantization block. */
    static final int TILE = 32;

    /**
     * Copies a pair.
     *
     * @param wanted number format; F32 is taken where blocks would not fit the widths
     * @param memory of the copy
     * @param integers whether activations are rounded to integers where {@code down} is quantized
     */
    static AttachedPair of(LowRankPair pair, TensorType wanted, SegmentAllocator memory, boolean integers) {
        int rank = pair.rank();
        int inputs = pair.inputs();
        int outputs = pair.outputs();
        TensorType type = inputs % wanted.blockElements() == 0 && outputs % wanted.blockElements() == 0 ? wanted : TensorType.F32;
        MemorySegment down = memory.allocate(type.bytesFor((long) rank * inputs), 64);
        MemorySegment up = memory.allocate(type.bytesFor((long) rank * outputs), 64);
        float[] downFactor = new float[rank];
        float[] upFactor = new float[rank];
        float[] values = new float[inputs];
        for (int k = 0; k < rank; k++) {
            downFactor[k] = type == TensorType.F32 ? 1 : powerOfTwoIn(pair.down(), k * inputs, 1, inputs);
            upFactor[k] = type == TensorType.F32 ? 1 : powerOfTwoIn(pair.up(), k, rank, outputs);
            for (int i = 0; i < inputs; i++) {
                values[i] = pair.down()[k * inputs + i] / downFactor[k];
            }
            BlockCodec.encode(type, values, 0, inputs, down, type.bytesFor((long) k * inputs));
        }
        float[] tile = new float[TILE];
        for (int first = 0; first < outputs; first += TILE) {
            int width = Math.min(TILE, outputs - first);
            for (int k = 0; k < rank; k++) {
                for (int o = 0; o < width; o++) {
                    tile[o] = pair.up()[(first + o) * rank + k] / upFactor[k];
                }
                BlockCodec.encode(type, tile, 0, width, up, type.bytesFor((long) first * rank + k * width));
            }
        }
        for (int k = 0; k < rank; k++) {
            downFactor[k] *= upFactor[k];
        }
        PackedWeights packed = null;
        if (integers && type.isQuantized()) {
            packed = PackedWeights.allocate(type, rank, inputs, memory);
            packed.pack(down, inputs, 0, rank);
        }
        return new AttachedPair(rank, inputs, outputs, type, down, packed, up, downFactor, pair.groupEnd());
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
        return TileProjection.stored(type, down, inputs);
    }

    /** {@code up} as a matrix [outputs, rank], turned, without the factors. */
    TileProjection.Weights upWeights() {
        return (first, count, begin, components, tile) -> {
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
        };
    }

    /** Where the components of the tile of outputs that begins at {@code first} begin in {@code up}: an index of elements. */
    long tileAt(int first) {
        return (long) first * rank;
    }

    long bytes() {
        return down.byteSize() + up.byteSize() + (packedDown == null ? 0 : packedDown.data().byteSize());
    }

    /** Leading components that rows with the given number of leading active groups use. */
    int activeRank(int activeGroups) {
        return activeGroups == 0 ? 0 : groupEnd[activeGroups - 1];
    }
}
