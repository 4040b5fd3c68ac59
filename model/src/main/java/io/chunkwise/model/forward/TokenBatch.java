package io.chunkwise.model.forward;

import java.util.Arrays;

/**
 * The rows of one pass: consecutive tokens of one sequence, and the gains that an adapter's component groups have in
 * each of them. Arrays are viewed, not copied; nobody changes them during the pass.
 *
 * <p>A pass at {@code position} stores keys and values at positions {@code [position, position + rows)} and attends to
 * everything before; whatever the cache held from {@code position} on is forgotten. So {@code position == 0} starts a
 * new sequence, and going back to an earlier position rewinds.
 *
 * @param tokens   [rows] token ids
 * @param position position of the first row
 * @param groups   component groups of the attached adapter, 0 without one
 * @param gain     [rows, groups] gain of each group in each row; 0 switches a group off
 */
public record TokenBatch(int[] tokens, int position, int groups, float[] gain) {

    public TokenBatch {
        if (tokens.length == 0) {
            throw new IllegalArgumentException("a pass needs at least one token");
        }
        if (position < 0) {
            throw new IllegalArgumentException("position " + position + " is negative");
        }
        if (gain.length != tokens.length * groups) {
            throw new IllegalArgumentException(
                    "gain has " + gain.length + " values, expected rows " + tokens.length + " x groups " + groups);
        }
    }

    /** Rows that all have the same gains, [groups]. */
    public static TokenBatch uniform(int[] tokens, int position, float[] groupGain) {
        float[] gain = new float[tokens.length * groupGain.length];
        for (int row = 0; row < tokens.length; row++) {
            System.arraycopy(groupGain, 0, gain, row * groupGain.length, groupGain.length);
        }
        return new TokenBatch(tokens, position, groupGain.length, gain);
    }

    public int rows() {
        return tokens.length;
    }

    /** Leading groups that a row needs: one past its last group with a gain other than 0. */
    public int activeGroups(int row) {
        int active = groups;
        while (active > 0 && gain[row * groups + active - 1] == 0) {
            active--;
        }
        return active;
    }

    /** Leading groups that any row needs. */
    public int activeGroups() {
        int active = 0;
        for (int row = 0; row < rows(); row++) {
            active = Math.max(active, activeGroups(row));
        }
        return active;
    }

    @Override
    public String toString() {
        return "TokenBatch[" + rows() + " rows from position " + position + ", tokens " + Arrays.toString(tokens) + "]";
    }
}
