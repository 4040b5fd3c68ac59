package io.chunkwise.tornado.kernels;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.enums.MMAShape;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.ShortArray;

/**
 * Projections of many rows on tensor cores, which multiply halves and add up floats, for any {@link WeightFormat}: a group of
 * {@link #THREADS} threads computes a tile of {@link #SIDE} rows and as many outputs, each warp 16 rows and 32 outputs of it. A step's
 * inputs go into local memory as {@link SplitRows} left them, and its weights decoded and split likewise: high + low, of
 * {@link #WEIGHT_SCALE} times the weight. A product is high · high + high · low + low · high; the low half of a weight is left out where
 * its format has no more bits than a half. Components of a low-rank update are further inputs, with the up half as their weights.
 *
 * <p>Of exact factors, each product is wrong by at most 3 · 2^-22 of itself: 2^-22 for what splitting leaves of either factor, and as
 * much for low · low. Small factors lose more, since halves end at 2^-24: an input at most 2^-39 of its row's largest, a weight at most
 * 2^-32. Weights, up halves and down halves beyond ±255 become that. Tensor cores add up in floats, but cut off where others round, so
 * that each of three instructions for 16 inputs takes up to 2^-23 off the sum so far: some 10^-5 of it in all for 4,096 inputs.
 *
 * <p>What an instruction adds to is in registers that TornadoVM does not show: it can only be stored in global memory, by
 * {@code mmaStore}. So a group stores its tile there, and reads it back for what is left to do with a sum.
 *
 * <p>In local memory, eight inputs of a row are a line of 16 bytes, as are a step's weights of eight outputs for an input. Instructions
 * load eight such lines at a time, each lane saying where one is: TornadoVM computes that for a layout of its own, whose rows would
 * share banks, so that what it adds for a lane is taken off before. Both arrays are of whole lines: TornadoVM does not align them, and so
 * each begins where a line does, whichever comes first.
 */
final class TensorProjection {
    /** Rows of a tile; outputs, too. */
    static final int SIDE = TileProjection.SIDE;
    static final int THREADS = TileProjection.THREADS;
    private static final int STEP = SplitRows.STEP;
    private static final int LANES = ProjectionKernels.LANES;
    /** Rows, and inputs, of what one instruction multiplies. */
    static final int LONG = 16;
    /** Outputs of what one instruction multiplies; inputs of a line. */
    static final int SHORT = 8;
    /** Bytes of eight halves. */
    private static final int LINE = 16;
    /** Ints of eight halves. */
    private static final int LINE_INTS = 4;
    /** Lines between two eights of inputs: one more than there are rows, so that threads write to different banks. */
    private static final int APART = SIDE + 1;
    /** Bytes between two sixteens of inputs, of rows; and between highs and lows of rows. */
    private static final int NEXT_INPUTS = LONG / SHORT * APART * LINE;
    private static final int LOW_INPUTS = STEP / LONG * NEXT_INPUTS;
    /** Bytes between two eights of outputs, of weights; and between their highs and lows. */
    private static final int NEXT_OUTPUTS = STEP * LINE;
    private static final int LOW_WEIGHTS = SIDE / SHORT * NEXT_OUTPUTS;
    /** Halves between the weights of inputs that are eight apart; and between highs and lows. */
    private static final int NEXT_EIGHT = SHORT * SHORT;
    private static final int LOW = LOW_WEIGHTS / 2;
    /** What weights are multiplied with before they become halves. */
    private static final float WEIGHT_SCALE = 256f;
    private static final float LARGEST_HALF = 65504f;

    private TensorProjection() {
    }

