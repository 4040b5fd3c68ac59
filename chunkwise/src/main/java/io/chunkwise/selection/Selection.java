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
}
