package io.chunkwise.complexity;

/**
 * How early the position is: exp(−position / τ). Everything that is read later attends to the start of a sequence.
 *
 * <p>Range (0, 1], 1 at the start. Cost: one exponential. Known for position t itself.
 */
final class PositionalPrior implements Signal {
    private final double tau;

    /** @param tau positions after which it has fallen to 1/e */
    PositionalPrior(double tau) {
        this.tau = tau;
    }

    @Override
    public float before(int position, int token) {
        return (float) Math.exp(-position / tau);
    }

    @Override
    public void after(int position, float nextTokenEntropy, float attentionEntropy) {
        // needs no statistics
    }

    @Override
    public void reset() {
        // has no memory
    }
}