    /**
     * A group of the projections of {@link TensorKernels}.
     *
     * @param stack      1 for a stack, whose adapter's arrays are of the down halves; 0 for weight A alone, and the up halves: a constant,
     *                   as are null arrays
     * @param layerStride elements between two layers, of weight A alone
     */
    static void project(KernelContext context, IntArray control, IntArray split, FloatArray factors, int format, int mantissaBits,
            FloatArray floatsA, ShortArray halvesA, HalfFloatArray nativesA, IntArray quantsA, FloatArray floatsB, ShortArray halvesB,
            HalfFloatArray nativesB, IntArray quantsB, FloatArray floatsC, ShortArray halvesC, HalfFloatArray nativesC, IntArray quantsC,
            FloatArray gains, IntArray adapter, IntArray codes, FloatArray components, FloatArray sums, FloatArray out, FloatArray hidden,
            int stack, int inputs, int outputsA, int outputsB, int weights, int layerStride, int accumulate, int site) {
        int rows = control.get(Control.ROWS);
        int thread = context.localIdx;
        int index = context.groupIdx;
        int rowTiles = (LowRankKernels.rowsDivisor(control) + SIDE - 1) / SIDE;
        int chunk = index / rowTiles;
        int firstRow = (index - chunk * rowTiles) * SIDE;
        int first = chunk * SIDE;
        int width = LowRankKernels.unknown(control, outputsA);
        int end = width;
        int layerA = control.get(Control.LAYER) * layerStride;
        int layerB = 0;
        if (stack > 0) {
            width = outputsA + (weights - 1) * outputsB;
            end = LowRankKernels.stacked(control, outputsA, outputsB, weights);
            layerA = control.get(Control.LAYER) * outputsA * inputs;
            layerB = control.get(Control.LAYER) * outputsB * inputs;
        }
        if (first >= end) {
            return;
        }
        if (rows < 1) {
            return;
        }
        int base = SplitRows.wholeSteps(inputs);
        int depth = SplitRows.depth(control, inputs, site);
        int padded = (end + SIDE - 1) / SIDE * SIDE;
        int warp = thread / LANES;
        int lane = thread - warp * LANES;
        int[] left = context.allocateIntLocalArray(2 * LOW_INPUTS / LINE * LINE_INTS);
        HalfFloat[] right = context.allocateHalfFloatLocalArray(2 * LOW);
        // A warp copies a row at a time, an int each lane.
        int copied = (firstRow + warp) * depth + lane;
        int kept = (lane / LINE_INTS * APART + warp) * LINE_INTS + (lane & (LINE_INTS - 1));
        // It decodes the weights of eight outputs: a lane has two, and of each the inputs j, j + 8, j + 16 and j + 24. Of every other
        // eight, neighbours change places: so the instruction reads them that is made for an array of halves.
        int pair = lane / SHORT;
        int j = lane - pair * SHORT;
        int even = (warp * STEP + j) * SHORT + 2 * pair;
        int odd = (warp * STEP + SHORT + j + 1 - 2 * (j & 1)) * SHORT + 2 * pair;
        int tileRow = warp / 2 * LONG;
        int tileOutput = (warp & 1) * (SIDE / 2);
        int l = lane / LONG * (APART - 1) * LINE + (tileRow - (lane & (LONG - 1))) * LINE;
        int r = tileOutput / SHORT * NEXT_OUTPUTS;
        float[] a = context.mmaFragment(0f);
        float[] b = context.mmaFragment(0f);
        float[] c = context.mmaFragment(0f);
        float[] d = context.mmaFragment(0f);
        for (int t = 0; t < depth; t += STEP) {
            for (int i = 0; i < SIDE; i += SHORT) {
                left[kept + i * LINE_INTS] = split.get(copied + i * depth + t);
            }
            int last = inputs - 1 - t;
            int i0 = TornadoMath.min(j, last);
            int i1 = TornadoMath.min(j + SHORT, last);
            int i2 = TornadoMath.min(j + 2 * SHORT, last);
            int i3 = TornadoMath.min(j + 3 * SHORT, last);
            int lows = lows(format, t, base, first, width);
            for (int i = 0; i < 2; i++) {
                int s = TornadoMath.min(first + warp * SHORT + 2 * pair + i, end - 1);
                int inB = s - outputsA;
                int inC = inB - outputsB;
                int atA = layerA + s * inputs + t;
                int atB = layerB + inB * inputs + t;
                int atC = layerB + inC * inputs + t;
                int code = 0;
                float scale = 0f;
                float w0 = 0f;
                float w1 = 0f;
                float w2 = 0f;
                float w3 = 0f;
                // The same for each weight: TornadoVM knows no array that depends on a condition, nor a vector that does.
                int beyondA = inB;
                if (stack == 0) {
                    beyondA = t - base;
                }
                if (beyondA < 0) {
                    code = WeightFormat.codeOfFour(format, quantsA, atA, j);
                    scale = WeightFormat.scaleOfFour(format, floatsA, atA);
                    w0 = WeightFormat.ofFour(format, floatsA, halvesA, nativesA, mantissaBits, atA, i0);
                    w1 = WeightFormat.ofFour(format, floatsA, halvesA, nativesA, mantissaBits, atA, i1);
                    w2 = WeightFormat.ofFour(format, floatsA, halvesA, nativesA, mantissaBits, atA, i2);
                    w3 = WeightFormat.ofFour(format, floatsA, halvesA, nativesA, mantissaBits, atA, i3);
                }
                if (stack > 0) {
                    if (LaneDots.within(inB, outputsB, 1) > 0) {
                        code = WeightFormat.codeOfFour(format, quantsB, atB, j);
                        scale = WeightFormat.scaleOfFour(format, floatsB, atB);
                        w0 = WeightFormat.ofFour(format, floatsB, halvesB, nativesB, mantissaBits, atB, i0);
                        w1 = WeightFormat.ofFour(format, floatsB, halvesB, nativesB, mantissaBits, atB, i1);
                        w2 = WeightFormat.ofFour(format, floatsB, halvesB, nativesB, mantissaBits, atB, i2);
                        w3 = WeightFormat.ofFour(format, floatsB, halvesB, nativesB, mantissaBits, atB, i3);
                    }
                    if (LaneDots.within(inC, width - outputsA - outputsB, 1) > 0) {
                        code = WeightFormat.codeOfFour(format, quantsC, atC, j);
                        scale = WeightFormat.scaleOfFour(format, floatsC, atC);
                        w0 = WeightFormat.ofFour(format, floatsC, halvesC, nativesC, mantissaBits, atC, i0);
                        w1 = WeightFormat.ofFour(format, floatsC, halvesC, nativesC, mantissaBits, atC, i1);
                        w2 = WeightFormat.ofFour(format, floatsC, halvesC, nativesC, mantissaBits, atC, i2);
                        w3 = WeightFormat.ofFour(format, floatsC, halvesC, nativesC, mantissaBits, atC, i3);
                    }
                }
                w0 = WeightFormat.decodedOfFour(format, code, scale, j, 0, w0);
                w1 = WeightFormat.decodedOfFour(format, code, scale, j, 8, w1);
                w2 = WeightFormat.decodedOfFour(format, code, scale, j, 16, w2);
                w3 = WeightFormat.decodedOfFour(format, code, scale, j, 24, w3);
                if (stack > 0) {
                    if (s >= width) {
                        w0 = TileProjection.down(control, adapter, codes, components, weights, s - width, inputs, t + i0);
                        w1 = TileProjection.down(control, adapter, codes, components, weights, s - width, inputs, t + i1);
                        w2 = TileProjection.down(control, adapter, codes, components, weights, s - width, inputs, t + i2);
                        w3 = TileProjection.down(control, adapter, codes, components, weights, s - width, inputs, t + i3);
                    }
                } else {
                    if (t >= base) {
                        w0 = TileProjection.up(control, adapter, codes, components, site, s, t - base + j);
                        w1 = TileProjection.up(control, adapter, codes, components, site, s, t - base + j + SHORT);
                        w2 = TileProjection.up(control, adapter, codes, components, site, s, t - base + j + 2 * SHORT);
                        w3 = TileProjection.up(control, adapter, codes, components, site, s, t - base + j + 3 * SHORT);
                    }
                }
                w0 = scaled(w0);
                w1 = scaled(w1);
                w2 = scaled(w2);
                w3 = scaled(w3);
                float h0 = SplitRows.high(w0);
                float h1 = SplitRows.high(w1);
                float h2 = SplitRows.high(w2);
                float h3 = SplitRows.high(w3);
                right[even + i] = new HalfFloat(h0);
                right[odd + i] = new HalfFloat(h1);
                right[even + i + 2 * NEXT_EIGHT] = new HalfFloat(h2);
                right[odd + i + 2 * NEXT_EIGHT] = new HalfFloat(h3);
                if (lows > 0) {
                    // Values of their own, of which TornadoVM makes halves; of sums it does not.
                    float l0 = w0 - h0;
                    float l1 = w1 - h1;
                    float l2 = w2 - h2;
                    float l3 = w3 - h3;
                    right[even + i + LOW] = new HalfFloat(l0);
                    right[odd + i + LOW] = new HalfFloat(l1);
                    right[even + i + LOW + 2 * NEXT_EIGHT] = new HalfFloat(l2);
                    right[odd + i + LOW + 2 * NEXT_EIGHT] = new HalfFloat(l3);
                }
            }
            context.localBarrier();
            for (int i = 0; i < STEP / LONG; i++) {
                int x = l + i * NEXT_INPUTS;
                int w = r + i * LONG * LINE;
                HalfFloat[] high = context.mmaLoadA(left, LONG, x);
                HalfFloat[] low = context.mmaLoadA(left, LONG, x + LOW_INPUTS);
                HalfFloat[] weightsA = context.mmaLoadBSwizzled(right, LONG, w);
                HalfFloat[] weightsB = context.mmaLoadBSwizzled(right, LONG, w + NEXT_OUTPUTS);
                HalfFloat[] weightsC = context.mmaLoadBSwizzled(right, LONG, w + 2 * NEXT_OUTPUTS);
                HalfFloat[] weightsD = context.mmaLoadBSwizzled(right, LONG, w + 3 * NEXT_OUTPUTS);
                a = context.mma(low, weightsA, a, MMAShape.M16N8K16);
                b = context.mma(low, weightsB, b, MMAShape.M16N8K16);
                c = context.mma(low, weightsC, c, MMAShape.M16N8K16);
                d = context.mma(low, weightsD, d, MMAShape.M16N8K16);
                // Between two products that are made always: TornadoVM loses sums whose branch is joined with one that has none of its own.
                if (lows > 0) {
                    HalfFloat[] lowsA = context.mmaLoadBSwizzled(right, LONG, w + LOW_WEIGHTS);
                    HalfFloat[] lowsB = context.mmaLoadBSwizzled(right, LONG, w + LOW_WEIGHTS + NEXT_OUTPUTS);
                    HalfFloat[] lowsC = context.mmaLoadBSwizzled(right, LONG, w + LOW_WEIGHTS + 2 * NEXT_OUTPUTS);
                    HalfFloat[] lowsD = context.mmaLoadBSwizzled(right, LONG, w + LOW_WEIGHTS + 3 * NEXT_OUTPUTS);
                    a = context.mma(high, lowsA, a, MMAShape.M16N8K16);
                    b = context.mma(high, lowsB, b, MMAShape.M16N8K16);
                    c = context.mma(high, lowsC, c, MMAShape.M16N8K16);
                    d = context.mma(high, lowsD, d, MMAShape.M16N8K16);
                }
                a = context.mma(high, weightsA, a, MMAShape.M16N8K16);
                b = context.mma(high, weightsB, b, MMAShape.M16N8K16);
                c = context.mma(high, weightsC, c, MMAShape.M16N8K16);
                d = context.mma(high, weightsD, d, MMAShape.M16N8K16);
            }
            context.localBarrier();
        }
        context.mmaStore(a, sums, firstRow + tileRow, first + tileOutput, padded);
        context.mmaStore(b, sums, firstRow + tileRow, first + tileOutput + SHORT, padded);
        context.mmaStore(c, sums, firstRow + tileRow, first + tileOutput + 2 * SHORT, padded);
        context.mmaStore(d, sums, firstRow + tileRow, first + tileOutput + 3 * SHORT, padded);
        context.localBarrier();
        int count = LowRankKernels.unknown(control, SIDE * SIDE);
        for (int i = thread; i < count; i += THREADS) {
            int row = firstRow + i / SIDE;
            int s = first + i - i / SIDE * SIDE;
            float sum = sums.get(row * padded + s) * (factors.get(row) * (1f / WEIGHT_SCALE));
            if (stack > 0) {
                TileProjection.storeOfStack(sum, control, gains, adapter, out, hidden, row, rows, s, width, end, weights);
            } else {
                TileProjection.store(sum, out, row, rows, s, end, accumulate);
            }
        }
    }

