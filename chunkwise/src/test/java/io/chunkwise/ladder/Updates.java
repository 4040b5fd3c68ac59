package io.chunkwise.ladder;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.model.adapter.LowRankPair;
import java.util.Random;

/** Obvious dense arithmetic on updates: the oracle of this package's tests. */
final class Updates {

    private Updates() {
    }

    /** A pair of seeded Gaussians. */
    static LowRankPair random(long seed, int rank, int inputs, int outputs) {
        Random random = new Random(seed);
        return new LowRankPair(rank, inputs, outputs, gaussians(random, rank * inputs), gaussians(random, outputs * rank));
    }

    /** The first {@code components} components' sum, [outputs, inputs]. */
    static double[] product(LowRankPair pair, int components) {
        double[] out = new double[pair.outputs() * pair.inputs()];
        for (int o = 0; o < pair.outputs(); o++) {
            for (int k = 0; k < components; k++) {
                for (int i = 0; i < pair.inputs(); i++) {
                    out[o * pair.inputs() + i] += (double) pair.up()[o * pair.rank() + k] * pair.down()[k * pair.inputs() + i];
                }
            }
        }
        return out;
    }

    static double distance(double[] a, double[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += (a[i] - b[i]) * (a[i] - b[i]);
        }
        return Math.sqrt(sum);
    }

    static double norm(double[] a) {
        return distance(a, new double[a.length]);
    }

    /** Every element within {@code relative} of the largest expected one; says the worst index and both values. */
    static void assertClose(String what, double[] expected, double[] actual, double relative) {
        double largest = 0;
        int worst = 0;
        for (int i = 0; i < expected.length; i++) {
            largest = Math.max(largest, Math.abs(expected[i]));
            worst = Math.abs(expected[i] - actual[i]) > Math.abs(expected[worst] - actual[worst]) ? i : worst;
        }
        double tolerance = relative * largest;
        assertTrue(Math.abs(expected[worst] - actual[worst]) <= tolerance,
                what + " differs most at " + worst + ": expected " + expected[worst] + ", got " + actual[worst] + ", tolerance "
                        + tolerance);
    }

    private static float[] gaussians(Random random, int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }
}
