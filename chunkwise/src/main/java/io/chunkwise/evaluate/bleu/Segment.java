package io.chunkwise.evaluate.bleu;

import java.util.List;

/**
 * A line that is to be compared.
 *
 * @param text       the hypothesis, or the source that a model translates
 * @param references one at least
 */
public record Segment(String text, List<String> references) {

    public Segment {
        references = List.copyOf(references);
    }
}
