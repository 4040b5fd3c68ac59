package io.chunkwise.complexity;

/**
 * How widely the model looks around: mean of the entropy of the attention weights of one layer in the middle, over ln(positions attended
 * to) and averaged over heads, over the last finished block of {@code lag} positions.
 *
 * <p>Range [0, 1]; 1 is even attention to everything before, 0 is attention to one position. Cost: one addition a row here; in the executor
 * one pass over the attention weights of one layer.
 *
 * <p>Knows at position t: rows before the block of t, as {@link NextTokenEntropy}; {@code initial} in the first block. Deviation: the paper
 * has head statistics of the layer before, per layer; adapters are applied in all layers of a pass at once, so that one layer of
 * earlier rows has to do.
 */
final class AttentionEntropy implements Signal {
    private final BlockMean mean;

    AttentionEntropy(int lag, double initial) {
        mean = new BlockMean(lag, initial);
    }

    @Override
    public float before(int position, int token) {
        return mean.value();
    }

    @Override
    public void after(int position, float nextTokenEntropy, float attentionEntropy) {
        mean.add(position, attentionEntropy);
    }

    @Override
    public void reset() {
        mean.reset();
    }
}
