package io.chunkwise.crossfade;

/**
 * The gains of each row. In the first {@code fade} rows of a chunk they move in equal steps from those that the row before had to the
 * chunk's, and have them from then on: row i of the window has from + (i + 1) / (fade + 1) · (to − from). A chunk that is shorter than the
 * window hands over the gains that it has reached.
 *
 * <p>Deviation: the paper blends the outputs of two adapters; both are prefixes of one ladder, so that blending gains gives the same sum in
 * one pass.
 */
public final class GainSchedule {
    private final int fade;
    private float[] from = new float[0];
    private float[] to = new float[0];
    private float[] reached = new float[0];
    private double fromComponents;
    private double toComponents;
    private double components;
    private int row; // of the chunk

    /** @param fade rows of the window; 0 is a hard switch */
    public GainSchedule(int fade) {
        this.fade = fade;
    }

    /**
     * A chunk begins that nothing comes before: its first row has its gains.
     *
     * @param gains      [groups], viewed
     * @param components that they stand for
     */
    public void begin(float[] gains, double components) {
        from = new float[gains.length];
        reached = new float[gains.length];
        to = gains;
        toComponents = components;
        row = fade;
    }

    /**
     * A chunk of the same adapter begins.
     *
     * @param gains      [groups], viewed
     * @param components that they stand for
     */
    public void fadeTo(float[] gains, double components) {
        System.arraycopy(reached, 0, from, 0, from.length);
        fromComponents = this.components;
        to = gains;
        toComponents = components;
        row = 0;
    }

    /** Writes the next row's gains to {@code out[offset, offset + groups)}. */
    public void next(float[] out, int offset) {
        if (row >= fade) {
            System.arraycopy(to, 0, reached, 0, to.length);
            components = toComponents;
        } else {
            float weight = weight(row, fade);
            for (int group = 0; group < to.length; group++) {
                reached[group] = from[group] + weight * (to[group] - from[group]);
            }
            components = fromComponents + weight * (toComponents - fromComponents);
            row++;
        }
        System.arraycopy(reached, 0, out, offset, reached.length);
    }

    /** Mean active components per site in the last row, faded ones by their gain. */
    public double components() {
        return components;
    }

    /** The incoming chunk's part in a row of the window, from 0. */
    public static float weight(int row, int fade) {
        return row >= fade ? 1 : (row + 1f) / (fade + 1f);
    }
}
