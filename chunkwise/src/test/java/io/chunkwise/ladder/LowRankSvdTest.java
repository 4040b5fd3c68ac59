package io.chunkwise.ladder;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.chunkwise.model.adapter.LowRankPair;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LowRankSvdTest {

    @ParameterizedTest
    @CsvSource({"1,1,1", "1,17,33", "3,1,5", "3,5,1", "4,4,4", "8,64,64", "8,172,64", "7,5,33", "7,33,5", "9,3,4", "32,100,33",
        "33,17,100"})
    void fullRankEqualsThePlainPair(int rank, int inputs, int outputs) {
        LowRankPair plain = Updates.random(11, rank, inputs, outputs);
        LadderSite site = LowRankSvd.decompose("a site", plain);
        assertEquals(Math.min(rank, Math.min(inputs, outputs)), site.pair().rank());
        Updates.assertClose("update of rank " + rank + " on [" + outputs + ", " + inputs + "]",
                Updates.product(plain, rank), Updates.product(site.pair(), site.pair().rank()), 1e-5);
    }

    @ParameterizedTest
    @CsvSource({"5,17,33", "8,64,64", "7,5,33", "33,17,100"})
    void theErrorOfATruncationIsTheEnergyOfItsTailAndFallsWithEveryComponent(int rank, int inputs, int outputs) {
        LowRankPair plain = Updates.random(5, rank, inputs, outputs);
        LadderSite site = LowRankSvd.decompose("a site", plain);
        double[] full = Updates.product(plain, rank);
        double before = Double.POSITIVE_INFINITY;
        for (int kept = 0; kept <= site.pair().rank(); kept++) {
            double error = Updates.distance(full, Updates.product(site.pair(), kept));
            double tail = 0;
            for (int k = kept; k < site.sigmas().length; k++) {
                tail += (double) site.sigmas()[k] * site.sigmas()[k];
            }
            assertEquals(Math.sqrt(tail), error, 1e-5 * Updates.norm(full), kept + " components kept");
            assertTrue(error < before, kept + " components leave " + error + ", one fewer " + before);
            before = error;
        }
    }

    @ParameterizedTest
    @CsvSource({"1,17,33", "8,64,33", "7,5,33", "33,17,100"})
    void singularVectorsAreOrthogonal(int rank, int inputs, int outputs) {
        LadderSite site = LowRankSvd.decompose("a site", Updates.random(3, rank, inputs, outputs));
        LowRankPair pair = site.pair();
        for (int a = 0; a < pair.rank(); a++) {
            for (int b = 0; b < pair.rank(); b++) {
                double left = 0;
                for (int o = 0; o < outputs; o++) {
                    left += (double) pair.up()[o * pair.rank() + a] * pair.up()[o * pair.rank() + b];
                }
                double right = 0;
                for (int i = 0; i < inputs; i++) {
                    right += (double) pair.down()[a * inputs + i] * pair.down()[b * inputs + i];
                }
                double expected = a == b ? site.sigmas()[a] : 0;
                assertEquals(expected, left, 1e-5 * site.sigmas()[0], "left vectors " + a + " and " + b);
                assertEquals(expected, right, 1e-5 * site.sigmas()[0], "right vectors " + a + " and " + b);
            }
        }
    }

    @Test
    void anUpdateOfLowerRankThanItsFactorsKeepsItsProduct() {
        LowRankPair random = Updates.random(7, 6, 20, 30);
        float[] down = random.down().clone();
        float[] up = random.up().clone();
        System.arraycopy(down, 0, down, 3 * 20, 20); // row 3 duplicates row 0
        for (int o = 0; o < 30; o++) {
            up[o * 6 + 1] = 0; // column 1 is zero
        }
        LowRankPair deficient = new LowRankPair(6, 20, 30, down, up);
        LadderSite site = LowRankSvd.decompose("a site", deficient);
        Updates.assertClose("a deficient update", Updates.product(deficient, 6), Updates.product(site.pair(), 6), 1e-5);
        assertTrue(site.sigmas()[3] > 1, "four components have weight: " + site.sigmas()[3]);
        assertEquals(0, site.sigmas()[4], 1e-6 * site.sigmas()[0]);
        assertEquals(0, site.sigmas()[5], 1e-6 * site.sigmas()[0]);
        double error = Updates.distance(Updates.product(deficient, 6), Updates.product(site.pair(), 4));
        assertEquals(0, error, 1e-5 * site.sigmas()[0], "four components are the whole update");
    }

    @Test
    void aZeroUpdateHasOnlyZeroComponents() {
        LowRankPair zero = new LowRankPair(3, 8, 9, Updates.random(1, 3, 8, 9).down(), new float[27]);
        LadderSite site = LowRankSvd.decompose("a site", zero);
        assertEquals(0, Updates.norm(Updates.product(site.pair(), 3)));
        assertEquals(0, site.sigmas()[0]);
        for (double share : site.cumulativeEnergy()) {
            assertEquals(1, share);
        }
    }

    @Test
    void knownSingularValuesAreFound() {
        // up = diag(3, 0.5, 2), down = identity: the singular values are the diagonal, sorted.
        LowRankPair diagonal = new LowRankPair(3, 3, 3, new float[] {1, 0, 0, 0, 1, 0, 0, 0, 1}, new float[] {3, 0, 0, 0, .5f, 0, 0, 0, 2});
        LadderSite site = LowRankSvd.decompose("a site", diagonal);
        assertEquals(3, site.sigmas()[0], 1e-6);
        assertEquals(2, site.sigmas()[1], 1e-6);
        assertEquals(.5, site.sigmas()[2], 1e-6);
        assertEquals(9 / 13.25, site.cumulativeEnergy()[0], 1e-6);
        assertEquals(1, site.cumulativeEnergy()[2]);
    }

    @ParameterizedTest
    @CsvSource({"NaN", "Infinity", "-Infinity"})
    void valuesThatAreNotNumbersAreRefused(float value) {
        LowRankPair plain = Updates.random(1, 2, 3, 4);
        plain.up()[5] = value;
        String message = assertThrows(IllegalArgumentException.class, () -> LowRankSvd.decompose("layer 3 KEY", plain)).getMessage();
        assertTrue(message.contains("layer 3 KEY") && message.contains(String.valueOf(value)), message);
    }

    @Test
    void anUpdateBeyondFloatIsRefused() {
        float[] huge = {Float.MAX_VALUE, 1};
        String message = assertThrows(IllegalArgumentException.class,
                () -> LowRankSvd.decompose("layer 0 UP", new LowRankPair(1, 2, 2, huge, huge))).getMessage();
        assertTrue(message.contains("too large"), message);
    }
}
