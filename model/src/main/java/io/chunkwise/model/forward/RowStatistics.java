package io.chunkwise.model.forward;

/**
 * How certain the model was, row by row: a few floats, reduced where logits and attention were computed.
 *
 * @param nextTokenEntropy [rows] entropy of the next-token distribution over ln(vocabulary), in [0, 1]
 * @param attentionEntropy [rows] entropy of the attention weights in {@link LlamaForward#probeLayer()} over ln(positions attended
 *                         to), mean over heads, in [0, 1]; 0 where a row attends to one position only
 */
public record RowStatistics(float[] nextTokenEntropy, float[] attentionEntropy) {
    /** Of no rows. */
    public static final RowStatistics NONE = new RowStatistics(new float[0], new float[0]);

    public RowStatistics {
        if (nextTokenEntropy.length != attentionEntropy.length) {
            throw new IllegalArgumentException(nextTokenEntropy.length + " next-token and " + attentionEntropy.length
                    + " attention entropies");
        }
    }

    public int rows() {
        return nextTokenEntropy.length;
    }
}
