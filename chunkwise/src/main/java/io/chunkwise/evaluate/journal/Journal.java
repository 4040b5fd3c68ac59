package io.chunkwise.evaluate.journal;

import com.fasterxml.jackson.databind.JsonNode;
import io.chunkwise.evaluate.Configuration;
import io.chunkwise.model.format.FormatException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;

/**
 * Results of one configuration by item, each of them once. In a file they survive the run: a result is there as soon as {@link #append}
 * returns, whatever becomes of the process, and a line that was torn when it died is dropped. One run at a time writes a file.
 */
public final class Journal<R> implements AutoCloseable {
    private final Map<String, R> rows;
    private final Configuration configuration;
    private final Path file;
    private final FileChannel channel; // null: in memory

    private Journal(Map<String, R> rows, Configuration configuration, Path file, FileChannel channel) {
        this.rows = rows;
        this.configuration = configuration;
        this.file = file;
        this.channel = channel;
    }

    /** Forgets its results when it is closed. */
    public static <R> Journal<R> inMemory() {
        return new Journal<>(new HashMap<>(), Configuration.empty(), null, null);
    }

    /**
     * Opens a file to go on with, or begins one.
     *
     * @throws FormatException      if the file holds something else, results of another configuration, or damaged ones, or another run
     *                              writes it
     * @throws UncheckedIOException if it can be neither read nor written
     */
    public static <R> Journal<R> open(Path file, Configuration configuration, Class<R> type) {
        return open(file, configuration, type, () -> {
            throw new FormatException(file.toString(), "is being written by another run; wait for it, or use another file");
        });
    }

    /**
     * Opens a file to go on with, or begins one; waits while another run writes it.
     *
     * @param pause called as long as that is so; what it throws ends the waiting
     * @throws FormatException      if the file holds something else, results of another configuration, or damaged ones
     * @throws UncheckedIOException if it can be neither read nor written
     */
    public static <R> Journal<R> open(Path file, Configuration configuration, Class<R> type, Runnable pause) {
        FileChannel channel = null;
        try {
            channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
            while (!locked(channel)) {
                pause.run();
            }
            // Through this channel: to close another one on the file would give up its lock.
            JournalReader.Content<R> content = JournalReader.read(file, Channels.newInputStream(channel), type,
                    (number, line) -> require(file, number, line, configuration));
            channel.truncate(content.length());
            channel.position(content.length());
            Map<String, R> rows = new HashMap<>();
            content.lines().forEach((id, line) -> rows.put(id, line.result()));
            return new Journal<>(rows, configuration, file, channel);
        } catch (IOException e) {
            close(channel);
            throw new UncheckedIOException(e);
        } catch (RuntimeException | Error e) {
            close(channel);
            throw e;
        }
    }

    /**
     * The results of files that were written in the shards of one evaluation.
     *
     * @param rows          by item
     * @param configuration that they share, but for the device, which may be one per shard; that of the first file
     */
    public record Merged<R>(SequencedMap<String, R> rows, Configuration configuration) {
    }

    /**
     * What the results of a file go by.
     *
     * @throws FormatException if it holds no results
     */
    public static Configuration configuration(Path file) {
        return merge(List.of(file), JsonNode.class).configuration();
    }

    /**
     * Puts the results of shards together.
     *
     * @param files at least one; not changed
     * @throws FormatException if one holds no results, its configuration is not the first one's, or an item is there twice
     */
    public static <R> Merged<R> merge(List<Path> files, Class<R> type) {
        SequencedMap<String, R> rows = new LinkedHashMap<>();
        Map<String, Path> homes = new HashMap<>();
        Configuration[] first = new Configuration[1];
        for (Path file : files) {
            try (InputStream in = Files.newInputStream(file)) {
                JournalReader.read(file, in, type, (number, line) -> {
                    first[0] = first[0] == null ? line.configuration() : first[0];
                    line.configuration().withoutPlace().differenceTo(first[0].withoutPlace()).ifPresent(difference -> {
                        throw new FormatException(file.toString(), "line " + number + " is a result of " + difference + " as in "
                                + files.getFirst() + "; such results make no figures together");
                    });
                    Path home = homes.putIfAbsent(line.id(), file);
                    if (home != null && !home.equals(file)) {
                        throw new FormatException(file.toString(), "item '" + line.id() + "' is in " + home + ", too; shards of one "
                                + "evaluation share no items");
                    }
                    rows.put(line.id(), line.result());
                });
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        if (first[0] == null) {
            throw new FormatException(files.getFirst().toString(), "holds no results");
        }
        return new Merged<>(rows, first[0]);
    }

    /** The result of an item, if there is one. */
    public Optional<R> row(String id) {
        return Optional.ofNullable(rows.get(id));
    }

    /** How many items have a result. */
    public int size() {
        return rows.size();
    }

    /**
     * Adds the result of an item that has none.
     *
     * @throws IllegalStateException if it has one
     */
    public void append(String id, R row) {
        if (rows.containsKey(id)) {
            throw new IllegalStateException("item '" + id + "' has a result");
        }
        if (channel != null) {
            ByteBuffer line = ByteBuffer.wrap(new JournalLine<>(id, row, configuration).bytes());
            try {
                while (line.hasRemaining()) {
                    channel.write(line);
                }
            } catch (IOException e) {
                throw new UncheckedIOException(file + ": cannot be written", e);
            }
        }
        rows.put(id, row);
    }

    @Override
    public void close() {
        close(channel);
    }

    private static void require(Path file, int number, JournalLine<?> line, Configuration expected) {
        line.configuration().differenceTo(expected).ifPresent(difference -> {
            throw new FormatException(file.toString(), "line " + number + " is a result of another configuration (" + difference
                    + "); use another file, or delete this one");
        });
    }

    /** Whether nobody else has the file, which is then locked until the channel is closed. */
    private static boolean locked(FileChannel channel) throws IOException {
        try {
            return channel.tryLock() != null;
        } catch (OverlappingFileLockException e) { // held in this process
            return false;
        }
    }

    private static void close(FileChannel channel) {
        if (channel != null) {
            try {
                channel.close();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
