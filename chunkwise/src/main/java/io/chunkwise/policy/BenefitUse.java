package io.chunkwise.policy;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** What a policy makes of the token benefits of an adapter's ladder, {@link io.chunkwise.ladder.TokenBenefit}. */
public enum BenefitUse {
    /** Where the ladder has them they alone are the score, else the weighted signals. */
    PREFER,
    /** They alone are the score; an adapter whose ladder has none is refused. */
    REQUIRE,
    /** The weighted signals are the score. */
    IGNORE;

    /** In policies: "prefer", "require", "ignore". */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    static BenefitUse of(String word) {
        return values()[words().indexOf(word)];
    }

    static List<String> words() {
        return Arrays.stream(values()).map(BenefitUse::word).toList();
    }
}
