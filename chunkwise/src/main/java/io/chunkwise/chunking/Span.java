package io.chunkwise.chunking;

/** Positions [{@code start}, {@code end}) of a sequence; at least one. */
public record Span(int start, int end) {

    public Span {
        if (start < 0 || end <= start) {
            throw new IllegalArgumentException("span [" + start + ", " + end + ")");
        }
    }

    public int length() {
        return end - start;
    }
}
