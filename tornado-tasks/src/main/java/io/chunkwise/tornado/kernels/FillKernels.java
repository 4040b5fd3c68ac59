package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.annotations.Parallel;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.ByteArray;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;

/**
 * out[i] = elementOfLevel[level(mix(i ^ seed))]: the numbers of {@code RandomContent}, made where they are needed. One thread for each
 * {@link #BLOCK} elements.
 */
public final class FillKernels {
    /** Elements of a thread; those of a block of a quantized format. */
    public static final int BLOCK = 32;
    /** Where {@code spec} has the number of blocks, the last of which may be shorter. */
    public static final int BLOCKS = 0;
    public static final int SEED = 1;
    /** Length of {@code spec}. */
    public static final int SPEC = 2;

    private FillKernels() {
    }

    /**
     * @param elementOfLevel in  [1021]
     * @param out            out [count]
     */
    public static void fillFloats(IntArray spec, FloatArray elementOfLevel, FloatArray out, int count) {
        int blocks = spec.get(BLOCKS);
        int seed = spec.get(SEED);
        for (@Parallel int block = 0; block < blocks; block++) {
            int end = TornadoMath.min(block * BLOCK + BLOCK, count);
            for (int i = block * BLOCK; i < end; i++) {
                out.set(i, elementOfLevel.get(levelOf(i ^ seed)));
            }
        }
    }

    /** As {@link #fillFloats}. */
    public static void fillShorts(IntArray spec, ShortArray elementOfLevel, ShortArray out, int count) {
        int blocks = spec.get(BLOCKS);
        int seed = spec.get(SEED);
        for (@Parallel int block = 0; block < blocks; block++) {
            int end = TornadoMath.min(block * BLOCK + BLOCK, count);
            for (int i = block * BLOCK; i < end; i++) {
                out.set(i, elementOfLevel.get(levelOf(i ^ seed)));
            }
        }
    }

    /** As {@link #fillFloats}. */
    public static void fillHalves(IntArray spec, HalfFloatArray elementOfLevel, HalfFloatArray out, int count) {
        int blocks = spec.get(BLOCKS);
        int seed = spec.get(SEED);
        for (@Parallel int block = 0; block < blocks; block++) {
            int end = TornadoMath.min(block * BLOCK + BLOCK, count);
            for (int i = block * BLOCK; i < end; i++) {
                out.set(i, elementOfLevel.get(levelOf(i ^ seed)));
            }
        }
    }

    /**
     * Blocks of 32 signed quants with a scale; int j of a block has elements j, j + 8, j + 16 and j + 24, the first in its lowest byte.
     *
     * @param blockScales in  [64]
     * @param quants      out [count / 4]
     * @param scales      out [count / 32]
     */
    public static void fillQ8(IntArray spec, ByteArray elementOfLevel, FloatArray blockScales, IntArray quants, FloatArray scales) {
        int blocks = spec.get(BLOCKS);
        int seed = spec.get(SEED);
        for (@Parallel int block = 0; block < blocks; block++) {
            scales.set(block, blockScales.get(scaleOf(seed, block)));
            for (int j = 0; j < BLOCK / 4; j++) {
                int i = block * BLOCK + j;
                int first = elementOfLevel.get(levelOf(i ^ seed));
                int second = elementOfLevel.get(levelOf((i + 8) ^ seed));
                int third = elementOfLevel.get(levelOf((i + 16) ^ seed));
                int fourth = elementOfLevel.get(levelOf((i + 24) ^ seed));
                quants.set(block * (BLOCK / 4) + j, (first & 255) + ((second & 255) << 8) + ((third & 255) << 16) + (fourth << 24));
            }
        }
    }

    /**
     * Blocks of 32 unsigned quants of four bits with a scale; byte i of a block has element i in its low and element i + 16 in its high
     * half.
     *
     * @param elementOfLevel in  0 to 15
     * @param blockScales    in  [64]
     * @param nibbles        out [count / 2]
     * @param scales         out [count / 32]
     */
    public static void fillQ4(IntArray spec, ByteArray elementOfLevel, FloatArray blockScales, ByteArray nibbles, FloatArray scales) {
        int blocks = spec.get(BLOCKS);
        int seed = spec.get(SEED);
        for (@Parallel int block = 0; block < blocks; block++) {
            scales.set(block, blockScales.get(scaleOf(seed, block)));
            for (int i = 0; i < 16; i++) {
                int low = elementOfLevel.get(levelOf((block * BLOCK + i) ^ seed));
                int high = elementOfLevel.get(levelOf((block * BLOCK + 16 + i) ^ seed));
                nibbles.set(block * 16 + i, (byte) (low + high * 16));
            }
        }
    }

    /**
     * Blocks of 32 unsigned quants of four bits with a scale; int j of a block has elements j, j + 4, …, j + 28, the first in its lowest
     * bits.
     *
     * @param elementOfLevel in  0 to 15
     * @param blockScales    in  [64]
     * @param quants         out [count / 8]
     * @param scales         out [count / 32]
     */
    public static void fillPackedQ4(IntArray spec, ByteArray elementOfLevel, FloatArray blockScales, IntArray quants, FloatArray scales) {
        int blocks = spec.get(BLOCKS);
        int seed = spec.get(SEED);
        for (@Parallel int block = 0; block < blocks; block++) {
            scales.set(block, blockScales.get(scaleOf(seed, block)));
            for (int j = 0; j < 4; j++) {
                int eight = 0;
                for (int i = 0; i < BLOCK; i += 4) {
                    int quant = elementOfLevel.get(levelOf((block * BLOCK + i + j) ^ seed));
                    eight += (quant & 15) << i;
                }
                quants.set(block * 4 + j, eight);
            }
        }
    }

    /** The sum of the four bytes of the scrambled number. */
    static int levelOf(int x) {
        int h = scramble(x);
        return (h & 255) + ((h >> 8) & 255) + ((h >> 16) & 255) + ((h >> 24) & 255);
    }

    static int scaleOf(int seed, int block) {
        return scramble(seed - 1 - block) & 63;
    }

    /** {@code RandomContent.mix}; shifts keep the sign, so that what they bring in is masked. */
    static int scramble(int x) {
        int h = (x ^ ((x >> 16) & 0xffff)) * 0x7feb352d;
        h = (h ^ ((h >> 15) & 0x1ffff)) * 0x846ca68b;
        return h ^ ((h >> 16) & 0xffff);
    }
}
