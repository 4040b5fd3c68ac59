package io.chunkwise.evaluate.batch;

import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * A text to continue. What is empty is as for all prompts of the run.
 *
 * @param stop text that ends generation, in place of the run's
 */
public record Prompt(
        String text, OptionalInt maxTokens, Optional<List<String>> stop, OptionalDouble temperature, OptionalLong seed) {

    public Prompt {
        stop = stop.map(List::copyOf);
    }
}
