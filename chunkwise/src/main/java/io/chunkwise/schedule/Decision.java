package io.chunkwise.schedule;

/**
 * What was decided for one token, before its row ran.
 *
 * @param position   in the sequence, from 0
 * @param token      id
 * @param newChunk   whether a chunk begins here
 * @param band       index of the chunk's band; 0 is the easiest
 * @param rung       of the chunk, how people say it: "8", "σ ≥ 0.31", "all", "off"
 * @param components mean active components per site in this row, cross-faded ones by their gain
 * @param scale      of the chunk: factor on the adapter's update
 * @param adapter    name of the adapter; empty without one
 */
public record Decision(int position, int token, boolean newChunk, int band, String rung, double components, float scale, String adapter) {
}
