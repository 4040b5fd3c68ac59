package io.chunkwise.spark;

import io.chunkwise.evaluate.Shard;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A directory with a file of results per shard.
 *
 * @param directory absolute
 */
record ShardFiles(Path directory) {
    private static final Pattern NAME = Pattern.compile("shard-[0-9]+-of-([0-9]{1,6})\\.jsonl");
    private static final Pattern SCHEME = Pattern.compile("[A-Za-z][A-Za-z0-9+.-]+:/.*");

    /** @throws IllegalArgumentException if it cannot be a directory that all machines have */
    static ShardFiles in(Path output) {
        if (SCHEME.matcher(output.toString()).matches()) {
            throw new IllegalArgumentException("--output " + output + ": expected a directory on a file system that all machines mount");
        }
        if (Files.exists(output) && !Files.isDirectory(output)) {
            throw new IllegalArgumentException("--output " + output + ": is a file, expected a directory");
        }
        try {
            Files.createDirectories(output);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return new ShardFiles(output.toAbsolutePath().normalize());
    }

    Path file(Shard shard) {
        return directory.resolve("shard-" + shard.index() + "-of-" + shard.count() + ".jsonl");
    }

    /**
     * How many shards the job has: as many as before, if there was one.
     *
     * @param wanted    0: any number
     * @param otherwise if nothing was said and nothing is there
     * @throws IllegalArgumentException if there are files of another number
     */
    int count(int wanted, int otherwise) {
        List<Integer> there = counts();
        if (there.size() > 1 || wanted > 0 && !there.isEmpty() && there.getFirst() != wanted) {
            throw new IllegalArgumentException(directory + ": has files of " + there.getFirst() + " shards"
                    + (there.size() > 1 ? " and of " + there.get(1) : ", not " + wanted) + "; use another directory");
        }
        if (wanted < 0) {
            throw new IllegalArgumentException(ChunkwiseSpark.SHARDS + "=" + wanted + ": expected a number from 1 up");
        }
        return !there.isEmpty() ? there.getFirst() : wanted > 0 ? wanted : otherwise;
    }

    private List<Integer> counts() {
        TreeSet<Integer> counts = new TreeSet<>();
        try (Stream<Path> files = Files.list(directory)) {
            files.map(file -> NAME.matcher(file.getFileName().toString())).filter(Matcher::matches)
                    .forEach(name -> counts.add(Integer.parseInt(name.group(1))));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return List.copyOf(counts);
    }
}
