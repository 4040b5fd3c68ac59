package io.chunkwise.tests.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A policy whose rungs are far apart, and which does not change when the built-in one is tuned. */
final class ThreeBands {
    static final String TEXT = """
        signals:
          entropy: {weight: 1}
          ngram: {weight: 1}
          prior: {weight: 0.25}
        bands:
          - {name: easy, upperPercentile: 40, minTokens: 16, maxTokens: 64, components: 4, scale: 1.0, kv: [full, q8, q4, evicted]}
          - {name: medium, upperPercentile: 80, minTokens: 16, maxTokens: 48, components: 8, kv: [full, q8, q4]}
          - {name: hard, upperPercentile: 100, minTokens: 8, maxTokens: 32, components: 32, kv: [full, q8]}
        fadeTokens: 4
        """;

    private ThreeBands() {
    }

    /** The policy as a file. */
    static Path in(Path directory) {
        try {
            return Files.writeString(directory.resolve("three-bands.yaml"), TEXT);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
