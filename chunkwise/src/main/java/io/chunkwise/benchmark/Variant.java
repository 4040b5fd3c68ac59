package io.chunkwise.benchmark;

import java.util.ArrayList;
import java.util.List;

/**
 * The adapter of a measurement.
 *
 * @param rank of a random adapter on all seven projections; 0 for none
 * @param mode {@link LoraMode#NONE} exactly for rank 0
 */
public record Variant(int rank, LoraMode mode) {
    public static final Variant BASE = new Variant(0, LoraMode.NONE);

    public Variant {
        if (rank < 0) {
            throw new IllegalArgumentException("rank " + rank + " is too small; expected 0 (no adapter) or more");
        }
        if ((rank == 0) != (mode == LoraMode.NONE)) {
            throw new IllegalArgumentException("rank " + rank + " with LoRA mode " + mode.word());
        }
    }

    /** Every rank in every mode; rank 0, which has none, once. */
    public static List<Variant> matrix(List<Integer> ranks, List<LoraMode> modes) {
        List<Variant> variants = new ArrayList<>();
        for (int rank : ranks) {
            for (LoraMode mode : rank == 0 ? List.of(LoraMode.NONE) : modes) {
                variants.add(new Variant(rank, mode));
            }
        }
        return variants.stream().distinct().toList();
    }
}
