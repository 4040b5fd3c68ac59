package io.chunkwise.complexity;

/**
 * The mean of a statistic over the last finished block of {@code lag} aligned positions. It changes at multiples of {@code lag} only, so
 * that a prefill pass of a whole block and single rows of decode know the same.
 */
final class BlockMean {
    private final int lag;
    private final float initial;
    private double sum;
    private float mean;

    /** @param initial the mean before the first block has ended */
    BlockMean(int lag, double initial) {
        this.lag = lag;
        this.initial = (float) initial;
        reset();
    }

    float value() {
        return mean;
    }

    void add(int position, float value) {
        sum += value;
        if ((position + 1) % lag == 0) {
            mean = (float) (sum / lag);
            sum = 0;
        }
    }

    void reset() {
        sum = 0;
        mean = initial;
    }
}
