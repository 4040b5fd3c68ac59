package io.chunkwise.evaluate.ablation;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** What is varied. */
public enum Experiment {
    /** Which signals decide: each alone, each left out, all of them, and token benefits. */
    SIGNALS("which signals decide"),
    /** Over how many rows one chunk's rung fades into the next one's. */
    FADE("cross-fade windows"),
    /** The same number of components for all tokens, or more for some. */
    RANK("uniform ranks and adaptive ones"),
    /** How the KV cache is kept. */
    KV("KV policies");

    private final String title;

    Experiment(String title) {
        this.title = title;
    }

    /** On the command line and in results: "signals". */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** For people. */
    public String title() {
        return title;
    }

    /** @throws IllegalArgumentException naming the experiments that there are */
    public static Experiment of(String word) {
        return Arrays.stream(values()).filter(experiment -> experiment.word().equals(word)).findFirst()
                .orElseThrow(() -> new IllegalArgumentException("there is no experiment '" + word + "'; experiments are "
                        + Arrays.stream(values()).map(Experiment::word).collect(Collectors.joining(", "))));
    }
}
