package io.chunkwise.ladder;

import io.chunkwise.model.adapter.LowRankPair;

/**
 * One site of a ladder.
 *
 * @param sigmas [rank] singular values of the scaled update, descending
 * @param pair   component k is the k-th pair of singular vectors, each times √σ_k; one component group
 */
public record LadderSite(float[] sigmas, LowRankPair pair) {

    public LadderSite {
        if (sigmas.length != pair.rank()) {
            throw new IllegalArgumentException(sigmas.length + " singular values for the rank " + pair.rank());
        }
        float before = Float.POSITIVE_INFINITY;
        for (float sigma : sigmas) {
            if (!(sigma >= 0 && sigma <= before && sigma < Float.POSITIVE_INFINITY)) {
                throw new IllegalArgumentException("singular value " + sigma + " after " + before + ", expected a descending sequence");
            }
            before = sigma;
        }
    }

    /** Leading components that a rung has on here. */
    public int components(Rung rung) {
        return switch (rung) {
            case Rung.Uniform(int rank) -> Math.min(rank, sigmas.length);
            case Rung.Threshold(float least) -> {
                int count = 0;
                while (count < sigmas.length && sigmas[count] >= least) {
                    count++;
                }
                yield count;
            }
        };
    }

    /**
     * The share of the update's energy (squared Frobenius norm) in its leading components.
     *
     * @return [rank] ascending to 1; element k is for k + 1 components. All 1 where the update is zero.
     */
    public double[] cumulativeEnergy() {
        double[] energy = new double[sigmas.length];
        double sum = 0;
        for (int k = 0; k < energy.length; k++) {
            sum += (double) sigmas[k] * sigmas[k];
            energy[k] = sum;
        }
        for (int k = 0; k < energy.length; k++) {
            energy[k] = sum == 0 ? 1 : energy[k] / sum;
        }
        return energy;
    }
}
