package io.chunkwise.generate;

import io.chunkwise.model.Progress;

/** Hears of text as it is made. Called from the thread that generates; what it throws ends generation. */
public interface GenerationListener {
    GenerationListener NONE = text -> {
    };

    /** The next piece of the text; never empty, whole characters. */
    void onText(String text);

    /** Told how far the prefill is, in tokens. */
    default Progress prefill() {
        return Progress.NONE;
    }
}
