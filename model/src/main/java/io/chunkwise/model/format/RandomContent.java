package io.chunkwise.model.format;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.stream.LongStream;

/**
 * Random numbers as data: every element is a function of a seed and of its index, so that a device can make them where they are
 * needed. They are made here when somebody wants the bytes, in parallel, once.
 *
 * <p>Element i has the <em>level</em> {@code level(mix((first + i) ^ seed))}, the sum of four random bytes, which is close to a normal
 * distribution. {@link #elementOfLevel} says how a level is stored; in quantized formats, the scale of block b is
 * {@code blockScales()[mix(seed - 1 - (first / 32 + b)) & 63]}. All of it is exact, so that whoever follows this has the same numbers.
 */
public final class RandomContent implements TensorContent {
    /** Levels of an element: 0 to 4 · 255. */
    public static final int LEVELS = 1021;
    /** Scales of which each block has one. */
    public static final int SCALES = 64;

    private static final double MEAN_LEVEL = 510;
    private static final double LEVEL_DEVIATION = Math.sqrt(4 * (256.0 * 256 - 1) / 12);
    private static final long PIECE = 1 << 18; // elements that one task makes; whole blocks
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final TensorType type;
    private final long elements;
    private final int seed;
    private final long first;
    private final double mean;
    private final double deviation;
    private final Arena memory;
    private MemorySegment made;

    /**
     * @param elements  how many; whole blocks
     * @param first     index of the first element among all that share a seed; a multiple of 32
     * @param mean      of the elements; 0 in quantized formats
     * @param deviation standard deviation of the elements
     * @param memory    holds the bytes, if they are wanted
     */
    public RandomContent(TensorType type, long elements, int seed, long first, double mean, double deviation, Arena memory) {
        if (type.isQuantized() && (mean != 0 || first % 32 != 0)) {
            throw new IllegalArgumentException("random numbers in " + type + " need mean 0 and whole blocks, not mean " + mean
                    + " and first element " + first);
        }
        type.bytesFor(elements);
        this.type = type;
        this.elements = elements;
        this.seed = seed;
        this.first = first;
        this.mean = mean;
        this.deviation = deviation;
        this.memory = memory;
    }

    public int seed() {
        return seed;
    }

    /** Index of the first element among all that share the seed. */
    public long first() {
        return first;
    }

    /** Whether the other content has elements of the same sequence, but for where it starts. */
    public boolean isOfSameSequence(TensorContent other) {
        return other instanceof RandomContent random && type == random.type && seed == random.seed && mean == random.mean
                && deviation == random.deviation;
    }

    @Override
    public long bytes() {
        return type.bytesFor(elements);
    }

    @Override
    public synchronized MemorySegment data() {
        if (made == null) {
            MemorySegment fresh = memory.allocate(bytes(), 64);
            LongStream.range(0, Math.ceilDiv(elements, PIECE)).parallel()
                    .forEach(piece -> fill(fresh, piece * PIECE, Math.min(elements, (piece + 1) * PIECE)));
            made = fresh.asReadOnly();
        }
        return made;
    }

    /**
     * How elements are stored, by level: a float, the bits of an F16 or BF16, the quant of a Q8_0 block, or the unsigned 4 bits of a Q4_0.
     *
     * @return [LEVELS] of 4, 2, 1 and 1 bytes, little-endian
     */
    public MemorySegment elementOfLevel() {
        int width = switch (type) {
            case F32 -> 4;
            case F16, BF16 -> 2;
            case Q8_0, Q4_0 -> 1;
        };
        MemorySegment table = MemorySegment.ofArray(new byte[width * LEVELS]);
        for (int level = 0; level < LEVELS; level++) {
            switch (type) {
                case F32, F16, BF16 -> {
                    float value = (float) (mean + (level - MEAN_LEVEL) * deviation / LEVEL_DEVIATION);
                    BlockCodec.encode(type, new float[] {value}, 0, 1, table, (long) width * level);
                }
                case Q8_0 -> table.set(ValueLayout.JAVA_BYTE, level, (byte) Math.clamp(Math.round((level - MEAN_LEVEL) / 4), -127, 127));
                case Q4_0 -> table.set(ValueLayout.JAVA_BYTE, level, (byte) (level / 64));
            }
        }
        return table;
    }

    /** The scales that blocks have, every one exact in F16; empty in formats without blocks. */
    public float[] blockScales() {
        double levelsPerQuant = switch (type) {
            case F32, F16, BF16 -> 0;
            case Q8_0 -> 4;
            case Q4_0 -> 64;
        };
        float[] scales = new float[levelsPerQuant == 0 ? 0 : SCALES];
        for (int i = 0; i < scales.length; i++) {
            // From 0.75 to 1.25 of the mean; of both signs, because the quants of Q4_0 are not symmetric.
            double size = deviation * levelsPerQuant / LEVEL_DEVIATION * (0.75 + 0.5 * i / SCALES);
            scales[i] = Float.float16ToFloat(Float.floatToFloat16((float) (i % 2 == 0 ? size : -size)));
        }
        return scales;
    }

    /** Fills an array with random numbers of mean 0; the same ones for the same arguments. */
    public static void fill(float[] out, int seed, double deviation) {
        for (int i = 0; i < out.length; i++) {
            out[i] = (float) ((level(mix(i ^ seed)) - MEAN_LEVEL) * deviation / LEVEL_DEVIATION);
        }
    }

    /** Scrambles 32 bits: multiplications and shifts, one to one. */
    public static int mix(int x) {
        int h = (x ^ x >>> 16) * 0x7feb352d;
        h = (h ^ h >>> 15) * 0x846ca68b;
        return h ^ h >>> 16;
    }

    /** The sum of four bytes. */
    private static int level(int h) {
        return (h & 255) + (h >>> 8 & 255) + (h >>> 16 & 255) + (h >>> 24);
    }

    private void fill(MemorySegment out, long from, long to) {
        MemorySegment table = elementOfLevel();
        switch (type) {
            case F32 -> {
                for (long i = from; i < to; i++) {
                    out.set(FLOAT, 4 * i, table.get(FLOAT, 4L * levelAt(i)));
                }
            }
            case F16, BF16 -> {
                for (long i = from; i < to; i++) {
                    out.set(SHORT, 2 * i, table.get(SHORT, 2L * levelAt(i)));
                }
            }
            case Q8_0, Q4_0 -> fillBlocks(out, table, from / 32, to / 32);
        }
    }

    private void fillBlocks(MemorySegment out, MemorySegment table, long from, long to) {
        float[] scales = blockScales();
        for (long block = from; block < to; block++) {
            long at = block * type.blockBytes();
            float scale = scales[mix(seed - 1 - (int) (first / 32 + block)) & SCALES - 1];
            out.set(SHORT, at, Float.floatToFloat16(scale));
            for (int i = 0; i < type.blockBytes() - 2; i++) {
                byte quant = table.get(ValueLayout.JAVA_BYTE, levelAt(32 * block + i));
                if (type == TensorType.Q4_0) {
                    quant |= (byte) (table.get(ValueLayout.JAVA_BYTE, levelAt(32 * block + i + 16)) << 4);
                }
                out.set(ValueLayout.JAVA_BYTE, at + 2 + i, quant);
            }
        }
    }

    private int levelAt(long i) {
        return level(mix((int) (first + i) ^ seed));
    }
}
