package io.chunkwise.model.cpu;

import static io.chunkwise.model.cpu.Lanes.FLOATS;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** Transcendental functions on vectors. The Vector API's own fall back to scalar code where no library of them is bundled. */
final class VectorMath {
    private static final float LOG2_E = 1.44269504f;
    // ln 2 in two parts: the first one times a small integer is exact.
    private static final float LN2_HIGH = 0.693359375f;
    private static final float LN2_LOW = -2.12194440e-4f;
    /** Adding it to a number below 2²² leaves the nearest integer in the low bits. */
    static final float ROUND_TO_INT = 0x1.8p23f;

    private VectorMath() {
    }

    /** e^x within 2 units in the last place, for x clamped to [−87, 88]. */
    static FloatVector exp(FloatVector x) {
        FloatVector clamped = x.max(-87).min(88);
        FloatVector shifted = clamped.fma(FloatVector.broadcast(FLOATS, LOG2_E), FloatVector.broadcast(FLOATS, ROUND_TO_INT));
        FloatVector n = shifted.sub(ROUND_TO_INT);
        FloatVector r = n.fma(FloatVector.broadcast(FLOATS, -LN2_HIGH), clamped);
        r = n.fma(FloatVector.broadcast(FLOATS, -LN2_LOW), r);
        // Taylor series of e^r to the 7th power: |r| ≤ ln 2 / 2, the next term is below 6e-9.
        FloatVector power = FloatVector.broadcast(FLOATS, 1f / 5040);
        power = power.fma(r, FloatVector.broadcast(FLOATS, 1f / 720));
        power = power.fma(r, FloatVector.broadcast(FLOATS, 1f / 120));
        power = power.fma(r, FloatVector.broadcast(FLOATS, 1f / 24));
        power = power.fma(r, FloatVector.broadcast(FLOATS, 1f / 6));
        power = power.fma(r, FloatVector.broadcast(FLOATS, 0.5f));
        power = power.fma(r, FloatVector.broadcast(FLOATS, 1));
        power = power.fma(r, FloatVector.broadcast(FLOATS, 1));
        // 2^n by its exponent bits.
        return power.mul(shifted.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23).add(0x3f800000).reinterpretAsFloats());
    }
}
