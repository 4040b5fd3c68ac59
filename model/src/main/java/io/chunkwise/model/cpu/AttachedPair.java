package io.chunkwise.model.cpu;

import io.chunkwise.model.adapter.LowRankPair;

/**
 * A low-rank pair as the kernels want it.
 *
 * @param down [rank, inputs] viewed
 * @param up   [rank, outputs], transposed copy: neighbours in memory are neighbouring outputs
 */
record AttachedPair(int rank, int inputs, int outputs, float[] down, float[] up, int[] groupEnd) {

    static AttachedPair of(LowRankPair pair) {
        float[] up = new float[pair.up().length];
        for (int o = 0; o < pair.outputs(); o++) {
            for (int k = 0; k < pair.rank(); k++) {
                up[k * pair.outputs() + o] = pair.up()[o * pair.rank() + k];
            }
        }
        return new AttachedPair(pair.rank(), pair.inputs(), pair.outputs(), pair.down(), up, pair.groupEnd());
    }

    TileProjection.WeightRows downRows() {
        return (component, first, count, out, at) -> System.arraycopy(down, component * inputs + first, out, at, count);
    }

    long bytes() {
        return 4L * (down.length + up.length);
    }

    /** Leading components that rows with the given number of leading active groups use. */
    int activeRank(int activeGroups) {
        return activeGroups == 0 ? 0 : groupEnd[activeGroups - 1];
    }
}
