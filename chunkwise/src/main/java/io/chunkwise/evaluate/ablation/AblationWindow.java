package io.chunkwise.evaluate.ablation;

import io.chunkwise.evaluate.perplexity.TextWindow;

/**
 * A window of the text, under one variant.
 *
 * @param place   of the variant, in the order of the report
 * @param variant that reads it
 * @param number  of the window
 */
public record AblationWindow(int place, AblationVariant variant, int number, TextWindow window) {
}
