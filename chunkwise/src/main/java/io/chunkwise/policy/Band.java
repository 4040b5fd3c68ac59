package io.chunkwise.policy;

import io.chunkwise.model.kv.KvFormat;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * What happens to text of one degree of complexity. Bands go from easy to hard by their percentiles; nothing else needs to ascend.
 *
 * @param name            for people
 * @param upperPercentile scores from the band before up to this percentile of recent scores belong to the band, in (0, 100]; the last
 *                        band has 100
 * @param minTokens       a chunk is at least this long before another band may end it
 * @param maxTokens       a chunk ends at this length
 * @param components      active components per site, {@link #ALL_COMPONENTS} for all that the adapter has; sites that have fewer use
 *                        those. A mean over sites for {@link RungKind#THRESHOLD}, else a whole number. 0 switches the adapter off
 * @param scale           factor on the adapter's update (the paper's gate α)
 * @param kv              formats that pages of the band may take under {@link KvPolicy.Adaptive}: {@link KvFormat#FULL} first, the most
 *                        aggressive last
 */
public record Band(String name, double upperPercentile, int minTokens, int maxTokens, double components, float scale, List<KvFormat> kv) {
    /** As many components as the adapter has. */
    public static final double ALL_COMPONENTS = Double.POSITIVE_INFINITY;
    /** Tokens of the longest chunk that a policy may ask for. */
    public static final int LONGEST_CHUNK = 65_536;
    static final float LARGEST_SCALE = 100;

    public Band {
        kv = List.copyOf(kv);
        Check.that(!name.isBlank(), "a band without a name");
        Check.that(upperPercentile > 0 && upperPercentile <= 100,
                "band '" + name + "': upper percentile " + upperPercentile + " is not in (0, 100]");
        Check.that(minTokens >= 1 && minTokens <= maxTokens && maxTokens <= LONGEST_CHUNK, "band '" + name + "': chunks of " + minTokens
                + " to " + maxTokens + " tokens, expected 1 <= minTokens <= maxTokens <= " + LONGEST_CHUNK);
        Check.that(components >= 0, "band '" + name + "': " + components + " components, expected 0 or more");
        Check.that(Math.abs(scale) <= LARGEST_SCALE, "band '" + name + "': scale " + scale + " is not in [-100, 100]");
        Check.that(ascend(kv), "band '" + name + "': KV formats " + kv
                + ", expected full first and then some of q8, q4, evicted in this order");
    }

    /** Whether formats go from full to fewer and fewer bytes. */
    static boolean ascend(List<KvFormat> formats) {
        return !formats.isEmpty() && formats.getFirst() == KvFormat.FULL && EnumSet.copyOf(formats).stream().toList().equals(formats);
    }

    /** The same with other components. */
    public Band withComponents(double other) {
        return new Band(name, upperPercentile, minTokens, maxTokens, other, scale, kv);
    }

    /** {@link #kv} as a set. */
    public Set<KvFormat> kvFormats() {
        return EnumSet.copyOf(kv);
    }
}
