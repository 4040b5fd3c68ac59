package io.chunkwise.generate;

import java.util.List;

/**
 * What to generate.
 *
 * @param maxTokens   new tokens at most
 * @param stopStrings text that ends generation; it is not part of the result
 * @param ignoreEnd   go on after an end-of-text token
 */
public record GenerationRequest(int maxTokens, List<String> stopStrings, boolean ignoreEnd, SamplingOptions sampling) {

    public GenerationRequest {
        stopStrings = List.copyOf(stopStrings);
        if (maxTokens < 0) {
            throw new IllegalArgumentException("max tokens " + maxTokens + " is negative");
        }
        if (stopStrings.stream().anyMatch(String::isEmpty)) {
            throw new IllegalArgumentException("an empty stop string would stop at once");
        }
    }
}
