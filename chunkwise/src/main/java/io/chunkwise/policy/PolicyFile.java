package io.chunkwise.policy;

import java.nio.file.Path;

/**
 * Reads policies from YAML. The schema is that of the built-in policy, {@link #adaptiveText()}, which explains every key. A key that is
 * unknown, missing, given twice, of the wrong type or out of range is refused with the line that it is on.
 */
public final class PolicyFile {

    private PolicyFile() {
    }

    /**
     * @param path as the user gave it
     * @throws io.chunkwise.model.format.FormatException in one line: file, line number, what is expected
     */
    public static ChunkPolicy read(Path path) {
        throw new UnsupportedOperationException("not yet: " + path);
    }

    /**
     * @param name  of the policy, and of the file in messages
     * @param yaml  the text of the file
     * @throws io.chunkwise.model.format.FormatException as {@link #read}
     */
    public static ChunkPolicy parse(String name, String yaml) {
        throw new UnsupportedOperationException("not yet: " + name + yaml);
    }

    /** The built-in policy "adaptive" as a commented file, for people to copy. */
    public static String adaptiveText() {
        throw new UnsupportedOperationException("not yet");
    }
}
