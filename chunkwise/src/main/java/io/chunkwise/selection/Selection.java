package io.chunkwise.selection;

/**
 * What a chunk's rows get.
 *
 * @param rung       how people say it: "8", "σ ≥ 0.31", "all", "off"
 * @param components mean active components per site
 * @param scale      factor on the adapter's update
 * @param gains      [groups] of the adapter, the scale in them; shared, nobody changes it
 */
public record Selection(String rung, double components, float scale, float[] gains) {

    /** Leading groups of the adapter up to the last one that is on. */
    public int activeGroups() {
        int groups = gains.length;
        while (groups > 0 && gains[groups - 1] == 0) {
            groups--;
        }
        return groups;
    }

    /** The same where no adapter is attached. */
    Selection withoutGroups() {
        return new Selection(rung, components, scale, new float[0]);
    }
}
