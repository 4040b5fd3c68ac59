package io.chunkwise.runner.terminal;

/** Nobody reads standard output any more ({@code chunkwise … | head}): a reason to stop, not an error. */
public final class OutputClosedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public OutputClosedException() {
        super("standard output is closed");
    }
}
