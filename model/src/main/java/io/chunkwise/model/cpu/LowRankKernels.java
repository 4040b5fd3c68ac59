package io.chunkwise.model.cpu;

import static io.chunkwise.model.cpu.AttachedPair.TILE;
import static io.chunkwise.model.cpu.Lanes.ORDER;
import static io.chunkwise.model.cpu.RowProjection.QUANTS;
import static io.chunkwise.model.cpu.RowProjection.QUANT_FLOATS;
import static io.chunkwise.model.cpu.RowProjection.QUANT_INTS;
import static io.chunkwise.model.cpu.RowProjection.QUANT_SHORTS;
import static io.chunkwise.model.cpu.WeightDecoder.HALF_BITS;
import static io.chunkwise.model.cpu.WeightDecoder.HALF_TO_FLOAT;
import static io.chunkwise.model.cpu.WeightDecoder.SHORT;

import io.chunkwise.model.format.BlockCodec;
import io.chunkwise.model.format.TensorType;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The second half of the low-rank update of an adapter (arXiv:2106.09685); the first half is {@link RowProjection}. Components of
 * {@link AttachedPair#TILE} outputs are read one after the other, while the sums of these outputs stay in registers.
 */
final class LowRankKernels {

    private LowRankKernels() {
    }

    /**
     * out[o] += Σ_{k < activeRank} hidden[k] · up[k, o], for outputs [from, to)
     *
     * @param hidden in     [rank] from {@code hiddenAt}, gains applied
     * @param out    in+out [outputs] from {@code outAt}
     * @param from          the beginning of a tile
     * @param to            the end of a tile
     */
    static void addUp(AttachedPair pair, float[] hidden, int hiddenAt, int activeRank, float[] out, int outAt, int from, int to) {
        TensorType type = pair.type();
        for (int first = from; first < to; first += TILE) {
            long tile = type.bytesFor(pair.tileAt(first));
            if (pair.outputs() - first < TILE) {
                addNarrowTile(pair, hidden, hiddenAt, activeRank, out, outAt, first);
            } else {
                switch (type) {
                    case F32 -> addTileF32(pair.up(), tile, hidden, hiddenAt, activeRank, out, outAt + first);
                    case F16 -> addTileF16(pair.up(), tile, hidden, hiddenAt, activeRank, out, outAt + first);
                    case BF16 -> addTileBf16(pair.up(), tile, hidden, hiddenAt, activeRank, out, outAt + first);
                    case Q8_0 -> addTileQ8(pair.up(), tile, hidden, hiddenAt, activeRank, out, outAt + first);
                    case Q4_0 -> addTileQ4(pair.up(), tile, hidden, hiddenAt, activeRank, out, outAt + first);
                }
            }
        }
    }

    private static void addNarrowTile(AttachedPair pair, float[] hidden, int hiddenAt, int activeRank, float[] out, int outAt, int first) {
        int width = pair.outputs() - first;
        float[] component = new float[width];
        for (int k = 0; k < activeRank; k++) {
            BlockCodec.decode(pair.type(), pair.up(), pair.tileAt(first) + (long) k * width, component, 0, width);
            for (int o = 0; o < width; o++) {
                out[outAt + first + o] += hidden[hiddenAt + k] * component[o];
            }
        }
    }

    private static void addTileF32(MemorySegment up, long tile, float[] hidden, int hiddenAt, int activeRank, float[] out, int at) {
        for (int o = 0; o < TILE; o += 4 * QUANTS) {
            FloatVector a = FloatVector.fromArray(QUANT_FLOATS, out, at + o);
            FloatVector b = FloatVector.fromArray(QUANT_FLOATS, out, at + o + QUANTS);
            FloatVector c = FloatVector.fromArray(QUANT_FLOATS, out, at + o + 2 * QUANTS);
            FloatVector d = FloatVector.fromArray(QUANT_FLOATS, out, at + o + 3 * QUANTS);
            for (int k = 0; k < activeRank; k++) {
                FloatVector h = FloatVector.broadcast(QUANT_FLOATS, hidden[hiddenAt + k]);
                long p = tile + (k * TILE + o) * 4L;
                a = FloatVector.fromMemorySegment(QUANT_FLOATS, up, p, ORDER).fma(h, a);
                b = FloatVector.fromMemorySegment(QUANT_FLOATS, up, p + QUANTS * 4, ORDER).fma(h, b);
                c = FloatVector.fromMemorySegment(QUANT_FLOATS, up, p + 2 * QUANTS * 4, ORDER).fma(h, c);
                d = FloatVector.fromMemorySegment(QUANT_FLOATS, up, p + 3 * QUANTS * 4, ORDER).fma(h, d);
            }
            a.intoArray(out, at + o);
            b.intoArray(out, at + o + QUANTS);
            c.intoArray(out, at + o + 2 * QUANTS);
            d.intoArray(out, at + o + 3 * QUANTS);
        }
    }

    private static void addTileF16(MemorySegment up, long tile, float[] hidden, int hiddenAt, int activeRank, float[] out, int at) {
        for (int o = 0; o < TILE; o += 4 * QUANTS) {
            FloatVector a = FloatVector.fromArray(QUANT_FLOATS, out, at + o);
            FloatVector b = FloatVector.fromArray(QUANT_FLOATS, out, at + o + QUANTS);
            FloatVector c = FloatVector.fromArray(QUANT_FLOATS, out, at + o + 2 * QUANTS);
            FloatVector d = FloatVector.fromArray(QUANT_FLOATS, out, at + o + 3 * QUANTS);
            for (int k = 0; k < activeRank; k++) {
                FloatVector h = FloatVector.broadcast(QUANT_FLOATS, hidden[hiddenAt + k]).mul(HALF_TO_FLOAT);
                long p = tile + (k * TILE + o) * 2L;
                a = half(up, p).fma(h, a);
                b = half(up, p + QUANTS * 2).fma(h, b);
                c = half(up, p + 2 * QUANTS * 2).fma(h, c);
                d = half(up, p + 3 * QUANTS * 2).fma(h, d);
            }
            a.intoArray(out, at + o);
            b.intoArray(out, at + o + QUANTS);
            c.intoArray(out, at + o + 2 * QUANTS);
            d.intoArray(out, at + o + 3 * QUANTS);
        }
    }

    /** QUANTS F16 values, too small by {@link WeightDecoder#HALF_TO_FLOAT}. */
    static FloatVector half(MemorySegment data, long at) {
        return widened(data, at).lanewise(VectorOperators.LSHL, 13).and(HALF_BITS).reinterpretAsFloats();
    }

    private static IntVector widened(MemorySegment data, long at) {
        return (IntVector) ShortVector.fromMemorySegment(QUANT_SHORTS, data, at, ORDER).castShape(QUANT_INTS, 0);
    }

    private static void addTileBf16(MemorySegment up, long tile, float[] hidden, int hiddenAt, int activeRank, float[] out, int at) {
        for (int o = 0; o < TILE; o += 4 * QUANTS) {
            FloatVector a = FloatVector.fromArray(QUANT_FLOATS, out, at + o);
            FloatVector b = FloatVector.fromArray(QUANT_FLOATS, out, at + o + QUANTS);
            FloatVector c = FloatVector.fromArray(QUANT_FLOATS, out, at + o + 2 * QUANTS);
            FloatVector d = FloatVector.fromArray(QUANT_FLOATS, out, at + o + 3 * QUANTS);
            for (int k = 0; k < activeRank; k++) {
                FloatVector h = FloatVector.broadcast(QUANT_FLOATS, hidden[hiddenAt + k]);
                long p = tile + (k * TILE + o) * 2L;
                a = widened(up, p).lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(h, a);
                b = widened(up, p + QUANTS * 2).lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(h, b);
                c = widened(up, p + 2 * QUANTS * 2).lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(h, c);
                d = widened(up, p + 3 * QUANTS * 2).lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().fma(h, d);
            }
            a.intoArray(out, at + o);
            b.intoArray(out, at + o + QUANTS);
            c.intoArray(out, at + o + 2 * QUANTS);
            d.intoArray(out, at + o + 3 * QUANTS);
        }
    }

    private static void addTileQ8(MemorySegment up, long tile, float[] hidden, int hiddenAt, int activeRank, float[] out, int at) {
        for (int o = 0; o < TILE; o += 4 * QUANTS) {
            FloatVector a = FloatVector.fromArray(QUANT_FLOATS, out, at + o);
            FloatVector b = FloatVector.fromArray(QUANT_FLOATS, out, at + o + QUANTS);
            FloatVector c = FloatVector.fromArray(QUANT_FLOATS, out, at + o + 2 * QUANTS);
            FloatVector d = FloatVector.fromArray(QUANT_FLOATS, out, at + o + 3 * QUANTS);
            for (int k = 0; k < activeRank; k++) {
                long p = tile + k * 34L;
                FloatVector h = FloatVector.broadcast(QUANT_FLOATS, hidden[hiddenAt + k] * Float.float16ToFloat(up.get(SHORT, p)));
                // No load is narrower than 8 bytes: with 4 lanes it brings the quants of two vectors.
                a = ((FloatVector) eight(up, p + 2 + o).castShape(QUANT_FLOATS, 0)).fma(h, a);
                b = ((FloatVector) eight(up, p + 2 + (o + QUANTS) / 8 * 8).castShape(QUANT_FLOATS, QUANTS % 8 / 4)).fma(h, b);
                c = ((FloatVector) eight(up, p + 2 + o + 2 * QUANTS).castShape(QUANT_FLOATS, 0)).fma(h, c);
                d = ((FloatVector) eight(up, p + 2 + (o + 3 * QUANTS) / 8 * 8).castShape(QUANT_FLOATS, QUANTS % 8 / 4)).fma(h, d);
            }
            a.intoArray(out, at + o);
            b.intoArray(out, at + o + QUANTS);
            c.intoArray(out, at + o + 2 * QUANTS);
            d.intoArray(out, at + o + 3 * QUANTS);
        }
    }

    private static ByteVector eight(MemorySegment data, long at) {
        return ByteVector.fromMemorySegment(ByteVector.SPECIES_64, data, at, ORDER);
    }

    // Byte i holds outputs i and i + 16.
    private static void addTileQ4(MemorySegment up, long tile, float[] hidden, int hiddenAt, int activeRank, float[] out, int at) {
        for (int o = 0; o < TILE / 2; o += 2 * QUANTS) {
            FloatVector a = FloatVector.fromArray(QUANT_FLOATS, out, at + o);
            FloatVector b = FloatVector.fromArray(QUANT_FLOATS, out, at + o + QUANTS);
            FloatVector c = FloatVector.fromArray(QUANT_FLOATS, out, at + o + 16);
            FloatVector d = FloatVector.fromArray(QUANT_FLOATS, out, at + o + 16 + QUANTS);
            for (int k = 0; k < activeRank; k++) {
                long p = tile + k * 18L;
                FloatVector h = FloatVector.broadcast(QUANT_FLOATS, hidden[hiddenAt + k] * Float.float16ToFloat(up.get(SHORT, p)));
                IntVector ab = (IntVector) eight(up, p + 2 + o).convertShape(VectorOperators.ZERO_EXTEND_B2I, QUANT_INTS, 0);
                IntVector cd = (IntVector) eight(up, p + 2 + (o + QUANTS) / 8 * 8)
                        .convertShape(VectorOperators.ZERO_EXTEND_B2I, QUANT_INTS, QUANTS % 8 / 4);
                a = floats(ab.and(15)).fma(h, a);
                b = floats(cd.and(15)).fma(h, b);
                c = floats(ab.lanewise(VectorOperators.LSHR, 4)).fma(h, c);
                d = floats(cd.lanewise(VectorOperators.LSHR, 4)).fma(h, d);
            }
            a.intoArray(out, at + o);
            b.intoArray(out, at + o + QUANTS);
            c.intoArray(out, at + o + 16);
            d.intoArray(out, at + o + 16 + QUANTS);
        }
    }

    private static FloatVector floats(IntVector nibbles) {
        return (FloatVector) nibbles.sub(8).convertShape(VectorOperators.I2F, QUANT_FLOATS, 0);
    }
}
