package io.chunkwise.selection;

import io.chunkwise.crossfade.GainSchedule;
import java.util.List;

/**
 * Keeps the mean of active components, over all rows of a sequence so far, within a bound. A chunk gets the highest rung with which
 * the bound holds after every one of its rows, were it as long as its band allows, and with which enough is left over to fade it out again;
 * no rung of the policy that is small enough means no adapter. What easy chunks don't use, hard ones may. Chunks that end within their own
 * cross-fade, at forced boundaries, can miss the bound by a few rows of a fade.
 */
public final class RankBudget {
    private static final double ROUNDING = 1e-9;

    private final double meanComponents;
    private final int fade;
    private double spent; // components over all rows, less the budget for them

    /**
     * @param meanComponents per site; infinite for no budget
     * @param fade           rows of the cross-fade
     */
    public RankBudget(double meanComponents, int fade) {
        this.meanComponents = meanComponents;
        this.fade = fade;
    }

    /** A new sequence begins. */
    public void reset() {
        spent = 0;
    }

    /**
     * What a chunk gets.
     *
     * @param outgoing components of the row before; those of the selection itself are taken where nothing fades
     * @param fades    whether the chunk begins with a cross-fade
     * @param longest  tokens of the band's longest chunk
     */
    public Selection choose(RungSelector selector, int band, double outgoing, boolean fades, int longest) {
        List<Selection> choices = selector.choices(band);
        if (meanComponents == Double.POSITIVE_INFINITY) {
            return choices.getFirst();
        }
        return choices.stream().filter(choice -> isWithin(choice.components(), fades ? outgoing : choice.components(), longest))
                .findFirst().orElse(choices.getLast());
    }

    /** Takes note of a row. */
    public void spend(double components) {
        if (meanComponents != Double.POSITIVE_INFINITY) {
            spent += components - meanComponents;
        }
    }

    private boolean isWithin(double components, double outgoing, int longest) {
        double after = spent;
        for (int row = 0; row < Math.min(fade, longest); row++) {
            after += outgoing + GainSchedule.weight(row, fade) * (components - outgoing) - meanComponents;
            if (after > ROUNDING) {
                return false;
            }
        }
        after += Math.max(0, longest - fade) * (components - meanComponents);
        for (int row = 0; row < fade; row++) {
            after += Math.max(0, components * (1 - GainSchedule.weight(row, fade)) - meanComponents);
        }
        return after <= ROUNDING;
    }
}
