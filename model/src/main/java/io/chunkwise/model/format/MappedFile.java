package io.chunkwise.model.format;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * A whole file, mapped read-only.
 *
 * @param name  the path as it was given, for messages
 * @param bytes the file's content, at least one byte; unmapped when its arena is closed
 */
public record MappedFile(String name, MemorySegment bytes) {

    /**
     * Maps a file.
     *
     * @throws FormatException if it is absent, not a regular file, empty, or cannot be read
     */
    public static MappedFile open(Path file, Arena memory) {
        requireRegular(file);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            long size = channel.size();
            if (size == 0) {
                throw new FormatException(file.toString(), "the file is empty. Was the download or copy interrupted?");
            }
            return new MappedFile(file.toString(), channel.map(MapMode.READ_ONLY, 0, size, memory));
        } catch (IOException e) {
            throw unreadable(file, e);
        }
    }

    /**
     * Refuses what could block when it is opened.
     *
     * @throws FormatException if there is no such file, or it is a directory, a pipe or a device
     */
    public static void requireRegular(Path file) {
        if (!Files.exists(file)) {
            throw new FormatException(file.toString(), "no such file");
        }
        if (!Files.isRegularFile(file)) {
            throw new FormatException(file.toString(),
                    Files.isDirectory(file) ? "is a directory, expected a file" : "is not a regular file");
        }
    }

    static FormatException unreadable(Path file, IOException cause) {
        String reason = cause instanceof AccessDeniedException ? "permission denied" : cause.getMessage();
        return new FormatException(file.toString(), "cannot be read: " + reason, cause);
    }
}
