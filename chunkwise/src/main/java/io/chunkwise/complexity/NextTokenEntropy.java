package io.chunkwise.complexity;

/**
 * How uncertain the model was of late: mean of H(p) / ln(vocabulary) over the last finished block of {@code lag} positions, where p is the
 * distribution after a row, H(p) = −Σ p ln p.
 *
 * <p>Range [0, 1]; 1 is a uniform distribution. Cost: one addition a row here; in the executor one more reduction over logits that are
 * computed anyway in decode, but the output projection of every row in prefill.
 *
 * <p>Knows at position t: the block before that of t, whose last row is 1 to lag rows back and whose first is lag − 1 rows further;
 * {@code initial} in the first block. With lag 1 it is the entropy of the distribution that token t was drawn from.
 */
final class NextTokenEntropy implements Signal {
    private final BlockMean mean;

    NextTokenEntropy(int lag, double initial) {
        mean = new BlockMean(lag, initial);
    }

    @Override
    public float before(int position, int token) {
        return mean.value();
    }

    @Override
    public void after(int position, float nextTokenEntropy, float attentionEntropy) {
        mean.add(position, nextTokenEntropy);
    }

    @Override
    public void reset() {
        mean.reset();
    }
}
