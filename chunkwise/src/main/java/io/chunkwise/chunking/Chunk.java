package io.chunkwise.chunking;

/**
 * A span and what was decided for it.
 *
 * @param band index into the policy's bands; 0 is the easiest
 */
public record Chunk(Span span, int band) {
}
