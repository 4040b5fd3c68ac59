package io.chunkwise.model.adapter;

/**
 * The low-rank update of one site as a sum of components: ΔW = Σ_k up[:, k] · down[k, :], with the adapter's scale
 * already in it (see {@link Adapter#scale}). Component k is row k of {@code down} with column k of {@code up}.
 *
 * <p>Components come in consecutive <em>groups</em>: group g is {@code [groupEnd[g - 1], groupEnd[g])}, possibly empty.
 * All components of a group have the same gain in a row, so a row's gain vector is as short as the number of groups. A
 * plain adapter is one group; a rank ladder has one group per rung.
 *
 * @param inputs   width of the projection's input
 * @param outputs  width of the projection's output
 * @param down     [rank, inputs] row-major; A of the adapter
 * @param up       [outputs, rank] row-major; B of the adapter, times the scale
 * @param groupEnd [groups] ascending, the last one is {@code rank}
 */
public record LowRankPair(int rank, int inputs, int outputs, float[] down, float[] up, int[] groupEnd) {

    public LowRankPair {
        if (rank < 1 || down.length != (long) rank * inputs || up.length != (long) outputs * rank) {
            throw new IllegalArgumentException("rank " + rank + " with [" + outputs + ", " + inputs + "] does not fit down of "
                    + down.length + " and up of " + up.length + " values");
        }
        int before = 0;
        for (int end : groupEnd) {
            if (end < before || end > rank) {
                throw new IllegalArgumentException("group ends do not ascend to the rank " + rank);
            }
            before = end;
        }
        if (before != rank) {
            throw new IllegalArgumentException("the last group ends at " + before + ", expected the rank " + rank);
        }
    }

    /** All components in one group. */
    public LowRankPair(int rank, int inputs, int outputs, float[] down, float[] up) {
        this(rank, inputs, outputs, down, up, new int[] {rank});
    }

    /** Leading components that a row with the given number of leading active groups uses. */
    public int activeRank(int activeGroups) {
        return activeGroups == 0 ? 0 : groupEnd[activeGroups - 1];
    }
}
