package io.chunkwise.tornado.device;

import java.util.stream.Collectors;

/**
 * What a failure of TornadoVM comes down to, in one line: its messages come in colours, in each other, and with a stack in them.
 *
 * @param root    the innermost cause
 * @param message of the root; may be empty
 */
public record Reason(Throwable root, String message) {

    /**
     * TornadoVM throws exceptions and its compiler errors, so callers catch both.
     *
     * @throws VirtualMachineError the failure itself, if it is one: that is not TornadoVM's
     */
    public static Reason of(Throwable failure) {
        if (failure instanceof VirtualMachineError fatal) {
            throw fatal;
        }
        Throwable root = failure;
        while (root.getCause() != null && root.getCause() != root) {
            root = root.getCause();
        }
        return new Reason(root, root.getMessage() == null ? "" : plain(root.getMessage()));
    }

    private static String plain(String message) {
        String plain = message.replaceAll("\u001B\\[[;\\d]*m", "").replaceFirst("(?s)Stacktrace:.*", "");
        return plain.lines()
                .map(line -> line.replaceAll("^\\s*(?:Reason:|The internal error is:)?\\s*|[.\\s]+$", ""))
                .filter(line -> !line.isEmpty() && !line.equals("null") && !line.equals("Bailout is disabled"))
                .collect(Collectors.joining(": "));
    }

    /** The kind of failure, and the message if there is one; without a full stop. */
    @Override
    public String toString() {
        return root.getClass().getSimpleName() + (message.isEmpty() ? "" : ": " + message);
    }
}