    /** The warp of {@link TensorKernels#multiplyHalves}. */
    static void multiply(KernelContext context, IntArray left, FloatArray right, FloatArray sums) {
        int lane = context.localIdx;
        int[] rows = context.allocateIntLocalArray(LONG * LONG / 2);
        HalfFloat[] weights = context.allocateHalfFloatLocalArray(LONG * SHORT);
        float[] a = context.mmaFragment(0f);
        for (int i = lane; i < LONG * SHORT; i += LANES) {
            rows[i] = left.get(i);
            // Of the second eight inputs, neighbours change places.
            int k = i / SHORT;
            int apart = k / SHORT * (1 - 2 * (k & 1)) * SHORT;
            weights[i + apart] = new HalfFloat(right.get(i));
        }
        context.localBarrier();
        HalfFloat[] first = context.mmaLoadA(rows, LONG);
        HalfFloat[] second = context.mmaLoadBSwizzled(weights, LONG);
        a = context.mma(first, second, a, MMAShape.M16N8K16);
        context.mmaStore(a, sums, 0, 0, SHORT);
    }

    /** 1 if a step's weights have low halves; 0 if they have no more bits than a half, as those of the base in 16 bits. */
    private static int lows(int format, int t, int base, int first, int width) {
        int lows = 1;
        if (WeightFormat.isHalf(format)) {
            lows = 0;
            if (t >= base) {
                lows = 1;
            }
            if (first + SIDE > width) {
                lows = 1;
            }
        }
        return lows;
    }

    private static float scaled(float weight) {
        return TornadoMath.max(TornadoMath.min(weight * WEIGHT_SCALE, LARGEST_HALF), -LARGEST_HALF);
    }
}
