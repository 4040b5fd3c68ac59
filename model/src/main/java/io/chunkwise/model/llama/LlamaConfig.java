package io.chunkwise.model.llama;

import java.util.Set;

/**
 * The blueprint of a model: every size that the forward pass needs.
 *
 * @param hiddenSize    width of the residual stream
 * @param heads         query heads
 * @param kvHeads       key/value heads; divides {@code heads} (grouped-query attention)
 * @param headDim       width of one head; even. {@code heads * headDim} need not be {@code hiddenSize}
 * @param ffnSize       width of gate and up
 * @param contextLength positions that the model was made for
 * @param ropeBase      theta of the rotary embedding
 * @param slidingWindow a position attends to this many latest positions, itself included; 0: to all
 * @param biasedQkv     query, key and value projections have a bias
 * @param tiedOutput    the output projection is the embedding matrix
 * @param bosId         begin-of-text token, or -1
 * @param eosIds        tokens that end generation
 */
public record LlamaConfig(
        LlamaArchitecture architecture, int hiddenSize, int layers, int heads, int kvHeads, int headDim, int ffnSize,
        int vocabSize, int contextLength, float normEpsilon, float ropeBase, RopeScaling ropeScaling,
        RotaryPairing rotaryPairing, int slidingWindow, boolean biasedQkv, boolean tiedOutput,
        int bosId, Set<Integer> eosIds) {

    private static final int MOST_LAYERS = 1 << 16; // far beyond any model: a damaged file must not make us count on

    public LlamaConfig {
        eosIds = Set.copyOf(eosIds);
        positive("hidden size", hiddenSize);
        positive("layer count", layers);
        positive("head count", heads);
        positive("key/value head count", kvHeads);
        positive("head dimension", headDim);
        positive("feed-forward size", ffnSize);
        positive("vocabulary size", vocabSize);
        positive("context length", contextLength);
        require(layers <= MOST_LAYERS, "layer count is " + layers + ", expected at most " + MOST_LAYERS);
        require(heads % kvHeads == 0, "head count " + heads + " is not a multiple of the key/value head count " + kvHeads);
        require((long) heads * headDim <= Integer.MAX_VALUE, heads + " heads of " + headDim + " elements are too many");
        require(headDim % 2 == 0, "head dimension " + headDim + " is odd; rotary embedding needs pairs");
        require(normEpsilon > 0 && normEpsilon < 1, "norm epsilon " + normEpsilon + " is not in (0, 1)");
        require(ropeBase > 0 && Float.isFinite(ropeBase), "rope theta " + ropeBase + " is not a positive number");
        require(slidingWindow >= 0, "sliding window " + slidingWindow + " is negative");
    }

    /** Width of the query projection. */
    public int queryDim() {
        return heads * headDim;
    }

    /** Width of the key and of the value projection. */
    public int kvDim() {
        return kvHeads * headDim;
    }

    private static void positive(String what, int value) {
        require(value > 0, what + " is " + value + ", expected a positive number");
    }

    private static void require(boolean condition, String problem) {
        if (!condition) {
            throw new IllegalArgumentException(problem);
        }
    }
}
