package io.chunkwise.evaluate.ablation;

import io.chunkwise.evaluate.perplexity.PerplexityRow;

/**
 * The result of a window under one variant; says what it is of, so that figures take nothing else.
 *
 * @param place     of the variant, in the order of the report
 * @param reference name of the variant that it is compared with, or null
 * @param rungs     "fixed" or "threshold"
 * @param uniform   whether all tokens have the same components
 * @param window    number of the window
 */
public record AblationRow(int place, String experiment, String variant, String reference, String policy, String rungs, boolean uniform,
        String kvPolicy, int window, PerplexityRow result) {
}
