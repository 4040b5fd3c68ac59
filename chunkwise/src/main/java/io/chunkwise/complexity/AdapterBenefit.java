package io.chunkwise.complexity;

import io.chunkwise.ladder.TokenBenefit;
import java.util.Optional;

/**
 * How much more components of the adapter in use gain after the token that is read: its entry in the calibrated table of the adapter's
 * ladder.
 *
 * <p>Range [0, 1]: the share of the calibration's tokens that gain as much or less. NaN without a table. Cost: one look-up; the table is
 * a float per id of the vocabulary. Known for position t itself, its token included, in prompts and in decode alike.
 *
 * <p>Deviation: the paper's signals say how hard a text is. What an adapter gains hardly depends on that (docs/experiments.md); of all that
 * is known before a row runs, its token says most about it.
 */
final class AdapterBenefit implements Signal {
    private Optional<TokenBenefit> table = Optional.empty();

    /** Takes the table of another adapter. */
    void use(Optional<TokenBenefit> other) {
        table = other;
    }

    boolean isKnown() {
        return table.isPresent();
    }

    @Override
    public float before(int position, int token) {
        return table.isPresent() ? table.get().of(token) : Float.NaN;
    }

    @Override
    public void after(int position, float nextTokenEntropy, float attentionEntropy) {
        // needs no statistics
    }

    @Override
    public void reset() {
        // has no memory
    }
}
