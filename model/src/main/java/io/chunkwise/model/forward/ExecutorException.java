package io.chunkwise.model.forward;

/** An executor that cannot be opened or whose device failed. The message is one line: what, where, what to do. */
public final class ExecutorException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public ExecutorException(String message) {
        super(message);
    }

    public ExecutorException(String message, Throwable cause) {
        super(message, cause);
    }
}
