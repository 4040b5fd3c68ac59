package io.chunkwise.generate;

import io.chunkwise.model.Progress;
import io.chunkwise.schedule.Decision;

/** Hears of text as it is made. Called from the thread that generates; what it throws ends generation. */
public interface GenerationListener {
    GenerationListener NONE = text -> {
    };

    /** The next piece of the text; never empty, whole characters. */
    void onText(String text);

    /**
     * What was decided for the next new token; called before the text that the token adds. Not called for an end-of-text token, nor for one
     * that the context has no room for: it never runs.
     */
    default void onDecision(Decision decision) {
    }

    /** Told how far the prefill is, in tokens. */
    default Progress prefill() {
        return Progress.NONE;
    }
}
