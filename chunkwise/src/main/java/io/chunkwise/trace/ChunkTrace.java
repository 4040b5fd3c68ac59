package io.chunkwise.trace;

import io.chunkwise.model.kv.KvFormat;
import java.util.Map;

/**
 * One chunk: a span of positions and what was decided for it.
 *
 * @param start              first position
 * @param end                one past the last position
 * @param band               name of the complexity band, from the policy
 * @param bandIndex          0 is the easiest
 * @param bands              how many bands the policy has
 * @param rung               how people say it: "8", "σ ≥ 0.31", "off"
 * @param meanComponents     mean active components per site over the chunk's rows, cross-faded ones by their gain
 * @param scale              factor on the adapter's update
 * @param kvFormat           the format that most of its layers' pages have now
 * @param kvPages            pages by format, over all layers; pages that two chunks share count for both
 * @param linearizationError the largest measured error of its pages in the formats that they have; NaN where nothing was measured
 * @param adapter            name of the adapter; empty without one
 */
public record ChunkTrace(int start, int end, String band, int bandIndex, int bands, String rung, double meanComponents, float scale,
        KvFormat kvFormat, Map<KvFormat, Integer> kvPages, double linearizationError, String adapter) {

    public ChunkTrace {
        kvPages = Map.copyOf(kvPages);
    }
}
