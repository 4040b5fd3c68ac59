package io.chunkwise.model.cpu;

import static io.chunkwise.model.cpu.Lanes.COUNT;
import static io.chunkwise.model.cpu.Lanes.FLOATS;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShuffle;

/** The fast Walsh-Hadamard transform of heads. */
final class HadamardKernels {
    private static final VectorShuffle<Float> PARTNER_1 = partner(1);
    private static final VectorShuffle<Float> PARTNER_2 = partner(2);
    private static final VectorShuffle<Float> PARTNER_4 = partner(4);
    private static final VectorShuffle<Float> PARTNER_8 = partner(8);
    private static final FloatVector SIGN_1 = sign(1);
    private static final FloatVector SIGN_2 = sign(2);
    private static final FloatVector SIGN_4 = sign(4);
    private static final FloatVector SIGN_8 = sign(8);

    private HadamardKernels() {
    }

    /**
     * Multiplies blocks of every head by the normalised Hadamard matrix, for rows [from, to). Blocks are as long as the largest
     * power of two that divides the head dimension.
     *
     * @param values in+out [rows, heads · headDim]
     */
    static void multiply(float[] values, int from, int to, int width, int headDim) {
        int block = Integer.lowestOneBit(headDim);
        float norm = (float) (1 / Math.sqrt(block));
        for (int at = from * width; at < to * width; at += block) {
            if (block < COUNT) {
                butterflies(values, at, block);
                for (int i = at; i < at + block; i++) {
                    values[i] *= norm;
                }
            } else {
                vectorButterflies(values, at, block, norm);
            }
        }
    }

    private static void butterflies(float[] values, int at, int block) {
        for (int half = 1; half < block; half *= 2) {
            for (int pair = at; pair < at + block; pair += 2 * half) {
                for (int i = pair; i < pair + half; i++) {
                    float a = values[i];
                    float b = values[i + half];
                    values[i] = a + b;
                    values[i + half] = a - b;
                }
            }
        }
    }

    /** The same, with the same bits: first what stays within vectors, then what is vectors apart. */
    private static void vectorButterflies(float[] values, int at, int block, float norm) {
        for (int i = at; i < at + block; i += COUNT) {
            FloatVector x = FloatVector.fromArray(FLOATS, values, i);
            x = x.fma(SIGN_1, x.rearrange(PARTNER_1));
            x = x.fma(SIGN_2, x.rearrange(PARTNER_2));
            if (COUNT > 4) {
                x = x.fma(SIGN_4, x.rearrange(PARTNER_4));
            }
            if (COUNT > 8) {
                x = x.fma(SIGN_8, x.rearrange(PARTNER_8));
            }
            x.intoArray(values, i);
        }
        for (int half = COUNT; half < block; half *= 2) {
            for (int pair = at; pair < at + block; pair += 2 * half) {
                for (int i = pair; i < pair + half; i += COUNT) {
                    FloatVector a = FloatVector.fromArray(FLOATS, values, i);
                    FloatVector b = FloatVector.fromArray(FLOATS, values, i + half);
                    a.add(b).intoArray(values, i);
                    a.sub(b).intoArray(values, i + half);
                }
            }
        }
        for (int i = at; i < at + block; i += COUNT) {
            FloatVector.fromArray(FLOATS, values, i).mul(norm).intoArray(values, i);
        }
    }

    /** The lanes that others are added to, or that they are taken from: those {@code half} away. */
    private static VectorShuffle<Float> partner(int half) {
        return VectorShuffle.fromOp(FLOATS, lane -> (lane ^ half) % COUNT);
    }

    /** 1 for the first of two partners, whose sum is wanted; −1 for the second, which is taken from the first. */
    private static FloatVector sign(int half) {
        float[] signs = new float[COUNT];
        for (int lane = 0; lane < COUNT; lane++) {
            signs[lane] = (lane & half) == 0 ? 1 : -1;
        }
        return FloatVector.fromArray(FLOATS, signs, 0);
    }
}
